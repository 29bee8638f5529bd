// expect: convolution_kernel_is_larger_than_the_padded_image<.*float, 2, 3, 4, 4.*float, 8, 3, 5, 5
#include <sinter/sinter.hpp>
using namespace sinter;

int main() {
  Tensor<float, 2, 3, 4, 4> image;
  Tensor<float, 8, 3, 5, 5> weight;
  auto y = eval(conv2d(image, weight));
}
