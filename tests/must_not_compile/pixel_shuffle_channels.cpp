// expect: pixel_shuffle_needs_images_with_channels_that_its_factor_squared_divides<.*float, 1, 6, 4, 4.*2
#include <sinter/sinter.hpp>

using namespace sinter;

int main() {
  const Tensor<float, 1, 6, 4, 4> x;
  const auto y = pixel_shuffle<2>(x);
}
