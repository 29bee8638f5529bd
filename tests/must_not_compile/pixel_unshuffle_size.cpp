// expect: pixel_unshuffle_needs_images_whose_height_and_width_its_factor_divides<.*float, 1, 3, 4, 5.*2
#include <sinter/sinter.hpp>

using namespace sinter;

int main() {
  const Tensor<float, 1, 3, 4, 5> x;
  const auto y = pixel_unshuffle<2>(x);
}
