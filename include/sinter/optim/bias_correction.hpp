// What the variants of Adam share.
#pragma once
#include "../nn/linear.hpp"
#include "../tensor/option.hpp"

namespace sinter::inline SINTER_ABI::optim {

/// 1 − βᵗ in step t, a scalar. In double precision: for β close to 1 the difference would otherwise be rounding error.
constexpr auto bias_correction(const Scalar& beta, auto step) {
  return cast<float>(1.0 - exp(step * log(cast<double>(beta))));
}

/// Checks their numbers when a training step is made.
constexpr void check_adam(const char* owner, const auto& o) {
  check_option(o.lr.value() >= 0, owner, "lr", "0 or more", double(o.lr.value()));
  check_option(o.beta1.value() >= 0 && o.beta1.value() < 1, owner, "beta1", "0 or more, and less than 1",
               double(o.beta1.value()));
  check_option(o.beta2.value() >= 0 && o.beta2.value() < 1, owner, "beta2", "0 or more, and less than 1",
               double(o.beta2.value()));
  check_option(o.eps.value() >= 0, owner, "eps", "0 or more", double(o.eps.value()));
  check_option(o.weight_decay.value() >= 0, owner, "weight_decay", "0 or more", double(o.weight_decay.value()));
}

}  // namespace sinter::optim
