// Dropout: random zeros in training.
#pragma once
#include "../ops/ops.hpp"

namespace sinter::inline SINTER_ABI::nn {

/// In a training step every element is 0 with probability p and the others are scaled by 1 / (1 − p); in inference x
/// itself. The zeros follow from the step's seed and number. PyTorch: torch.nn.Dropout.
struct Dropout {
  float p = .5f;
  constexpr auto operator()(const Operand auto& x) const { return dropout(x, double(p)); }
};

}  // namespace sinter::nn
