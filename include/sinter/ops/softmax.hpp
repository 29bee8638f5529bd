// Softmax and its logarithm, and the logarithm of a sum of exponentials.
// Composed of primitives; fusion makes each one kernel.
#pragma once
#include "composed.hpp"
#include "derivative.hpp"
#include "extrema.hpp"

namespace sinter::inline SINTER_ABI {
namespace ops {

/// The largest element is subtracted first, so that exp never overflows; it cancels, so it needs no gradient.
template <int Axis> struct Softmax {
  constexpr auto operator()(auto x) const {
    const auto e = exp(x - stop_gradient(amax<Axis>(x, keepdims)));
    return e * (1.0 / sum<Axis>(e, keepdims));
  }
};
/// Operands: log Σ e^(x − shift), with its axes kept, x, and the shift, which is constant. The gradient, e^(x − shift −
/// result), is 0 for finite elements next to an infinity; that of the formula, e^(x − shift) / Σ, would be ∞ / ∞ there.
struct ShiftedLogSumExp : Identity<ShiftedLogSumExp> {
  static constexpr const char* name = "shifted_logsumexp";
  static constexpr Value pull(const Site& s, int i, Value ct) { return i == 1 ? ct * share(s) : Value{}; }
  static constexpr Value push(const Site& s, int i, Value tangent) {
    return i == 1 ? graph::sum_to(tangent * share(s), s.result().extents()) : Value{};
  }

 private:
  static constexpr Value share(const Site& s) { return exp(s.operand(1) - s.operand(2) - s.result()); }
};
/// An infinite maximum is not subtracted: ∞ − ∞ is NaN.
template <bool Keep, int... Axes> struct LogSumExp {
  constexpr auto operator()(auto x) const {
    const auto top = stop_gradient(amax<Axes...>(x, keepdims));
    const auto shift = select(isfinite(top), top, 0.0);
    const auto of_formula = log(sum<Axes...>(exp(x - shift), keepdims));
    const int ids[]{of_formula.id, x.id, shift.id};
    const auto logarithm = std::remove_const_t<decltype(of_formula)>(
        Value{x.graph, x.graph->add(graph::primitive<ShiftedLogSumExp>, ids, 3)});
    return drop_axes<Keep, Axes...>(x, logarithm + shift);
  }
};
template <int Axis> struct LogSoftmax {
  constexpr auto operator()(auto x) const {
    const auto shifted = x - stop_gradient(amax<Axis>(x, keepdims));
    return shifted - log(sum<Axis>(exp(shifted), keepdims));
  }
};

template <int Axis> struct Softmin {
  constexpr auto operator()(auto x) const { return Softmax<Axis>{}(-x); }
};

}  // namespace ops

/// Probabilities along an axis. PyTorch: torch.softmax(x, dim).
template <int Axis = -1, Operand X> constexpr auto softmax(X&& x) {
  return call<ops::Composed<ops::Softmax<Axis>>>(std::forward<X>(x));
}

/// Logarithms of the probabilities along an axis. PyTorch: torch.log_softmax(x, dim).
template <int Axis = -1, Operand X> constexpr auto log_softmax(X&& x) {
  return call<ops::Composed<ops::LogSoftmax<Axis>>>(std::forward<X>(x));
}

/// Probabilities of the negative elements. PyTorch: torch.nn.functional.softmin.
template <int Axis = -1, Operand X> constexpr auto softmin(X&& x) {
  return call<ops::Composed<ops::Softmin<Axis>>>(std::forward<X>(x));
}

/// log Σ e^x over the axes named, over all where none is, without overflow. PyTorch: torch.logsumexp.
template <int... Axes, Operand X> constexpr auto logsumexp(X&& x) {
  return call<ops::Composed<ops::LogSumExp<false, Axes...>>>(std::forward<X>(x));
}
template <int... Axes, Operand X> constexpr auto logsumexp(X&& x, KeepDims) {
  return call<ops::Composed<ops::LogSumExp<true, Axes...>>>(std::forward<X>(x));
}

}  // namespace sinter
