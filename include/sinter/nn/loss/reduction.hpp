// What all losses share: the reduction of their values, and checks of their operands.
#pragma once
#include "../../ops/ops.hpp"
#include "../../tensor/option.hpp"

namespace sinter::inline SINTER_ABI {

// Undefined on purpose: the name is the error.
template <class Prediction, class Target> struct loss_needs_a_prediction_and_a_target_of_one_shape;

namespace nn {

/// How the values of a loss are reduced. A bounded batch is averaged over its run-time length; the mean of an empty one
/// is NaN, and its gradient 0. PyTorch: reduction='mean', 'sum', 'none'.
enum class Reduction : unsigned char { mean, sum, none };

namespace loss_detail {

template <Reduction R> constexpr auto reduced(const auto& each) {
  if constexpr (R == Reduction::mean) return mean(each);
  else if constexpr (R == Reduction::sum) return sum(each);
  else return each;
}
/// Each applied to a prediction, its target and numbers, reduced.
template <Reduction R, class Each> struct Reduced {
  constexpr auto operator()(auto prediction, auto target, auto... number) const {
    return reduced<R>(Each{}(prediction, target, number...));
  }
};
/// The same for operands, which must have one shape.
template <Reduction R, class Each, class P, class T>
constexpr auto pairwise(P&& prediction, T&& target, auto... number) {
  if constexpr (!(symbol_of<P>::shape == symbol_of<T>::shape))
    return loss_needs_a_prediction_and_a_target_of_one_shape<symbol_of<P>, symbol_of<T>>{};
  else return call<ops::Composed<Reduced<R, Each>, 2>>(std::forward<P>(prediction), std::forward<T>(target), number...);
}

}  // namespace loss_detail
}  // namespace nn
}  // namespace sinter
