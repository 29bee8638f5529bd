// expect: convolution_needs_fixed_channels_and_weights<.*Upto
#include <sinter/sinter.hpp>
using namespace sinter;

int main() {
  Tensor<float, 1, upto<3, 'C'>, 8, 8> x;
  Tensor<float, 2, 3, 3, 3> w;
  auto y = eval(conv2d(x, w));
}
