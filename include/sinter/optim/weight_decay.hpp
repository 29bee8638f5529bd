// Weight decay as a part of the gradient.
#pragma once
#include "../nn/linear.hpp"

namespace sinter::inline SINTER_ABI::optim {

/// g + weight_decay · p. A decay of 0 adds nothing, even for an infinite parameter. PyTorch: the weight_decay of
/// torch.optim.SGD, Adam, RMSprop and Adagrad.
constexpr auto with_decay(const auto& g, const Scalar& weight_decay, const auto& p) {
  return g + select(weight_decay == 0.f, 0.f, weight_decay * p);
}

}  // namespace sinter::optim
