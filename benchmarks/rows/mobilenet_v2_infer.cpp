// MobileNetV2 on one image of ImageNet's size: depthwise and pointwise layers.
#include "../models.hpp"
#include "../scoreboard.hpp"

namespace scoreboard {
void mobilenet_v2_infer(Source& source) {
  inference_row<nets::MobileNetV2<1000>, Tensor<float, 1, 3, 224, 224>>(source, "mobilenet_v2_infer_b1");
}
}  // namespace scoreboard
