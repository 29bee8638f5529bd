// expect: convolution_needs_an_image_of_batch_channels_and_spatial_axes<.*float, 2, 64.*float, 8, 3, 5, 5
#include <sinter/sinter.hpp>
using namespace sinter;

int main() {
  Tensor<float, 2, 64> image;
  Tensor<float, 8, 3, 5, 5> weight;
  auto y = eval(conv2d(image, weight));
}
