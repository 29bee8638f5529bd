// Losses of probabilities, of their logits and logarithms.
#pragma once
#include "reduction.hpp"

namespace sinter::inline SINTER_ABI {
namespace ops {

/// Operands: logit x, target t, the weight of positive targets: −w t log σ(x) − (1 − t) log σ(−x). Both terms share one
/// exponential; the derivatives are those of the function, which is smooth, not of max(x, 0) and |x| in its formula.
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
/// Operands: probability p, target t: the derivative of the loss below in p, with its denominator clamped to 1e−12, and
/// a derivative of it that stays finite, both as in PyTorch.
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
/// −t log p − (1 − t) log(1 − p) with logarithms clamped to −100; the derivative of that formula would be 0 · ∞ at 0
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
/// Terms with a target of 0 are dropped, also for a logarithm of −∞; a target below 0 is no probability: NaN.
struct Divergence {
  constexpr auto operator()(auto p, auto t) const {
    // Not p == −∞, which compilers with finite-math options take for false.
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
/// a tensor that broadcasts, weights positive targets. PyTorch:
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
/// Mean over all elements; see BinaryCrossEntropyWithLogits. PyTorch:
/// torch.nn.functional.binary_cross_entropy_with_logits.
inline constexpr BinaryCrossEntropyWithLogits<> binary_cross_entropy_with_logits{};

/// The same for probabilities; logarithms are clamped to −100 and the gradient's denominator to 1e−12, as in PyTorch:
/// torch.nn.functional.binary_cross_entropy.
template <Reduction R = Reduction::mean> struct BinaryCrossEntropy {
  template <Operand P, Operand T> constexpr auto operator()(P&& probability, T&& target) const {
    return loss_detail::pairwise<R, ops::Apply<ops::ProbabilityLoss>>(std::forward<P>(probability),
                                                                      std::forward<T>(target));
  }
};
/// Mean over all elements; see BinaryCrossEntropy. PyTorch: torch.nn.functional.binary_cross_entropy.
inline constexpr BinaryCrossEntropy<> binary_cross_entropy{};

/// t (log t − input) of logarithms of probabilities and targets, which are probabilities or, with `log_target` as a
/// third argument, logarithms too. `mean` averages over all elements, as PyTorch does. PyTorch:
/// torch.nn.functional.kl_div.
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
/// Mean over all elements; see KullbackLeibler. PyTorch: torch.nn.functional.kl_div.
inline constexpr KullbackLeibler<> kl_div{};

}  // namespace nn
}  // namespace sinter
