// Adagrad (Duchi, Hazan and Singer, 2011), in PyTorch's order of operations.
#pragma once
#include "../nn/linear.hpp"
#include "../tensor/option.hpp"
#include "weight_decay.hpp"

namespace sinter::inline SINTER_ABI::optim {

/// Divides gradients by the root of the sum of all their squares so far, which starts at `initial_accumulator_value`.
/// Its members are inputs of the step. PyTorch: torch.optim.Adagrad.
struct Adagrad {
  Rate lr = 1e-2f;
  Scalar lr_decay = 0.f, weight_decay = 0.f, initial_accumulator_value = 0.f, eps = 1e-10f;

  static constexpr int moments = 1;

  constexpr void check() const {
    check_option(lr.value() >= 0, "Adagrad", "lr", "0 or more", double(lr.value()));
    check_option(lr_decay.value() >= 0, "Adagrad", "lr_decay", "0 or more", double(lr_decay.value()));
    check_option(weight_decay.value() >= 0, "Adagrad", "weight_decay", "0 or more", double(weight_decay.value()));
    check_option(initial_accumulator_value.value() >= 0, "Adagrad", "initial_accumulator_value", "0 or more",
                 double(initial_accumulator_value.value()));
    check_option(eps.value() >= 0, "Adagrad", "eps", "0 or more", double(eps.value()));
  }

  constexpr auto operator()(auto p, auto g, auto step, auto sum) const {
    const auto decayed = with_decay(g, weight_decay, p);
    const auto size = cast<float>(lr / (1.0 + (step - 1.0) * lr_decay));
    const auto beginning = select(step > 1.0, 0.f, initial_accumulator_value);  // both are scalars, computed once per
                                                                                // step
    const auto new_sum = sum + beginning + decayed * decayed;
    const auto new_p = p - size * (decayed / (sqrt(new_sum) + eps));
    return std::tuple{new_p, new_sum};
  }
};

}  // namespace sinter::optim
