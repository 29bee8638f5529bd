// A training step of 784-256-128-10: cross entropy, Adam, a batch of 128.
#include "../models.hpp"
#include "../scoreboard.hpp"

namespace scoreboard {
void mlp_train(Source& source) {
  training_row<nets::Mlp, Tensor<float, 128, 784>, Tensor<int, 128>>(source, "mlp_train_b128");
}
}  // namespace scoreboard
