// Gradient clipping: optimizers around an optimizer.
#pragma once
#include "../nn/linear.hpp"
#include "../tensor/option.hpp"
#include "parts.hpp"

namespace sinter::inline SINTER_ABI::optim {

/// Σ g² of a vector, by rows of a matrix and the remainder. A sum over the vector itself would fuse with the update,
/// which reads the same elements, and the update could then neither run in parallel nor overwrite the parameters.
template <class G> constexpr auto sum_of_squares(G g) {
  constexpr int n = G::shape[0], columns = 1024 < n / 2 ? 1024 : n / 2;
  if constexpr (columns < 2) {
    return matmul(g, g);
  } else {
    constexpr int rows = n / columns;
    const auto matrix = reshape<rows, columns>(slice<0, 0, rows * columns>(g));
    const auto squares = sum(sum<1>(matrix * matrix));
    if constexpr (rows * columns == n) {
      return squares;
    } else {
      const auto rest = slice<0, rows * columns>(g);
      return squares + sum(rest * rest);
    }
  }
}

/// See `clip_norm`.
template <class Optimizer> struct ClipNorm : Around<Optimizer> {
  Scalar max_norm = 1.f;
  SINTER_AROUND(max_norm)

  constexpr void check() const {
    check_option(max_norm.value() >= 0, "clip_norm", "max_norm", "0 or more", double(max_norm.value()));
    this->check_inner();
  }

  constexpr auto update(auto step, const auto& parts) const {
    const auto squares = std::apply([](const auto&... p) { return (sum_of_squares(p.gradient) + ...); }, parts);
    const auto ratio = max_norm / (sqrt(squares) + 1e-6f);
    const auto factor = select(ratio > 1.f, 1.f, ratio);
    return update_with_gradients(this->inner(), step, parts, [&](auto g) { return g * factor; });
  }
};

/// See `clip_value`.
template <class Optimizer> struct ClipValue : Around<Optimizer> {
  Scalar clip = 1.f;
  SINTER_AROUND(clip)

  constexpr void check() const {
    check_option(clip.value() >= 0, "clip_value", "clip", "0 or more", double(clip.value()));
    this->check_inner();
  }

  constexpr auto update(auto step, const auto& parts) const {
    return update_with_gradients(this->inner(), step, parts,
                                 [&](auto g) { return select(g > clip, clip, select(g < -clip, -clip, g)); });
  }
};

/// The optimizer, with gradients scaled down if their norm over all parameters is above max_norm:
///   auto step = training(net, batches, nn::cross_entropy, optim::clip_norm(optim::Adam{.lr = 1e-3f}, 1.f));
///   step.optimizer.max_norm = 0.5f;             // an input of the step, like
///   step.optimizer.lr = 1e-4f;                  // the numbers of the optimizer inside
/// PyTorch: torch.nn.utils.clip_grad_norm_(net.parameters(), max_norm) before optimizer.step(): gradients are
/// multiplied by max_norm / (norm + 1e-6) where that is below 1.
template <class Optimizer> constexpr ClipNorm<Optimizer> clip_norm(Optimizer optimizer, float max_norm) {
  return {{optimizer}, max_norm};
}

/// The optimizer, with each element of the gradients clamped to −clip … clip; `step.optimizer.clip` is an input
/// of the step. PyTorch: torch.nn.utils.clip_grad_value_(net.parameters(), clip).
template <class Optimizer> constexpr ClipValue<Optimizer> clip_value(Optimizer optimizer, float clip) {
  return {{optimizer}, clip};
}

}  // namespace sinter::optim
