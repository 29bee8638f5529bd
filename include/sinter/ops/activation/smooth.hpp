// Smooth activations: the sigmoid and functions of exponentials. A branch that may overflow is computed of another
// argument for elements that do not select it, because 0 · ∞ in a gradient is NaN.
#pragma once
#include "../composed.hpp"
#include "../concatenate.hpp"
#include "../exponential.hpp"
#include "../../tensor/option.hpp"

namespace sinter::inline SINTER_ABI {

/// The name of an approximation: `gelu(x, tanh_approximation)`.
inline constexpr struct TanhApproximation {} tanh_approximation;

template <class X> struct glu_needs_an_even_extent;  // undefined: the name is the error

namespace ops {

struct Sigmoid : Elementwise<Sigmoid, 1, Floating> {
  static constexpr const char* name = "sigmoid";
  static constexpr double flops = 22;
  static constexpr auto eval(auto x) { return logistic(x); }
  static constexpr auto derivative(int, auto, auto y, auto t) { return t * (y * (1.0 - y)); }
};
struct SigmoidByTanh : Elementwise<SigmoidByTanh, 1, Floating> {
  using Accurate = Sigmoid;
  static constexpr const char* name = "sigmoid_by_tanh";
  static constexpr double flops = 22;
  static constexpr auto eval(auto x) { return sigmoid_by_tanh(x); }
  static constexpr auto derivative(int i, auto x, auto y, auto t) { return Sigmoid::derivative(i, x, y, t); }
};
/// A primitive, because the derivative of its formula is not smooth where the kinks of min(x, 0) and |x| cancel: that
/// of the function is, to every order.
struct LogSigmoid : Elementwise<LogSigmoid, 1, Floating> {
  static constexpr const char* name = "log_sigmoid";
  static constexpr double flops = 44;
  static constexpr auto eval(auto x) { return minimum(x, decltype(x)(0)) - log1p(exp(-abs(x))); }
  static constexpr auto derivative(int, auto x, auto, auto t) { return t * sigmoid(-x); }
};
struct Silu {
  constexpr auto operator()(auto x) const { return x * sigmoid(x); }
};
struct Softplus {
  constexpr auto operator()(auto x, auto beta, auto threshold) const {
    const auto scaled = x * beta;
    const auto linear = scaled > threshold;
    return select(linear, x, -Apply<LogSigmoid>{}(-scaled) / beta);
  }
};
struct Mish {
  constexpr auto operator()(auto x) const { return x * tanh(-Apply<LogSigmoid>{}(-x)); }
};
struct Softsign {
  constexpr auto operator()(auto x) const { return x / (1.0 + abs(x)); }
};
struct Tanhshrink {
  constexpr auto operator()(auto x) const { return x - tanh(x); }
};
struct Elu {
  constexpr auto operator()(auto x, auto alpha) const {
    const auto negative = x <= 0.0;  // false for NaN, which stays NaN, and its gradient is kept
    return select(negative, alpha * expm1(select(negative, x, 0.0)), x);
  }
};
struct Celu {
  constexpr auto operator()(auto x, auto alpha) const {
    const auto negative = x <= 0.0;
    return select(negative, alpha * expm1(select(negative, x, 0.0) / alpha), x);
  }
};
/// Klambauer et al., Self-Normalizing Neural Networks: the two constants keep mean 0 and variance 1.
struct Selu {
  constexpr auto operator()(auto x) const {
    const auto negative = x <= 0.0;
    return 1.0507009873554805 * select(negative, 1.6732632423543772 * expm1(select(negative, x, 0.0)), x);
  }
};
struct Gelu {
  constexpr auto operator()(auto x) const { return x * 0.5 * (1.0 + erf(x * 0.70710678118654752)); }
};
struct GeluTanh {
  // √(2/π)
  constexpr auto operator()(auto x) const {
    return x * 0.5 * (1.0 + tanh(0.79788456080286536 * (x + 0.044715 * (x * x * x))));
  }
};

}  // namespace ops

/// 1 / (1 + e^−x), elementwise, to 3 units in the last place. PyTorch: torch.sigmoid.
template <Operand X> constexpr graph::Result<ops::Apply<ops::Sigmoid>, X> sigmoid(X&& x) {
  return call<ops::Apply<ops::Sigmoid>>(std::forward<X>(x));
}

/// The same to an absolute error of 2e−7, and faster: for factors such as the gates of recurrent cells.
template <Operand X> constexpr graph::Result<ops::Apply<ops::SigmoidByTanh>, X> sigmoid(X&& x, TanhApproximation) {
  return call<ops::Apply<ops::SigmoidByTanh>>(std::forward<X>(x));
}

namespace ops {

template <int Axis> struct Glu {
  template <class X> constexpr auto operator()(X x) const {
    if constexpr (is_sym_v<X>) {
      constexpr int extent = X::shape[Axis < 0 ? Axis + X::shape.rank : Axis];
      if constexpr (extent % 2 != 0) return glu_needs_an_even_extent<X>{};
      else return slice<Axis, 0, extent / 2>(x) * Apply<Sigmoid>{}(slice<Axis, extent / 2>(x));
    } else {
      const int axis = Axis < 0 ? Axis + x.extents().rank : Axis, half = x.extents()[axis] / 2;
      return graph::slice(x, axis, 0, half, 1) * Apply<Sigmoid>{}(graph::slice(x, axis, half, half, 1));
    }
  }
};

}  // namespace ops

/// log sigmoid(x), without overflow. PyTorch: torch.nn.functional.logsigmoid.
template <Operand X> constexpr graph::Result<ops::Apply<ops::LogSigmoid>, X> log_sigmoid(X&& x) {
  return call<ops::Apply<ops::LogSigmoid>>(std::forward<X>(x));
}
/// x sigmoid(x). PyTorch: torch.nn.functional.silu.
template <Operand X> constexpr auto silu(X&& x) { return call<ops::Composed<ops::Silu>>(std::forward<X>(x)); }
/// log(1 + e^βx) / β, without overflow, and x where βx is above the threshold. PyTorch: torch.nn.functional.softplus.
template <Operand X> constexpr auto softplus(X&& x, double beta = 1, double threshold = 20) {
  return call<ops::Composed<ops::Softplus>>(std::forward<X>(x), beta, threshold);
}
/// x tanh(softplus(x)). PyTorch: torch.nn.functional.mish.
template <Operand X> constexpr auto mish(X&& x) { return call<ops::Composed<ops::Mish>>(std::forward<X>(x)); }
/// x / (1 + |x|). PyTorch: torch.nn.functional.softsign.
template <Operand X> constexpr auto softsign(X&& x) { return call<ops::Composed<ops::Softsign>>(std::forward<X>(x)); }
/// x − tanh x. PyTorch: torch.nn.functional.tanhshrink.
template <Operand X> constexpr auto tanhshrink(X&& x) {
  return call<ops::Composed<ops::Tanhshrink>>(std::forward<X>(x));
}
/// x where it is positive, α (e^x − 1) elsewhere. PyTorch: torch.nn.functional.elu.
template <Operand X> constexpr auto elu(X&& x, double alpha = 1) {
  return call<ops::Composed<ops::Elu>>(std::forward<X>(x), alpha);
}
/// x where it is positive, α (e^(x/α) − 1) elsewhere. PyTorch: torch.nn.functional.celu.
template <Operand X> constexpr auto celu(X&& x, double alpha = 1) {
  check_option(alpha != 0, "celu", "alpha", "a number other than 0", alpha);
  return call<ops::Composed<ops::Celu>>(std::forward<X>(x), alpha);
}
/// elu with the constants of self-normalising nets. PyTorch: torch.nn.functional.selu.
template <Operand X> constexpr auto selu(X&& x) { return call<ops::Composed<ops::Selu>>(std::forward<X>(x)); }
/// x Φ(x) with the normal distribution's Φ. PyTorch: torch.nn.functional.gelu.
template <Operand X> constexpr auto gelu(X&& x) { return call<ops::Composed<ops::Gelu>>(std::forward<X>(x)); }
/// The same with Φ approximated by tanh. PyTorch: gelu(x, approximate="tanh").
template <Operand X> constexpr auto gelu(X&& x, TanhApproximation) {
  return call<ops::Composed<ops::GeluTanh>>(std::forward<X>(x));
}
/// The first half along an axis times the sigmoid of the second. PyTorch: torch.nn.functional.glu.
template <int Axis = -1, Operand X> constexpr auto glu(X&& x) {
  return call<ops::Composed<ops::Glu<Axis>>>(std::forward<X>(x));
}

}  // namespace sinter
