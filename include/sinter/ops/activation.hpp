// Activations and the functions built around them, composed of primitives; fusion makes them one kernel.
#pragma once
#include "derivative.hpp"
#include "extrema.hpp"

namespace sinter {
namespace ops {

struct Relu : Elementwise<Relu> {
  static constexpr const char* name = "relu";
  static constexpr auto eval(auto x) { return select(x < 0, decltype(x)(0), x); }  // NaN stays NaN
  static constexpr Value derivative(int, auto, auto y, auto t) { return select(y > 0.0, t, 0.0); }
};

struct Sigmoid : Elementwise<Sigmoid, 1, Floating> {
  static constexpr const char* name = "sigmoid";
  static constexpr double flops = 22;
  static constexpr auto eval(auto x) {
    const decltype(x) one(1);
    return one / (one + exp(-x));
  }
  static constexpr auto derivative(int, auto, auto y, auto t) { return t * (y * (1.0 - y)); }
};

/// The largest element is subtracted first, so exp never overflows; it cancels, hence needs no gradient.
template <int Axis> struct Softmax {
  constexpr auto operator()(auto x) const {
    const auto e = exp(x - stop_gradient(amax<Axis>(x, keepdims)));
    return e * (1.0 / sum<Axis>(e, keepdims));
  }
};
/// An infinite maximum is not subtracted: ∞ − ∞ is NaN.
template <bool Keep, int... Axes> struct LogSumExp {
  constexpr auto operator()(auto x) const {
    const auto top = stop_gradient(amax<Axes...>(x, keepdims));
    const auto shift = select(isfinite(top), top, 0.0);
    return drop_axes<Keep, Axes...>(x, log(sum<Axes...>(exp(x - shift), keepdims)) + shift);
  }
};
template <int Axis> struct LogSoftmax {
  constexpr auto operator()(auto x) const {
    const auto shifted = x - stop_gradient(amax<Axis>(x, keepdims));
    return shifted - log(sum<Axis>(exp(shifted), keepdims));
  }
};

/// Labels against 0, 1, … Classes − 1 along a new last axis.
template <int Classes> struct OneHot {
  constexpr auto operator()(auto labels) const {
    const auto column = unsqueeze<-1>(labels);
    if constexpr (is_sym_v<decltype(labels)>) return column == Sym<std::int32_t, Classes>(graph::iota(labels.graph, Classes));
    else return column == graph::iota(labels.graph, Classes);
  }
};

}  // namespace ops

/// max(x, 0), elementwise; the gradient at 0 is 0. PyTorch: torch.relu.
template <Operand X> constexpr Result<ops::Apply<ops::Relu>, X> relu(X&& x) { return call<ops::Apply<ops::Relu>>(std::forward<X>(x)); }

/// 1 / (1 + e^−x), elementwise. PyTorch: torch.sigmoid.
template <Operand X> constexpr Result<ops::Apply<ops::Sigmoid>, X> sigmoid(X&& x) { return call<ops::Apply<ops::Sigmoid>>(std::forward<X>(x)); }

/// Probabilities along an axis. PyTorch: torch.softmax(x, dim).
template <int Axis = -1, Operand X> constexpr auto softmax(X&& x) { return call<ops::Softmax<Axis>>(std::forward<X>(x)); }

/// Logarithms of the probabilities along an axis. PyTorch: torch.log_softmax(x, dim).
template <int Axis = -1, Operand X> constexpr auto log_softmax(X&& x) { return call<ops::LogSoftmax<Axis>>(std::forward<X>(x)); }

/// log Σ e^x over the axes named, over all where none is, without overflow. PyTorch: torch.logsumexp.
template <int... Axes, Operand X> constexpr auto logsumexp(X&& x) { return call<ops::LogSumExp<false, Axes...>>(std::forward<X>(x)); }
template <int... Axes, Operand X> constexpr auto logsumexp(X&& x, KeepDims) { return call<ops::LogSumExp<true, Axes...>>(std::forward<X>(x)); }

/// Integer labels [...] as a mask [..., Classes]. A label outside the range gives a row of false.
/// PyTorch: torch.nn.functional.one_hot (which returns int64).
template <int Classes, Operand X> constexpr auto one_hot(X&& labels) { return call<ops::OneHot<Classes>>(std::forward<X>(labels)); }

}  // namespace sinter
