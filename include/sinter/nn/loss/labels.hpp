// Losses of scores and labels: cross entropy and negative log likelihood.
#pragma once
#include "../../ops/label_loss.hpp"
#include "reduction.hpp"

namespace sinter::inline SINTER_ABI {

// Undefined on purpose: the names are the errors.
template <class Logits, class Labels> struct cross_entropy_needs_logits_batch_by_classes_and_one_integer_label_a_row;
template <class Weights, class Logits> struct cross_entropy_needs_one_weight_for_each_class;
template <class Logits, class Labels> struct classes_may_be_on_the_second_or_the_last_axis_write_permute_or_flatten;

namespace nn {

namespace loss_detail {

/// Whether each row counts: its label is a class, and not the one to ignore.
template <int Classes> constexpr auto counted(const char* what, auto labels, auto ignored) {
  check_range(labels, what, 0, Classes, ignored);
  const auto is_class = logical_and(labels >= 0, labels < Classes);
  if (ignored.is_number() && (ignored.number() < 0 || ignored.number() >= Classes)) return is_class;
  return logical_and(is_class, labels != ignored);
}
/// Labels as signed integers of at least 32 bits, so that numbers compared with them are not truncated to a byte, and
/// negative ones have no label like them.
constexpr auto as_labels(auto labels) {
  constexpr Dtype d = decltype(labels)::dtype, wide = promote(d, Dtype::int32);
  if constexpr (d != wide) return cast<element_type<wide>>(labels);
  else return labels;
}
/// Values of rows [B], 0 where they do not count: their mean over those that count.
template <Reduction R> constexpr auto over_counted(auto each, auto counts) {
  const auto chosen = select(counts, each, 0.0);
  if constexpr (R == Reduction::mean) return sum(chosen) / sum(cast<typename decltype(each)::element>(counts));
  else return reduced<R>(chosen);
}

/// Logits of rows that do not count are replaced first: NaN and infinities in them have no effect, in derivatives of
/// any order.
template <Reduction R> struct CrossEntropyOfLabels {
  template <class X> constexpr auto operator()(X logits, auto given, auto ignored, auto smoothing) const {
    constexpr int classes = X::shape[X::shape.rank - 1];
    const auto labels = as_labels(given);
    const auto counts = counted<classes>("cross_entropy, labels", labels, ignored);
    const auto safe = select(unsqueeze<-1>(counts), logits, 0.0);
    return over_counted<R>(ops::LabelLoss<classes>{}(safe, labels, smoothing), counts);
  }
};
template <Reduction R> struct WeightedCrossEntropy {
  template <class X> constexpr auto operator()(X logits, auto weight, auto given, auto ignored, auto smoothing) const {
    constexpr int classes = X::shape[X::shape.rank - 1];
    const auto labels = as_labels(given);
    const auto counts = counted<classes>("cross_entropy, labels", labels, ignored);
    const auto chosen = ops::OneHot<classes>{}(labels);
    const auto share = smoothing / double(classes);
    const auto target = select(chosen, 1.0 - smoothing + share, share) * weight;
    const auto each =
        -sum<-1>(select(target == 0.0, 0.0, log_softmax<-1>(select(unsqueeze<-1>(counts), logits, 0.0)) * target));
    if constexpr (R == Reduction::mean)
      return sum(select(counts, each, 0.0)) / sum(select(logical_and(chosen, unsqueeze<-1>(counts)), weight, 0.0));
    else return reduced<R>(select(counts, each, 0.0));
  }
};
template <Reduction R> struct NegativeLogLikelihoodOfLabels {
  template <class X> constexpr auto operator()(X logs, auto given, auto ignored) const {
    constexpr int classes = X::shape[X::shape.rank - 1];
    const auto labels = as_labels(given);
    return over_counted<R>(-sum<-1>(select(ops::OneHot<classes>{}(labels), logs, 0.0)),
                           counted<classes>("nll_loss, labels", labels, ignored));
  }
};

/// Whether labels have the shape of scores without this axis.
constexpr bool classes_are(Shape scores, Shape labels, int axis) {
  if (scores.rank != labels.rank + 1) return false;
  for (int i = 0; i < labels.rank; ++i) {
    const int k = i < axis ? i : i + 1;
    if (scores[k] != labels[i] || scores.symbol(k) != labels.symbol(i)) return false;
  }
  return scores.symbol(axis) == 0;
}
/// The axis of the classes: the second one as in PyTorch, [B, C, …] with labels [B, …], or the last, [B, T, C] with
/// labels [B, T]; −1 if the shapes fit neither, −2 if they fit both.
template <class S, class L> consteval int axis_of_classes() {
  constexpr int last = S::shape.rank - 1;
  if (is_floating(L::dtype) || S::shape.rank < 2) return -1;
  const bool second = classes_are(S::shape, L::shape, 1), at_end = classes_are(S::shape, L::shape, last);
  if (last == 1) return second ? 1 : -1;
  return second && at_end ? -2 : second ? 1 : at_end ? last : -1;
}
/// Scores with the axis of the classes at the end.
template <int Axis, class X> constexpr auto classes_last(X&& scores) {
  constexpr int rank = symbol_of<X>::shape.rank;
  if constexpr (Axis == rank - 1) return std::forward<X>(scores);
  else
    return [&]<int... Each>(std::integer_sequence<int, Each...>) {
      return permute<(Each < Axis ? Each : Each < rank - 1 ? Each + 1 : Axis)...>(std::forward<X>(scores));
    }(std::make_integer_sequence<int, rank>{});
}

template <int Axis, class S, class L> constexpr auto refused() {
  if constexpr (Axis == -2) return classes_may_be_on_the_second_or_the_last_axis_write_permute_or_flatten<S, L>{};
  else return cross_entropy_needs_logits_batch_by_classes_and_one_integer_label_a_row<S, L>{};
}

}  // namespace loss_detail

/// Options of `nn::cross_entropy`. PyTorch: label_smoothing, ignore_index.
struct CrossEntropyOptions {
  double label_smoothing = 0;  ///< this share of the target, 0 … 1, is spread evenly over all classes
  int ignore_index = -100;     ///< rows with this label do not count
};

/// −log softmax(logits)[label]. Logits [B, C], integer labels [B] in 0 … C − 1; or of more axes, [B, C, H, W] with
/// labels [B, H, W] as in PyTorch, and [B, T, C] with labels [B, T]. Rows whose label is `ignore_index` have
/// the value 0, and a mean is that of the others: NaN if there are none, as in PyTorch. Any other label that is not a
/// class is an `Error` in a statement, and in programs with `SINTER_CHECKS`; otherwise its row does not count. A row
/// that does not count has the gradient 0. Logits may be −∞: such a class has probability 0. With weights [C], one for
/// each class, a mean is weighted. PyTorch: torch.nn.functional.cross_entropy.
///
/// A loss with options is a function:
///   [](auto y, auto t) { return nn::cross_entropy(y, t, {.label_smoothing = .1}); }
template <Reduction R = Reduction::mean> struct CrossEntropy {
  template <Operand X, Operand Y>
  constexpr auto operator()(X&& logits, Y&& labels, CrossEntropyOptions options = {}) const {
    using S = symbol_of<X>;
    using L = symbol_of<Y>;
    check(options);
    constexpr int axis = loss_detail::axis_of_classes<S, L>();
    if constexpr (axis < 0)
      return loss_detail::refused<axis, S, L>();
    else
      return call<ops::Composed<loss_detail::CrossEntropyOfLabels<R>>>(
          loss_detail::classes_last<axis>(std::forward<X>(logits)), std::forward<Y>(labels),
          number<int>(options.ignore_index), options.label_smoothing);
  }
  template <Operand X, Operand Y, Operand W>
  constexpr auto operator()(X&& logits, Y&& labels, W&& weight, CrossEntropyOptions options = {}) const {
    using S = symbol_of<X>;
    using L = symbol_of<Y>;
    using V = symbol_of<W>;
    check(options);
    constexpr int axis = loss_detail::axis_of_classes<S, L>();
    if constexpr (axis < 0)
      return loss_detail::refused<axis, S, L>();
    else if constexpr (V::shape.rank != 1 || V::shape[0] != S::shape[axis])
      return cross_entropy_needs_one_weight_for_each_class<V, S>{};
    else
      return call<ops::Composed<loss_detail::WeightedCrossEntropy<R>, 2>>(
          loss_detail::classes_last<axis>(std::forward<X>(logits)), std::forward<W>(weight), std::forward<Y>(labels),
          number<int>(options.ignore_index), options.label_smoothing);
  }

 private:
  static constexpr void check(const CrossEntropyOptions& o) {
    check_option(o.label_smoothing >= 0 && o.label_smoothing <= 1, "cross_entropy", "label_smoothing", "0 … 1",
                 o.label_smoothing);
  }
};
/// Mean over the rows that count: `nn::cross_entropy(logits, labels)`, or the loss of `training`; see CrossEntropy.
/// PyTorch: torch.nn.functional.cross_entropy.
inline constexpr CrossEntropy<> cross_entropy{};

/// −log p[label] of logarithms of probabilities [B, C]; rows with the label `ignore_index` do not count, as for the
/// cross entropy. PyTorch: torch.nn.functional.nll_loss.
template <Reduction R = Reduction::mean> struct NegativeLogLikelihood {
  template <Operand X, Operand Y>
  constexpr auto operator()(X&& log_probabilities, Y&& labels, int ignore_index = -100) const {
    using S = symbol_of<X>;
    using L = symbol_of<Y>;
    constexpr int axis = loss_detail::axis_of_classes<S, L>();
    if constexpr (axis < 0)
      return loss_detail::refused<axis, S, L>();
    else
      return call<ops::Composed<loss_detail::NegativeLogLikelihoodOfLabels<R>>>(
          loss_detail::classes_last<axis>(std::forward<X>(log_probabilities)), std::forward<Y>(labels),
          number<int>(ignore_index));
  }
};
/// Mean over the rows that count, of logarithms of probabilities; see NegativeLogLikelihood. PyTorch:
/// torch.nn.functional.nll_loss.
inline constexpr NegativeLogLikelihood<> nll_loss{};

}  // namespace nn
}  // namespace sinter
