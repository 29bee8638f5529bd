// Stochastic gradient descent with momentum (Polyak, 1964) or Nesterov's
// (Sutskever et al., 2013), in PyTorch's order of operations.
#pragma once
#include "../nn/linear.hpp"
#include "../tensor/option.hpp"
#include "weight_decay.hpp"

namespace sinter::inline SINTER_ABI::optim {

/// p − lr · update. With momentum the update is a moving sum of gradients that starts with the first gradient,
/// undamped. All members are inputs of the step, `nesterov` too: 0 or 1. PyTorch: torch.optim.SGD.
struct SGD {
  Rate lr = 1e-3f, momentum = 0.f;
  Scalar dampening = 0.f, weight_decay = 0.f, nesterov = 0.f;

  static constexpr int moments = 1;

  constexpr void check() const {
    check_option(lr.value() >= 0, "SGD", "lr", "0 or more", double(lr.value()));
    check_option(momentum.value() >= 0, "SGD", "momentum", "0 or more", double(momentum.value()));
    check_option(weight_decay.value() >= 0, "SGD", "weight_decay", "0 or more", double(weight_decay.value()));
    check_option(nesterov.value() == 0 || (momentum.value() > 0 && dampening.value() == 0), "SGD", "nesterov",
                 "a momentum and no dampening", double(nesterov.value()));
  }

  constexpr auto operator()(auto p, auto g, auto step, auto sum) const {
    const auto decayed = with_decay(g, weight_decay, p);
    const auto into_sum =
        select(step > 1.0, select(momentum == 0.f, 1.f, 1.f - dampening), 1.f);  // a scalar, computed once per step
    const auto kept = select(momentum == 0.f, 0.f, momentum * sum);  // 0 · ∞ would be NaN
    const auto new_sum = kept + into_sum * decayed;
    const auto new_p = p - lr * select(nesterov > 0.f, decayed + momentum * new_sum, new_sum);
    return std::tuple{new_p, new_sum};
  }
};

}  // namespace sinter::optim
