// Elementwise rounding to whole numbers, and the remainder of a division.
#pragma once
#include "apply.hpp"
#include "arithmetic.hpp"

namespace sinter::inline SINTER_ABI {
namespace ops {

struct Floor : Elementwise<Floor> {
  static constexpr const char* name = "floor";
  static constexpr auto eval(auto x) { return floor(x); }
};
struct Ceil : Elementwise<Ceil> {
  static constexpr const char* name = "ceil";
  static constexpr auto eval(auto x) { return ceil(x); }
};
struct Trunc : Elementwise<Trunc> {
  static constexpr const char* name = "trunc";
  static constexpr auto eval(auto x) { return trunc(x); }
};
struct Round : Elementwise<Round> {
  static constexpr const char* name = "round";
  static constexpr auto eval(auto x) { return round(x); }
};

/// a − ⌊a / b⌋ b.
struct Remainder : Elementwise<Remainder, 2> {
  static constexpr const char* name = "remainder";
  static constexpr double flops = 20;
  static constexpr auto eval(auto a, auto b) { return remainder(a, b); }
  static constexpr Value derivative(int i, auto a, auto b, auto y, auto t) {
    if (i == 0) return t;
    return -(t * select(y == b, -1.0, round((a - y) / b)));  // y == b where b is infinite and a has the other sign
  }
};

}  // namespace ops

/// Elementwise rounding down. Constant to differentiation, as all roundings are. PyTorch: torch.floor.
template <Operand X> constexpr graph::Result<ops::Apply<ops::Floor>, X> floor(X&& x) {
  return call<ops::Apply<ops::Floor>>(std::forward<X>(x));
}
/// Elementwise rounding up. PyTorch: torch.ceil.
template <Operand X> constexpr graph::Result<ops::Apply<ops::Ceil>, X> ceil(X&& x) {
  return call<ops::Apply<ops::Ceil>>(std::forward<X>(x));
}
/// Elementwise rounding toward 0. PyTorch: torch.trunc.
template <Operand X> constexpr graph::Result<ops::Apply<ops::Trunc>, X> trunc(X&& x) {
  return call<ops::Apply<ops::Trunc>>(std::forward<X>(x));
}
/// Elementwise rounding to the nearest integer, ties to even. PyTorch: torch.round.
template <Operand X> constexpr graph::Result<ops::Apply<ops::Round>, X> round(X&& x) {
  return call<ops::Apply<ops::Round>>(std::forward<X>(x));
}

/// a modulo b, with the sign of b. Modulo 0 it is NaN, for integers a. PyTorch: torch.remainder.
template <class A, class B>
requires Operands<A, B>
constexpr graph::Result<ops::Apply<ops::Remainder>, A, B> remainder(A&& a, B&& b) {
  return call<ops::Apply<ops::Remainder>>(std::forward<A>(a), std::forward<B>(b));
}

}  // namespace sinter
