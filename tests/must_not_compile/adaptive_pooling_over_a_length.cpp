// expect: adaptive_pooling_of_a_bounded_axis_needs_an_output_extent_of_1<.*1, 3.*8
#include <sinter/sinter.hpp>
using namespace sinter;

int main() {
  Tensor<float, 1, 3, upto<8, 'H'>, 8> x;
  auto y = eval(adaptive_avg_pool2d<2>(x));
}
