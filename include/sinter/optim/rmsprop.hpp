// RMSprop (Hinton, lecture 6e of "Neural networks for machine learning", 2012), in PyTorch's order of operations.
#pragma once
#include "../nn/linear.hpp"
#include "../tensor/option.hpp"
#include "weight_decay.hpp"

namespace sinter::inline SINTER_ABI::optim {

/// Divides gradients by the root of a moving average of their squares; `centered` (0 or 1) subtracts the square of
/// their average from it, which makes it their variance. All members are inputs of the step. PyTorch:
/// torch.optim.RMSprop; where rounding makes the variance negative, it is 0 here and NaN there.
struct RMSprop {
  Rate lr = 1e-2f;
  Scalar alpha = .99f, eps = 1e-8f, weight_decay = 0.f;
  Rate momentum = 0.f;
  Scalar centered = 0.f;

  static constexpr int moments = 3;

  constexpr void check() const {
    check_option(lr.value() >= 0, "RMSprop", "lr", "0 or more", double(lr.value()));
    check_option(alpha.value() >= 0, "RMSprop", "alpha", "0 or more", double(alpha.value()));
    check_option(eps.value() >= 0, "RMSprop", "eps", "0 or more", double(eps.value()));
    check_option(weight_decay.value() >= 0, "RMSprop", "weight_decay", "0 or more", double(weight_decay.value()));
    check_option(momentum.value() >= 0, "RMSprop", "momentum", "0 or more", double(momentum.value()));
  }

  constexpr auto operator()(auto p, auto g, auto, auto square, auto average, auto sum) const {
    const auto decayed = with_decay(g, weight_decay, p);
    const auto new_square = alpha * square + (1.f - alpha) * decayed * decayed;
    const auto new_average = alpha * average + (1.f - alpha) * decayed;
    const auto variance = select(centered > 0.f, new_square - new_average * new_average, new_square);
    const auto new_sum = momentum * sum + decayed / (sqrt(select(variance < 0.f, 0.f, variance)) + eps);
    return std::tuple{p - lr * new_sum, new_square, new_average, new_sum};
  }
};

}  // namespace sinter::optim
