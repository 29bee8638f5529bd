// expect: pooling_needs_fixed_spatial_extents<.*1, 3.*8
#include <sinter/sinter.hpp>
using namespace sinter;

int main() {
  Tensor<float, 1, 3, upto<8, 'B'>, 8> x;
  auto y = eval(max_pool2d<2>(x));
}
