// What a module asks about the program that it is traced into.
#pragma once
#include "../graph/call.hpp"

namespace sinter::inline SINTER_ABI {

/// Whether x is traced for a training step: `if (is_training(x))` in a layer that differs between training and
/// inference, as nn::Dropout and nn::BatchNorm2d do. It is known while tracing, so only one branch becomes a program;
/// both must have one type. False for tensors, in statements. PyTorch: self.training.
template <Operand X> constexpr bool is_training(const X& x) {
  if constexpr (Symbolic<X>) return x.graph->training;
  else return graph::traced_in(x) != nullptr && graph::traced_in(x)->training;
}

}  // namespace sinter
