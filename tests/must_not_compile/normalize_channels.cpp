// expect: normalize_needs_one_mean_and_one_deviation_for_each_channel<.*float, 1, 3, 4, 4.*float, 4
#include <sinter/sinter.hpp>
#include <sinter/vision/normalize.hpp>

using namespace sinter;

int main() {
  const Tensor<float, 1, 3, 4, 4> x;
  const Tensor<float, 4> mean, deviation;
  const auto y = vision::normalize(x, mean, deviation);
}
