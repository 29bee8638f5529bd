// Adam with decoupled weight decay (Loshchilov and Hutter, 2017), in PyTorch's order of operations.
#pragma once
#include "bias_correction.hpp"

namespace sinter::inline SINTER_ABI::optim {

/// Parameters shrink by lr · weight_decay, then take a step of Adam. Its members are inputs of the step.
/// PyTorch: torch.optim.AdamW.
struct AdamW {
  Rate lr = 1e-3f, beta1 = .9f;
  Scalar beta2 = .999f, eps = 1e-8f, weight_decay = 1e-2f;

  static constexpr int moments = 2;

  constexpr void check() const { check_adam("AdamW", *this); }

  constexpr auto operator()(auto p, auto g, auto step, auto m, auto v) const {
    const auto decayed = (1.f - lr * weight_decay) * p;
    const auto new_m = beta1 * m + (1.f - beta1) * g;
    const auto new_v = beta2 * v + (1.f - beta2) * g * g;
    // scalars, computed once per step
    const auto size = lr / bias_correction(beta1, step), correction = 1.f / sqrt(bias_correction(beta2, step));
    const auto new_p = decayed - size * (new_m / (sqrt(new_v) * correction + eps));
    return std::tuple{new_p, new_m, new_v};
  }
};

}  // namespace sinter::optim
