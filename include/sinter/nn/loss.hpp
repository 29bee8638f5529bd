// Losses: a scalar from outputs and targets.
#pragma once
#include "../ops/ops.hpp"

namespace sinter {

template <class Logits, class Labels> struct cross_entropy_needs_logits_batch_by_classes_and_one_integer_label_a_row;  // undefined: the name is the error

namespace nn {

/// −log softmax(logits)[label], averaged over the batch. Logits [B, C], integer labels [B] in 0 … C − 1; a bounded batch is
/// averaged over its run-time length. PyTorch: torch.nn.functional.cross_entropy.
struct CrossEntropy {
  template <Operand X, Operand Y> constexpr auto operator()(const X& logits, const Y& labels) const {
    using S = graph::symbol_of<X>;
    using L = graph::symbol_of<Y>;
    if constexpr (S::shape.rank != 2 || L::shape.rank != 1 || S::shape[0] != L::shape[0] || S::shape.letter(0) != L::shape.letter(0) || is_floating(L::dtype)) {
      return cross_entropy_needs_logits_batch_by_classes_and_one_integer_label_a_row<S, L>{};
    } else {
      const auto chosen = cast<typename S::element>(one_hot<S::shape[1]>(labels));
      return mean(-sum<1>(log_softmax<1>(logits) * chosen));
    }
  }
};
inline constexpr CrossEntropy cross_entropy{};

/// (prediction − target)², averaged over all elements. PyTorch: torch.nn.functional.mse_loss.
struct MeanSquaredError {
  constexpr auto operator()(const Operand auto& prediction, const Operand auto& target) const {
    const auto difference = prediction - target;
    return mean(difference * difference);
  }
};
inline constexpr MeanSquaredError mean_squared_error{};

}  // namespace nn
}  // namespace sinter
