// Losses: a scalar from outputs and targets, or one value each where the reduction is `none`.
#pragma once
#include "../ops/ops.hpp"

namespace sinter {

// Undefined on purpose: the names are the errors.
template <class Logits, class Labels> struct cross_entropy_needs_logits_batch_by_classes_and_one_integer_label_a_row;
template <class Prediction, class Target> struct loss_needs_a_prediction_and_a_target_of_one_shape;

namespace nn {

/// What becomes of the values of a loss. A bounded batch is averaged over its run-time length. PyTorch: reduction='mean', 'sum', 'none'.
enum class Reduction : unsigned char { mean, sum, none };

namespace loss_detail {

template <Reduction R> constexpr auto reduced(const auto& each) {
  if constexpr (R == Reduction::mean) return mean(each);
  else if constexpr (R == Reduction::sum) return sum(each);
  else return each;
}
/// Checks that prediction and target have one shape, then reduces f(prediction, target).
template <Reduction R, class P, class T> constexpr auto pairwise(const P& prediction, const T& target, auto f) {
  if constexpr (!(graph::symbol_of<P>::shape == graph::symbol_of<T>::shape)) return loss_needs_a_prediction_and_a_target_of_one_shape<graph::symbol_of<P>, graph::symbol_of<T>>{};
  else return reduced<R>(f(prediction, target));
}

}  // namespace loss_detail

struct CrossEntropyOptions {
  double label_smoothing = 0;  ///< this share of the target is spread evenly over all classes
  int ignore_index = none;     ///< rows with this label do not count; none by default, where PyTorch takes −100
  static constexpr int none = -0x7fffffff;
};

/// −log softmax(logits)[label]. Logits [B, C], integer labels [B] in 0 … C − 1. PyTorch: torch.nn.functional.cross_entropy.
///
/// A loss with options is a function: `[](auto y, auto t) { return nn::cross_entropy(y, t, {.label_smoothing = .1}); }`.
template <Reduction R = Reduction::mean> struct CrossEntropy {
  template <Operand X, Operand Y> constexpr auto operator()(const X& logits, const Y& labels, CrossEntropyOptions options = {}) const {
    using S = graph::symbol_of<X>;
    using L = graph::symbol_of<Y>;
    if constexpr (S::shape.rank != 2 || L::shape.rank != 1 || S::shape[0] != L::shape[0] || S::shape.letter(0) != L::shape.letter(0) || is_floating(L::dtype)) {
      return cross_entropy_needs_logits_batch_by_classes_and_one_integer_label_a_row<S, L>{};
    } else {
      constexpr int classes = S::shape[1];
      using T = typename S::element;
      const auto logs = log_softmax<1>(logits);
      const auto chosen = cast<T>(call<ops::OneHot<classes>>(labels));
      if constexpr (Symbolic<X>) {  // while tracing, what has no effect costs nothing
        if (options.label_smoothing == 0 && options.ignore_index == CrossEntropyOptions::none) return loss_detail::reduced<R>(-sum<1>(logs * chosen));
      }
      const auto target = chosen * (1 - options.label_smoothing) + options.label_smoothing / classes;
      const auto counts = cast<T>(labels != options.ignore_index);
      const auto each = -sum<1>(logs * target) * counts;
      if constexpr (R == Reduction::mean) return sum(each) / sum(counts);
      else return loss_detail::reduced<R>(each);
    }
  }
};
inline constexpr CrossEntropy<> cross_entropy{};

/// −log p[label] of logarithms of probabilities [B, C]. PyTorch: torch.nn.functional.nll_loss.
template <Reduction R = Reduction::mean> struct NegativeLogLikelihood {
  template <Operand X, Operand Y> constexpr auto operator()(const X& log_probabilities, const Y& labels) const {
    using S = graph::symbol_of<X>;
    using L = graph::symbol_of<Y>;
    if constexpr (S::shape.rank != 2 || L::shape.rank != 1 || S::shape[0] != L::shape[0] || S::shape.letter(0) != L::shape.letter(0) || is_floating(L::dtype)) {
      return cross_entropy_needs_logits_batch_by_classes_and_one_integer_label_a_row<S, L>{};
    } else {
      return loss_detail::reduced<R>(-sum<1>(log_probabilities * cast<typename S::element>(call<ops::OneHot<S::shape[1]>>(labels))));
    }
  }
};
inline constexpr NegativeLogLikelihood<> nll_loss{};

/// (prediction − target)². PyTorch: torch.nn.functional.mse_loss.
template <Reduction R = Reduction::mean> struct MeanSquaredError {
  constexpr auto operator()(const Operand auto& prediction, const Operand auto& target) const {
    return loss_detail::pairwise<R>(prediction, target, [](const auto& p, const auto& t) { return square(p - t); });
  }
};
inline constexpr MeanSquaredError<> mse_loss{};

/// |prediction − target|. PyTorch: torch.nn.functional.l1_loss.
template <Reduction R = Reduction::mean> struct L1 {
  constexpr auto operator()(const Operand auto& prediction, const Operand auto& target) const {
    return loss_detail::pairwise<R>(prediction, target, [](const auto& p, const auto& t) { return abs(p - t); });
  }
};
inline constexpr L1<> l1_loss{};

/// Half the square up to `delta`, delta (|d| − delta / 2) beyond. PyTorch: torch.nn.functional.huber_loss.
template <Reduction R = Reduction::mean> struct Huber {
  constexpr auto operator()(const Operand auto& prediction, const Operand auto& target, double delta = 1) const {
    return loss_detail::pairwise<R>(prediction, target, [delta](const auto& p, const auto& t) {
      const auto d = abs(p - t);
      return select(d <= delta, d * d * .5, (d - .5 * delta) * delta);
    });
  }
};
inline constexpr Huber<> huber_loss{};

/// Huber's loss divided by its border: smooth where |d| < beta. PyTorch: torch.nn.functional.smooth_l1_loss.
template <Reduction R = Reduction::mean> struct SmoothL1 {
  constexpr auto operator()(const Operand auto& prediction, const Operand auto& target, double beta = 1) const {
    return loss_detail::pairwise<R>(prediction, target, [beta](const auto& p, const auto& t) {
      const auto d = abs(p - t);
      return select(d < beta, d * d * (.5 / beta), d - .5 * beta);
    });
  }
};
inline constexpr SmoothL1<> smooth_l1_loss{};

/// −t log σ(x) − (1 − t) log(1 − σ(x)) of logits x and targets t in 0 … 1, without overflow; `pos_weight` counts positive targets more.
/// PyTorch: torch.nn.functional.binary_cross_entropy_with_logits.
template <Reduction R = Reduction::mean> struct BinaryCrossEntropyWithLogits {
  constexpr auto operator()(const Operand auto& logits, const Operand auto& target, double pos_weight = 1) const {
    return loss_detail::pairwise<R>(logits, target, [pos_weight](const auto& x, const auto& t) {
      return (1 - t) * x + (t * (pos_weight - 1) + 1.0) * (log1p(exp(-abs(x))) + relu(-x));
    });
  }
};
inline constexpr BinaryCrossEntropyWithLogits<> binary_cross_entropy_with_logits{};

namespace loss_detail {

struct BinaryCrossEntropyOfProbability {
  constexpr auto operator()(const auto& p, const auto& t) const { return -(t * maximum(log(p), -100.0) + (1 - t) * maximum(log(1 - p), -100.0)); }
};
/// PyTorch's: the formula's own would be NaN at 0 and 1.
struct BinaryCrossEntropyRule {
  using Value = graph::Value;
  constexpr std::array<Value, 2> operator()(Value p, Value t, Value, Value cotangent) const {
    return {cotangent * (p - t) / maximum((1 - p) * p, 1e-12), cotangent * (maximum(log(1 - p), -100.0) - maximum(log(p), -100.0))};
  }
};

}  // namespace loss_detail

/// The same of probabilities; logarithms are held above −100 and the gradient's denominator above 1e−12, as in
/// PyTorch: torch.nn.functional.binary_cross_entropy.
template <Reduction R = Reduction::mean> struct BinaryCrossEntropy {
  constexpr auto operator()(const Operand auto& probability, const Operand auto& target) const {
    return loss_detail::pairwise<R>(probability, target, custom_gradient<loss_detail::BinaryCrossEntropyOfProbability{}, loss_detail::BinaryCrossEntropyRule{}>);
  }
};
inline constexpr BinaryCrossEntropy<> binary_cross_entropy{};

/// t (log t − input) of logarithms of probabilities and targets. `mean` averages over all elements, as PyTorch does.
/// PyTorch: torch.nn.functional.kl_div.
template <Reduction R = Reduction::mean> struct KullbackLeibler {
  constexpr auto operator()(const Operand auto& log_probabilities, const Operand auto& target) const {
    return loss_detail::pairwise<R>(log_probabilities, target, [](const auto& p, const auto& t) { return select(t > 0, t * (log(t) - p), 0.0); });
  }
};
inline constexpr KullbackLeibler<> kl_div{};

}  // namespace nn
}  // namespace sinter
