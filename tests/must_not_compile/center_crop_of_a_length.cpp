// expect: center_crop_needs_images_of_fixed_height_and_width<.*float, 3, 4
#include <sinter/sinter.hpp>
#include <sinter/vision/crop.hpp>

using namespace sinter;

int main() {
  const Tensor<float, 3, 4, upto<8, 'W'>> x;
  const auto y = vision::center_crop<2>(x);
}
