// Adam (Kingma and Ba, 2014), with PyTorch's defaults and order of operations; except that a division of all elements
// by one number is a product with its reciprocal, since divisions limit a step's speed.
#pragma once
#include "bias_correction.hpp"
#include "weight_decay.hpp"

namespace sinter::inline SINTER_ABI::optim {

/// An optimizer is a plain struct. Its `Scalar` members are inputs of the compiled step: changing `lr` between steps
/// takes effect at the next one. A `Rate` may also be a function of the steps so far, such as a schedule
/// (schedule.hpp): `Adam{.lr = optim::OneCycleLR{.max_lr = .01, .total_steps = 1000}}`. Every parameter has `moments`
/// tensors of state, initially zero. The call maps (parameters, gradients, number of the step from 1 on, moments…) to
/// (new parameters, new moments…). `check`, if there is one, throws an `Error` for invalid numbers when a training step
/// is made. PyTorch: torch.optim.Adam (weight_decay is added to the gradient, as there).
struct Adam {
  Rate lr = 1e-3f, beta1 = .9f;
  Scalar beta2 = .999f, eps = 1e-8f, weight_decay = 0.f;

  static constexpr int moments = 2;

  constexpr void check() const { check_adam("Adam", *this); }

  constexpr auto operator()(auto p, auto g, auto step, auto m, auto v) const {
    const auto decayed = with_decay(g, weight_decay, p);
    const auto new_m = beta1 * m + (1.f - beta1) * decayed;
    const auto new_v = beta2 * v + (1.f - beta2) * decayed * decayed;
    // scalars, computed once per step
    const auto size = lr / bias_correction(beta1, step), correction = 1.f / sqrt(bias_correction(beta2, step));
    const auto new_p = p - size * (new_m / (sqrt(new_v) * correction + eps));
    return std::tuple{new_p, new_m, new_v};
  }
};

}  // namespace sinter::optim
