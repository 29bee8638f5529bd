// Adam with non-increasing step sizes (Reddi, Kale and Kumar, "On the convergence of Adam and beyond", 2018).
#pragma once
#include "bias_correction.hpp"
#include "weight_decay.hpp"

namespace sinter::inline SINTER_ABI::optim {

/// Adam that divides by the largest second moment so far, a third tensor of state. Its members are inputs of the step.
/// PyTorch: torch.optim.Adam(…, amsgrad=True).
struct AMSGrad {
  Rate lr = 1e-3f, beta1 = .9f;
  Scalar beta2 = .999f, eps = 1e-8f, weight_decay = 0.f;

  static constexpr int moments = 3;

  constexpr void check() const { check_adam("AMSGrad", *this); }

  constexpr auto operator()(auto p, auto g, auto step, auto m, auto v, auto largest) const {
    const auto decayed = with_decay(g, weight_decay, p);
    const auto new_m = beta1 * m + (1.f - beta1) * decayed;
    const auto new_v = beta2 * v + (1.f - beta2) * decayed * decayed;
    const auto new_largest = maximum(largest, new_v);
    // scalars, computed once per step
    const auto size = lr / bias_correction(beta1, step), correction = 1.f / sqrt(bias_correction(beta2, step));
    const auto new_p = p - size * (new_m / (sqrt(new_largest) * correction + eps));
    return std::tuple{new_p, new_m, new_v, new_largest};
  }
};

}  // namespace sinter::optim
