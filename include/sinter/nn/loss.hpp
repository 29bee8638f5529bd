// Losses: a scalar from outputs and targets, or one value each where the reduction is `none`. Of 16-bit floats they are
// computed in float32 and rounded once.
#pragma once
#include "../ops/ops.hpp"
#include "../tensor/option.hpp"

namespace sinter {

// Undefined on purpose: the names are the errors.
template <class Logits, class Labels> struct cross_entropy_needs_logits_batch_by_classes_and_one_integer_label_a_row;
template <class Weights, class Logits> struct cross_entropy_needs_one_weight_for_each_class;
template <class Prediction, class Target> struct loss_needs_a_prediction_and_a_target_of_one_shape;

namespace nn {

/// What becomes of the values of a loss. A bounded batch is averaged over its run-time length; the mean of nothing is
/// NaN, and its gradient 0. PyTorch: reduction='mean', 'sum', 'none'.
enum class Reduction : unsigned char { mean, sum, none };

namespace loss_detail {

template <Reduction R> constexpr auto reduced(const auto& each) {
  if constexpr (R == Reduction::mean) return mean(each);
  else if constexpr (R == Reduction::sum) return sum(each);
  else return each;
}
/// Each of a prediction, its target and numbers, reduced.
template <Reduction R, class Each> struct Reduced {
  constexpr auto operator()(auto prediction, auto target, auto... number) const {
    return reduced<R>(Each{}(prediction, target, number...));
  }
};
/// The same of operands, which have one shape.
template <Reduction R, class Each, class P, class T>
constexpr auto pairwise(P&& prediction, T&& target, auto... number) {
  if constexpr (!(graph::symbol_of<P>::shape == graph::symbol_of<T>::shape)) return loss_needs_a_prediction_and_a_target_of_one_shape<graph::symbol_of<P>, graph::symbol_of<T>>{};
  else return call<ops::Composed<Reduced<R, Each>, 2>>(std::forward<P>(prediction), std::forward<T>(target), number...);
}

/// Operands: the loss of each row, logits, labels, smoothing. The gradient is softmax less target: nothing is folded
/// for it. It holds for batches of rows too.
template <int Classes> struct LabelLossRule : ops::Identity<LabelLossRule<Classes>> {
  using Value = graph::Value;
  static constexpr const char* name = "label_loss";
  static constexpr bool formula_is_differentiable = true;
  static constexpr graph::Primitive describe() {
    graph::Primitive p = ops::Identity<LabelLossRule>::describe();
    p.batch = [](const graph::Batching& b) {
      return Value{b.graph, b.graph->add(graph::primitive<LabelLossRule>, b.operands, b.count)};
    };
    return p;
  }
  static constexpr Value pull(const graph::Site& s, int i, Value ct) {
    if (i != 1) return {};
    const Value p = softmax<-1>(s.operand(1)), chosen = ops::OneHot<Classes>{}(s.operand(2)), smoothing = s.operand(3),
                share = smoothing / double(Classes);
    const Value less =
        smoothing.is(0) ? select(chosen, p - 1.0, p) : p - select(chosen, 1.0 - smoothing + share, share);
    return graph::sum_to(less * unsqueeze<-1>(ct), s.operand(1).extents());
  }
};
/// Rows of logits [B, C] with labels [B] in 0 … C − 1 → [B]. `smoothing` of the target is spread evenly; where it is 0
/// only the label's logarithm counts, so that those of masked classes, which are −∞, are chosen away.
template <int Classes> struct LabelLoss {
  constexpr auto operator()(auto logits, auto labels, auto smoothing) const {
    const auto each = of_formula(logits, labels, smoothing);
    const std::array<int, 4> ids{each.id, logits.id, labels.id, smoothing.id};
    return std::remove_const_t<decltype(each)>(
        graph::Value{each.graph, each.graph->add(graph::primitive<LabelLossRule<Classes>>, ids.data(), 4)});
  }

 private:
  static constexpr auto of_formula(auto logits, auto labels, auto smoothing) {
    const auto logs = log_softmax<1>(logits);
    const auto chosen = ops::OneHot<Classes>{}(labels);
    if (smoothing.is(0)) return -sum<1>(select(chosen, logs, 0.0));
    const auto share = smoothing / double(Classes);
    const auto target = select(chosen, 1.0 - smoothing + share, share);
    return -sum<1>(select(target == 0.0, 0.0, logs * target));
  }
};
/// Whether rows count: their label is a class, and not the one to ignore.
template <int Classes> constexpr auto counted(const char* what, auto labels, auto ignored) {
  graph::expect(labels, what, 0, Classes, ignored);
  const auto is_class = logical_and(labels >= 0, labels < Classes);
  const graph::Builder& g = *ignored.graph;
  if (g.is_constant(ignored.id) && (g.constant_value(ignored.id) < 0 || g.constant_value(ignored.id) >= Classes))
    return is_class;
  return logical_and(is_class, labels != ignored);
}
/// Labels as integers of 32 bits at least: what is compared with them is not cut to a byte.
constexpr auto as_labels(auto labels) {
  if constexpr (Dtype::int32 > decltype(labels)::dtype) return cast<std::int32_t>(labels);
  else return labels;
}
/// Values of rows [B], 0 where they do not count: their mean over those that count.
template <Reduction R> constexpr auto over_counted(auto each, auto counts) {
  const auto chosen = select(counts, each, 0.0);
  if constexpr (R == Reduction::mean) return sum(chosen) / sum(cast<typename decltype(each)::element>(counts));
  else return reduced<R>(chosen);
}

/// Logits of rows that do not count are replaced at once: NaN and infinities in them reach nothing, in derivatives of
/// any order.
template <Reduction R> struct CrossEntropyOfLabels {
  template <class X> constexpr auto operator()(X logits, auto given, auto ignored, auto smoothing) const {
    constexpr int classes = X::shape[1];
    const auto labels = as_labels(given);
    const auto counts = counted<classes>("cross_entropy, labels", labels, ignored);
    const auto safe = select(unsqueeze<-1>(counts), logits, 0.0);
    return over_counted<R>(LabelLoss<classes>{}(safe, labels, smoothing), counts);
  }
};
template <Reduction R> struct WeightedCrossEntropy {
  template <class X> constexpr auto operator()(X logits, auto weight, auto given, auto ignored, auto smoothing) const {
    constexpr int classes = X::shape[1];
    const auto labels = as_labels(given);
    const auto counts = counted<classes>("cross_entropy, labels", labels, ignored);
    const auto chosen = ops::OneHot<classes>{}(labels);
    const auto share = smoothing / double(classes);
    const auto target = select(chosen, 1.0 - smoothing + share, share) * weight;
    const auto each =
        -sum<1>(select(target == 0.0, 0.0, log_softmax<1>(select(unsqueeze<-1>(counts), logits, 0.0)) * target));
    if constexpr (R == Reduction::mean)
      return sum(select(counts, each, 0.0)) / sum(select(logical_and(chosen, unsqueeze<-1>(counts)), weight, 0.0));
    else return reduced<R>(select(counts, each, 0.0));
  }
};
template <Reduction R> struct NegativeLogLikelihoodOfLabels {
  template <class X> constexpr auto operator()(X logs, auto given, auto ignored) const {
    constexpr int classes = X::shape[1];
    const auto labels = as_labels(given);
    return over_counted<R>(-sum<1>(select(ops::OneHot<classes>{}(labels), logs, 0.0)),
                           counted<classes>("nll_loss, labels", labels, ignored));
  }
};

template <class S, class L> consteval bool are_scores_and_labels() {
  return S::shape.rank == 2 && L::shape.rank == 1 && S::shape[0] == L::shape[0] &&
         S::shape.letter(0) == L::shape.letter(0) && !is_floating(L::dtype);
}

}  // namespace loss_detail

struct CrossEntropyOptions {
  double label_smoothing = 0;  ///< this share of the target, 0 … 1, is spread evenly over all classes
  int ignore_index = -100;     ///< rows with this label do not count
};

/// −log softmax(logits)[label]. Logits [B, C], integer labels [B] in 0 … C − 1. Rows whose label is `ignore_index` have
/// the value 0, and a mean is that of the others: NaN where there are none, as in PyTorch. Another label that is no
/// class is an `Error` in a statement, and in programs with `SINTER_CHECKS`; in others its row does not count. Nothing
/// in a row that does not count reaches the gradient. Logits may be −∞: such a class has probability 0. With weights
/// [C], one for each class, a mean is weighted. PyTorch: torch.nn.functional.cross_entropy.
///
/// A loss with options is a function:
///   [](auto y, auto t) { return nn::cross_entropy(y, t, {.label_smoothing = .1}); }
template <Reduction R = Reduction::mean> struct CrossEntropy {
  template <Operand X, Operand Y>
  constexpr auto operator()(X&& logits, Y&& labels, CrossEntropyOptions options = {}) const {
    using S = graph::symbol_of<X>;
    using L = graph::symbol_of<Y>;
    check(options);
    if constexpr (!loss_detail::are_scores_and_labels<S, L>())
      return cross_entropy_needs_logits_batch_by_classes_and_one_integer_label_a_row<S, L>{};
    else
      return call<ops::Composed<loss_detail::CrossEntropyOfLabels<R>>>(std::forward<X>(logits), std::forward<Y>(labels),
                                                                       graph::NumberLeaf<int>{options.ignore_index},
                                                                       options.label_smoothing);
  }
  template <Operand X, Operand Y, Operand W>
  constexpr auto operator()(X&& logits, Y&& labels, W&& weight, CrossEntropyOptions options = {}) const {
    using S = graph::symbol_of<X>;
    using L = graph::symbol_of<Y>;
    using V = graph::symbol_of<W>;
    check(options);
    if constexpr (!loss_detail::are_scores_and_labels<S, L>())
      return cross_entropy_needs_logits_batch_by_classes_and_one_integer_label_a_row<S, L>{};
    else if constexpr (V::shape.rank != 1 || V::shape[0] != S::shape[1])
      return cross_entropy_needs_one_weight_for_each_class<V, S>{};
    else
      return call<ops::Composed<loss_detail::WeightedCrossEntropy<R>, 2>>(
          std::forward<X>(logits), std::forward<W>(weight), std::forward<Y>(labels),
          graph::NumberLeaf<int>{options.ignore_index}, options.label_smoothing);
  }

 private:
  static constexpr void check(const CrossEntropyOptions& o) {
    check_option(o.label_smoothing >= 0 && o.label_smoothing <= 1, "cross_entropy", "label_smoothing", "0 … 1",
                 o.label_smoothing);
  }
};
inline constexpr CrossEntropy<> cross_entropy{};

/// −log p[label] of logarithms of probabilities [B, C]; rows with the label `ignore_index` do not count, as for the
/// cross entropy. PyTorch: torch.nn.functional.nll_loss.
template <Reduction R = Reduction::mean> struct NegativeLogLikelihood {
  template <Operand X, Operand Y>
  constexpr auto operator()(X&& log_probabilities, Y&& labels, int ignore_index = -100) const {
    using S = graph::symbol_of<X>;
    using L = graph::symbol_of<Y>;
    if constexpr (!loss_detail::are_scores_and_labels<S, L>())
      return cross_entropy_needs_logits_batch_by_classes_and_one_integer_label_a_row<S, L>{};
    else
      return call<ops::Composed<loss_detail::NegativeLogLikelihoodOfLabels<R>>>(
          std::forward<X>(log_probabilities), std::forward<Y>(labels), graph::NumberLeaf<int>{ignore_index});
  }
};
inline constexpr NegativeLogLikelihood<> nll_loss{};

}  // namespace nn

namespace ops {

// Primitives: in the derivative of a select the square that is not chosen would be 0 · ∞ far out, and the kink of the
// magnitude would have a second derivative of 0 inside the square.

/// The sign, NaN of NaN: a slope that is constant.
constexpr Value slope_far_out(Value u) { return stop_gradient(select(isnan(u), u, sign(u))); }

/// Operands: difference u, delta: u² / 2 where |u| < delta, delta (|u| − delta / 2) elsewhere; of an infinite delta
/// half the square of everything.
struct HuberLoss : Elementwise<HuberLoss, 2, Floating> {
  static constexpr const char* name = "huber_loss";
  static constexpr double flops = 6;
  static constexpr auto eval(auto u, auto delta) {
    using V = decltype(u);
    const V d = abs(u), half = V(0.5);
    return select(d > delta, (d - delta * half) * delta, u * u * half);
  }
  static constexpr Value derivative(int i, auto u, auto delta, auto, auto ct) {
    return i == 0 ? ct * select(abs(u) < delta, u, stop_gradient(slope_far_out(u) * delta)) : Value{};
  }
};
/// Operands: difference u, beta: u² / (2 beta) where |u| < beta, |u| − beta / 2 elsewhere.
struct SmoothLoss : Elementwise<SmoothLoss, 2, Floating> {
  static constexpr const char* name = "smooth_l1_loss";
  static constexpr double flops = 6;
  static constexpr auto eval(auto u, auto beta) {
    using V = decltype(u);
    const V d = abs(u), half = V(0.5);
    return select(d < beta, u * u * (half / beta), d - beta * half);
  }
  static constexpr Value derivative(int i, auto u, auto beta, auto, auto ct) {
    if (i == 1) return {};
    return ct * select(abs(u) < beta, u * (1.0 / beta), slope_far_out(u));
  }
};

}  // namespace ops

namespace nn {

namespace loss_detail {

struct SquaredError {
  constexpr auto operator()(auto p, auto t) const { return square(p - t); }
};
struct AbsoluteError {
  constexpr auto operator()(auto p, auto t) const { return abs(p - t); }
};
struct HuberError {
  constexpr auto operator()(auto p, auto t, auto delta) const { return ops::Apply<ops::HuberLoss>{}(p - t, delta); }
};
struct SmoothError {
  constexpr auto operator()(auto p, auto t, auto beta) const {
    const auto u = p - t;
    if (beta.is(0)) return abs(u);  // what it tends to
    return ops::Apply<ops::SmoothLoss>{}(u, beta);
  }
};

}  // namespace loss_detail

/// (prediction − target)². PyTorch: torch.nn.functional.mse_loss.
template <Reduction R = Reduction::mean> struct MeanSquaredError {
  template <Operand P, Operand T> constexpr auto operator()(P&& prediction, T&& target) const {
    return loss_detail::pairwise<R, loss_detail::SquaredError>(std::forward<P>(prediction), std::forward<T>(target));
  }
};
inline constexpr MeanSquaredError<> mse_loss{};

/// |prediction − target|. PyTorch: torch.nn.functional.l1_loss.
template <Reduction R = Reduction::mean> struct L1 {
  template <Operand P, Operand T> constexpr auto operator()(P&& prediction, T&& target) const {
    return loss_detail::pairwise<R, loss_detail::AbsoluteError>(std::forward<P>(prediction), std::forward<T>(target));
  }
};
inline constexpr L1<> l1_loss{};

/// Half the square up to `delta`, delta (|d| − delta / 2) beyond. PyTorch: torch.nn.functional.huber_loss.
template <Reduction R = Reduction::mean> struct Huber {
  template <Operand P, Operand T> constexpr auto operator()(P&& prediction, T&& target, double delta = 1) const {
    check_option(delta > 0, "huber_loss", "delta", "a number above 0", delta);
    return loss_detail::pairwise<R, loss_detail::HuberError>(std::forward<P>(prediction), std::forward<T>(target),
                                                             delta);
  }
};
inline constexpr Huber<> huber_loss{};

/// Huber's loss divided by its border: smooth where |d| < beta; with beta = 0 it is the L1 loss. PyTorch:
/// torch.nn.functional.smooth_l1_loss.
template <Reduction R = Reduction::mean> struct SmoothL1 {
  template <Operand P, Operand T> constexpr auto operator()(P&& prediction, T&& target, double beta = 1) const {
    check_option(beta >= 0, "smooth_l1_loss", "beta", "0 or more", beta);
    return loss_detail::pairwise<R, loss_detail::SmoothError>(std::forward<P>(prediction), std::forward<T>(target),
                                                              beta);
  }
};
inline constexpr SmoothL1<> smooth_l1_loss{};

}  // namespace nn

namespace ops {

/// Operands: logit x, target t, the weight of positive targets: −w t log σ(x) − (1 − t) log σ(−x). One exponential
/// serves both terms; the derivatives are those of the function, which is smooth, and not of max(x, 0) and |x| in its
/// formula.
struct LogisticLoss : Elementwise<LogisticLoss, 3, Floating> {
  static constexpr const char* name = "logistic_loss";
  static constexpr double flops = 50;
  static constexpr auto eval(auto x, auto t, auto w) {
    using V = decltype(x);
    const V tail = log1p(exp(-abs(x)));
    return w * t * (tail + maximum(-x, V(0))) + (V(1) - t) * (tail + maximum(x, V(0)));
  }
  static constexpr Value derivative(int i, auto x, auto t, auto w, auto, auto ct) {
    if (i == 0) return ct * ((1.0 - t) * sigmoid(x) - w * t * sigmoid(-x));
    return i == 1 ? ct * (log_sigmoid(-x) - w * log_sigmoid(x)) : -(ct * t * log_sigmoid(x));
  }
};
/// Operands: probability p, target t: the slope of the loss below along p, whose denominator is held above 1e−12, and a
/// slope of it that stays finite, both as in PyTorch.
struct ProbabilityLossSlope : Elementwise<ProbabilityLossSlope, 2, Floating> {
  static constexpr const char* name = "probability_loss_slope";
  static constexpr double flops = 9;
  static constexpr auto eval(auto p, auto t) {
    using V = decltype(p);
    return (p - t) / maximum((V(1) - p) * p, V(1e-12));
  }
  static constexpr Value derivative(int i, auto p, auto t, auto, auto ct) {
    if (i == 1) return -(ct / maximum((1.0 - p) * p, 1e-12));
    const Value at_zero = 1.0 / (p + 1e-12), at_one = 1.0 / (1.0 - p + 1e-12);
    return ct * ((p * p - 2.0 * p * t + t) * at_zero * at_zero * at_one * at_one);
  }
};
/// −t log p − (1 − t) log(1 − p) with logarithms held above −100; the derivative of that formula would be 0 · ∞ at 0
/// and 1.
struct ProbabilityLoss : Elementwise<ProbabilityLoss, 2, Floating> {
  static constexpr const char* name = "probability_loss";
  static constexpr double flops = 46;
  static constexpr auto eval(auto p, auto t) {
    using V = decltype(p);
    return (t - V(1)) * maximum(log1p(-p), V(-100)) - t * maximum(log(p), V(-100));
  }
  static constexpr Value derivative(int i, auto p, auto t, auto, auto ct) {
    if (i == 0) return ct * apply<ProbabilityLossSlope>(p, t);
    return ct * (log1p(-p) - log(p));
  }
};

}  // namespace ops

namespace nn {

/// Targets are logarithms: `nn::kl_div(x, t, nn::log_target)`. PyTorch: log_target=True.
inline constexpr struct LogTarget {} log_target;

namespace loss_detail {

struct DivergenceOfLogs {
  constexpr auto operator()(auto p, auto t) const { return exp(t) * (t - p); }
};
/// A target of 0 chooses its terms away, that of a logarithm of −∞ too; one below 0 is no probability: NaN.
struct Divergence {
  constexpr auto operator()(auto p, auto t) const {
    // Not p == −∞, which compilers that take everything for finite take for false.
    const auto impossible = logical_and(p < 0.0, logical_not(isfinite(p)));
    return select(t == 0.0, 0.0, t * log(t)) - t * select(logical_and(t == 0.0, impossible), 0.0, p);
  }
};
template <Reduction R> struct LogisticLossOf {
  constexpr auto operator()(auto x, auto t, auto weight) const {
    return reduced<R>(ops::Apply<ops::LogisticLoss>{}(x, t, weight));
  }
};

}  // namespace loss_detail

/// −t log σ(x) − (1 − t) log(1 − σ(x)) of logits x and targets t in 0 … 1, without overflow; `pos_weight`, a number or
/// a tensor that broadcasts, counts positive targets more. PyTorch:
/// torch.nn.functional.binary_cross_entropy_with_logits.
template <Reduction R = Reduction::mean> struct BinaryCrossEntropyWithLogits {
  template <Operand P, Operand T> constexpr auto operator()(P&& logits, T&& target, double pos_weight = 1) const {
    return loss_detail::pairwise<Reduction::none, loss_detail::LogisticLossOf<R>>(std::forward<P>(logits),
                                                                                  std::forward<T>(target), pos_weight);
  }
  template <Operand P, Operand T, Operand W> constexpr auto operator()(P&& logits, T&& target, W&& pos_weight) const {
    return call<ops::Composed<loss_detail::LogisticLossOf<R>, 3>>(std::forward<P>(logits), std::forward<T>(target),
                                                                  std::forward<W>(pos_weight));
  }
};
inline constexpr BinaryCrossEntropyWithLogits<> binary_cross_entropy_with_logits{};

/// The same of probabilities; logarithms are held above −100 and the gradient's denominator above 1e−12, as in
/// PyTorch: torch.nn.functional.binary_cross_entropy.
template <Reduction R = Reduction::mean> struct BinaryCrossEntropy {
  template <Operand P, Operand T> constexpr auto operator()(P&& probability, T&& target) const {
    return loss_detail::pairwise<R, ops::Apply<ops::ProbabilityLoss>>(std::forward<P>(probability),
                                                                      std::forward<T>(target));
  }
};
inline constexpr BinaryCrossEntropy<> binary_cross_entropy{};

/// t (log t − input) of logarithms of probabilities and targets, which are probabilities or, where `log_target` stands
/// after them, logarithms too. `mean` averages over all elements, as PyTorch does.
/// PyTorch: torch.nn.functional.kl_div.
template <Reduction R = Reduction::mean> struct KullbackLeibler {
  template <Operand P, Operand T> constexpr auto operator()(P&& log_probabilities, T&& target) const {
    return loss_detail::pairwise<R, loss_detail::Divergence>(std::forward<P>(log_probabilities),
                                                             std::forward<T>(target));
  }
  template <Operand P, Operand T> constexpr auto operator()(P&& log_probabilities, T&& target, LogTarget) const {
    return loss_detail::pairwise<R, loss_detail::DivergenceOfLogs>(std::forward<P>(log_probabilities),
                                                                   std::forward<T>(target));
  }
};
inline constexpr KullbackLeibler<> kl_div{};

}  // namespace nn
}  // namespace sinter
