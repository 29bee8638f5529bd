// A training step of a LeNet with 16 and 32 filters: cross entropy, Adam, a batch of 64.
#include "../models.hpp"
#include "../scoreboard.hpp"

namespace scoreboard {
void lenet_train(Source& source) {
  training_row<nets::LeNet, Tensor<float, 64, 1, 28, 28>, Tensor<int, 64>>(source, "lenet_train_b64");
}
}  // namespace scoreboard
