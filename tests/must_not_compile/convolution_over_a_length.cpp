// expect: convolution_needs_fixed_extents_of_all_but_the_batch<.*1, 3.*8.*2, 3, 3, 3
#include <sinter/sinter.hpp>
using namespace sinter;

int main() {
  Tensor<float, 1, 3, upto<8, 'B'>, 8> x;
  Tensor<float, 2, 3, 3, 3> w;
  auto y = eval(conv2d(x, w));
}
