// Piecewise linear activations. Their gradients at the kinks are PyTorch's.
#pragma once
#include "../arithmetic.hpp"
#include "../composed.hpp"
#include "../reshape.hpp"
#include "../../tensor/option.hpp"

namespace sinter::inline SINTER_ABI {
namespace ops {

struct Relu : Elementwise<Relu> {
  static constexpr const char* name = "relu";
  static constexpr auto eval(auto x) { return or_nan(x, select(x < 0, decltype(x)(0), x)); }
  static constexpr Value derivative(int, auto, auto y, auto t) { return select(y <= 0.0, 0.0, t); }
};
struct LeakyRelu {
  constexpr auto operator()(auto x, auto slope) const { return select(x > 0.0, x, x * slope); }
};
/// The same with trained slopes, whose gradient is 0 for positive elements, +∞ included.
struct Sloped {
  constexpr auto operator()(auto x, auto slopes) const {
    const auto positive = x > 0.0;
    return select(positive, x, select(positive, 0.0, x) * slopes);
  }
};
/// A slope for each channel, axis 1 of x; or one for all.
struct PRelu {
  template <class X, class W> constexpr auto operator()(X x, W slopes) const {
    if constexpr (is_sym_v<X> && is_sym_v<W>) {
      if constexpr (X::shape.rank <= 2 || W::shape.size() == 1) return Sloped{}(x, slopes);
      else return Sloped{}(x, ReshapeBy<PerChannel<X::shape.rank>>{}(slopes));
    } else {
      if (x.extents().rank <= 2 || slopes.extents().size() == 1) return Sloped{}(x, slopes);
      Shape to = slopes.extents();
      while (to.rank < x.extents().rank - 1) to.push(1);
      return Sloped{}(x, graph::reshape_to(slopes, to));
    }
  }

 private:
  template <int Rank> struct PerChannel {
    static constexpr Shape target(Shape s) {
      while (s.rank < Rank - 1) s.push(1);
      return s;
    }
  };
};
/// Operands: x, and two numbers. Unlike clamp it gives no gradient to elements that equal a bound.
struct HardTanh : Elementwise<HardTanh, 3> {
  static constexpr const char* name = "hardtanh";
  static constexpr double flops = 2;
  static constexpr auto eval(auto x, auto low, auto high) { return within(x, low, high); }
  static constexpr Value derivative(int i, auto, auto low, auto high, auto y, auto t) {
    return i == 0 ? select(logical_or(y <= low, y >= high), 0.0, t) : Value{};
  }
};
struct Relu6 {
  constexpr auto operator()(auto x) const { return call<Apply<HardTanh>>(x, 0.0, 6.0); }
};
/// Clamp has no slope at NaN, as PyTorch's have none; relu6 has one.
struct HardSigmoid {
  constexpr auto operator()(auto x) const { return call<Apply<Clamp>>(x + 3.0, 0.0, 6.0) / 6.0; }
};
struct HardSwish {
  constexpr auto operator()(auto x) const { return x * call<Apply<Clamp>>(x + 3.0, 0.0, 6.0) / 6.0; }
};
struct SoftShrink {
  constexpr auto operator()(auto x, auto lambda) const {
    const auto within = select(x == x, 0.0, x);  // NaN stays NaN
    return select(x > lambda, x - lambda, select(x < -lambda, x + lambda, within));
  }
};
struct HardShrink {
  constexpr auto operator()(auto x, auto lambda) const {
    return select(logical_and(x >= -lambda, x <= lambda), 0.0, x);
  }
};
struct Threshold {
  constexpr auto operator()(auto x, auto threshold, auto value) const { return select(x <= threshold, value, x); }
};

}  // namespace ops

/// max(x, 0), elementwise; the gradient at 0 is 0. PyTorch: torch.relu.
template <Operand X> constexpr graph::Result<ops::Apply<ops::Relu>, X> relu(X&& x) {
  return call<ops::Apply<ops::Relu>>(std::forward<X>(x));
}
/// x where it is positive, slope · x elsewhere. PyTorch: torch.nn.functional.leaky_relu.
template <Operand X> constexpr auto leaky_relu(X&& x, double negative_slope = 0.01) {
  return call<ops::Composed<ops::LeakyRelu>>(std::forward<X>(x), negative_slope);
}
/// The same with trained slopes: one for all, or one for each channel, axis 1 of x. PyTorch: torch.nn.functional.prelu.
template <class X, class W> requires Operands<X, W>
constexpr auto prelu(X&& x, W&& slopes) {
  return call<ops::Composed<ops::PRelu, 2>>(std::forward<X>(x), std::forward<W>(slopes));
}
/// x between the bounds; the gradient at them is 0. PyTorch: torch.nn.functional.hardtanh.
template <Operand X> constexpr auto hardtanh(X&& x, double low = -1, double high = 1) {
  check_option(low <= high, "hardtanh", "max_val", "min_val or more", high);
  return call<ops::Apply<ops::HardTanh>>(std::forward<X>(x), low, high);
}
/// min(max(x, 0), 6). PyTorch: torch.nn.functional.relu6.
template <Operand X> constexpr auto relu6(X&& x) { return call<ops::Relu6>(std::forward<X>(x)); }
/// relu6(x + 3) / 6. PyTorch: torch.nn.functional.hardsigmoid.
template <Operand X> constexpr auto hardsigmoid(X&& x) {
  return call<ops::Composed<ops::HardSigmoid>>(std::forward<X>(x));
}
/// x relu6(x + 3) / 6. PyTorch: torch.nn.functional.hardswish.
template <Operand X> constexpr auto hardswish(X&& x) { return call<ops::Composed<ops::HardSwish>>(std::forward<X>(x)); }
/// x moved towards 0 by λ, and 0 within ±λ. PyTorch: torch.nn.functional.softshrink.
template <Operand X> constexpr auto softshrink(X&& x, double lambda = 0.5) {
  check_option(lambda >= 0, "softshrink", "lambd", "0 or more", lambda);
  return call<ops::SoftShrink>(std::forward<X>(x), lambda);
}
/// x beyond ±λ, 0 within. PyTorch: torch.nn.functional.hardshrink.
template <Operand X> constexpr auto hardshrink(X&& x, double lambda = 0.5) {
  return call<ops::HardShrink>(std::forward<X>(x), lambda);
}
/// x above the threshold, the value elsewhere. PyTorch: torch.nn.functional.threshold.
template <Operand X> constexpr auto threshold(X&& x, double at, double value) {
  return call<ops::Threshold>(std::forward<X>(x), at, value);
}

}  // namespace sinter
