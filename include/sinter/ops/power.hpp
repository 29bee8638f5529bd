// Elementwise powers, and x log y.
#pragma once
#include "apply.hpp"
#include "arithmetic.hpp"
#include "exponential.hpp"

namespace sinter::inline SINTER_ABI {
namespace ops {

struct Pow : Elementwise<Pow, 2> {
  static constexpr const char* name = "pow";
  static constexpr double flops = 60;
  static constexpr auto eval(auto a, auto b) { return pow(a, b); }
  /// The base's gradient is 0 where the exponent is 0, and the exponent's where the base is 0 and the result 0 or 1:
  /// there the formulas give 0 · ∞.
  static constexpr Value derivative(int i, auto a, auto b, auto y, auto t) {
    if (i == 1) return select(logical_and(a == 0.0, b >= 0.0), 0.0, t * (y * log(a)));
    if (b.graph->is_constant(b.id)) return b.is(0) ? Value{} : t * (b * pow(a, b - 1.0));
    return select(b == 0.0, 0.0, t * (b * pow(a, b - 1.0)));
  }
  /// Small constant exponents are products and roots, as in PyTorch.
  static constexpr Value simplify(Value a, Value b) {
    if (b.is(1)) return a;
    if (b.is(2)) return a * a;
    if (b.is(3)) return a * a * a;
    if (b.is(4)) {
      const Value square = a * a;
      return square * square;
    }
    if (!is_floating(a.dtype())) return {};
    if (b.is(0.5)) return sqrt(a);
    if (b.is(-0.5)) return rsqrt(a);
    if (b.is(-1)) return 1.0 / a;
    if (b.is(-2)) {
      const Value reciprocal = 1.0 / a;  // whose square has derivatives where that of a would be 0 or infinite
      return reciprocal * reciprocal;
    }
    return {};
  }
};

struct XLogY : Elementwise<XLogY, 2, Floating> {
  static constexpr const char* name = "xlogy";
  static constexpr double flops = 22;
  static constexpr auto eval(auto x, auto y) {
    using V = decltype(x);
    return select(is_nan(y), y, select(x == V(0), V(0), x * log(y)));
  }
  static constexpr Value derivative(int i, auto x, auto y, auto, auto t) {
    if (i == 1) return t * (x / y);
    return select(logical_and(x == 0.0, y <= 0.0), 0.0, apply<XLogY>(t, y));
  }
};

struct Square {
  constexpr auto operator()(auto x) const { return x * x; }
};

}  // namespace ops

/// a^b, elementwise; either may be a number. Integers stay integers and wrap. PyTorch: torch.pow.
template <class A, class B>
requires Operands<A, B>
constexpr graph::Result<ops::Apply<ops::Pow>, A, B> pow(A&& a, B&& b) {
  return call<ops::Apply<ops::Pow>>(std::forward<A>(a), std::forward<B>(b));
}

/// x log y, and 0 where x is 0, also for a logarithm of −∞; NaN where y is NaN. So entropies are
/// `-sum(xlogy(p, p))`. PyTorch: torch.xlogy.
template <class A, class B>
requires Operands<A, B>
constexpr graph::Result<ops::Apply<ops::XLogY>, A, B> xlogy(A&& x, B&& y) {
  return call<ops::Apply<ops::XLogY>>(std::forward<A>(x), std::forward<B>(y));
}

/// x · x, elementwise. PyTorch: torch.square.
template <Operand X> constexpr auto square(X&& x) { return call<ops::Square>(std::forward<X>(x)); }

}  // namespace sinter
