// Activations as modules, for nets written as a tuple of layers. As functions they are in the ops room.
#pragma once
#include "../ops/ops.hpp"

namespace sinter::nn {

/// max(x, 0). PyTorch: torch.nn.ReLU.
struct ReLU {
  constexpr auto operator()(const Operand auto& x) const { return relu(x); }
};
/// PyTorch: torch.nn.Tanh.
struct Tanh {
  constexpr auto operator()(const Operand auto& x) const { return tanh(x); }
};
/// PyTorch: torch.nn.Sigmoid.
struct Sigmoid {
  constexpr auto operator()(const Operand auto& x) const { return sigmoid(x); }
};
/// All axes but the first as one. PyTorch: torch.nn.Flatten.
struct Flatten {
  constexpr auto operator()(const Operand auto& x) const { return flatten(x); }
};

}  // namespace sinter::nn
