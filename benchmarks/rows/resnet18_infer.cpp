// ResNet-18 on one image of ImageNet's size.
#include "../models.hpp"
#include "../scoreboard.hpp"

namespace scoreboard {
void resnet18_infer(Source& source) {
  inference_row<nets::ResNet18<1000>, Tensor<float, 1, 3, 224, 224>>(source, "resnet18_infer_b1");
}
}  // namespace scoreboard
