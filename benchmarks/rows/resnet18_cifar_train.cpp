// A training step of ResNet-18 on 32 × 32 pixels: batch norm with the batch's
// statistics, cross entropy, Adam, a batch of 16.
#include "../models.hpp"
#include "../scoreboard.hpp"

namespace scoreboard {
void resnet18_cifar_train(Source& source) {
  training_row<nets::ResNet18<10, true>, Tensor<float, 16, 3, 32, 32>, Tensor<int, 16>>(source,
                                                                                        "resnet18_cifar_train_b16");
}
}  // namespace scoreboard
