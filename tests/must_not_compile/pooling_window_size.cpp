// expect: pooling_window_is_larger_than_the_padded_image<.*float, 2, 3, 4, 4
#include <sinter/sinter.hpp>
using namespace sinter;

int main() {
  Tensor<float, 2, 3, 4, 4> image;
  auto y = eval(max_pool2d<5>(image));
}
