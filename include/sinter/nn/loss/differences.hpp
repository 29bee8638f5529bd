// Losses of the difference of a prediction and its target.
#pragma once
#include "reduction.hpp"

namespace sinter::inline SINTER_ABI {
namespace ops {

// Primitives: in the derivative of a select the square that is not selected would be 0 · ∞ for large |u|, and the kink
// of |u| would have a second derivative of 0 in the quadratic part.

/// The sign, NaN for NaN: the constant slope of the linear part.
constexpr Value slope_far_out(Value u) { return stop_gradient(select(isnan(u), u, sign(u))); }

/// Operands: difference u, delta: u² / 2 where |u| < delta, delta (|u| − delta / 2) elsewhere; with an infinite delta
/// half the square everywhere.
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
    if (beta.is(0)) return abs(u);  // the limit
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
/// Mean of (prediction − target)²: `nn::mse_loss(prediction, target)`, or the loss of `training`. PyTorch:
/// torch.nn.functional.mse_loss.
inline constexpr MeanSquaredError<> mse_loss{};

/// |prediction − target|. PyTorch: torch.nn.functional.l1_loss.
template <Reduction R = Reduction::mean> struct L1 {
  template <Operand P, Operand T> constexpr auto operator()(P&& prediction, T&& target) const {
    return loss_detail::pairwise<R, loss_detail::AbsoluteError>(std::forward<P>(prediction), std::forward<T>(target));
  }
};
/// Mean of |prediction − target|. PyTorch: torch.nn.functional.l1_loss.
inline constexpr L1<> l1_loss{};

/// Half the square up to `delta`, delta (|d| − delta / 2) beyond. PyTorch: torch.nn.functional.huber_loss.
template <Reduction R = Reduction::mean> struct Huber {
  template <Operand P, Operand T> constexpr auto operator()(P&& prediction, T&& target, double delta = 1) const {
    check_option(delta > 0, "huber_loss", "delta", "a number above 0", delta);
    return loss_detail::pairwise<R, loss_detail::HuberError>(std::forward<P>(prediction), std::forward<T>(target),
                                                             delta);
  }
};
/// Mean of Huber's loss, `nn::huber_loss(prediction, target, delta)`. PyTorch: torch.nn.functional.huber_loss.
inline constexpr Huber<> huber_loss{};

/// Huber's loss divided by its threshold: quadratic where |d| < beta; with beta = 0 it is the L1 loss. PyTorch:
/// torch.nn.functional.smooth_l1_loss.
template <Reduction R = Reduction::mean> struct SmoothL1 {
  template <Operand P, Operand T> constexpr auto operator()(P&& prediction, T&& target, double beta = 1) const {
    check_option(beta >= 0, "smooth_l1_loss", "beta", "0 or more", beta);
    return loss_detail::pairwise<R, loss_detail::SmoothError>(std::forward<P>(prediction), std::forward<T>(target),
                                                              beta);
  }
};
/// Mean of the smooth L1 loss, `nn::smooth_l1_loss(prediction, target, beta)`. PyTorch:
/// torch.nn.functional.smooth_l1_loss.
inline constexpr SmoothL1<> smooth_l1_loss{};

}  // namespace nn
}  // namespace sinter
