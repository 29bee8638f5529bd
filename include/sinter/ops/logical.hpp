// Elementwise logic on masks, and tests for NaN and for finite elements.
#pragma once
#include "apply.hpp"
#include "compare.hpp"

namespace sinter::inline SINTER_ABI {
namespace ops {

/// Operands of any dtype are true where they are not 0.
struct Logical : Promoted {
  static constexpr Dtype operand(int, Dtype) { return Dtype::boolean; }
  static constexpr Dtype result(Dtype) { return Dtype::boolean; }
};
struct LogicalAnd : Elementwise<LogicalAnd, 2, Logical> {
  static constexpr const char* name = "logical_and";
  static constexpr auto eval(auto a, auto b) { return a && b; }
};
struct LogicalOr : Elementwise<LogicalOr, 2, Logical> {
  static constexpr const char* name = "logical_or";
  static constexpr auto eval(auto a, auto b) { return a || b; }
};
struct LogicalNot : Elementwise<LogicalNot, 1, Logical> {
  static constexpr const char* name = "logical_not";
  static constexpr auto eval(auto x) { return !x; }
};

struct IsNan : Elementwise<IsNan, 1, Comparing> {
  static constexpr const char* name = "isnan";
  static constexpr auto eval(auto x) { return is_nan(x); }
};
struct IsFinite : Elementwise<IsFinite, 1, Comparing> {
  static constexpr const char* name = "isfinite";
  static constexpr auto eval(auto x) { return is_finite(x); }
};

}  // namespace ops

/// Elementwise and; operands of other dtypes count as true where they are not 0. The result is bool. PyTorch:
/// torch.logical_and.
template <class A, class B>
requires Operands<A, B>
constexpr graph::Result<ops::Apply<ops::LogicalAnd>, A, B> logical_and(A&& a, B&& b) {
  return call<ops::Apply<ops::LogicalAnd>>(std::forward<A>(a), std::forward<B>(b));
}
/// Elementwise or; the result is bool. PyTorch: torch.logical_or.
template <class A, class B>
requires Operands<A, B>
constexpr graph::Result<ops::Apply<ops::LogicalOr>, A, B> logical_or(A&& a, B&& b) {
  return call<ops::Apply<ops::LogicalOr>>(std::forward<A>(a), std::forward<B>(b));
}
/// Elementwise not: whether elements are 0. The result is bool. PyTorch: torch.logical_not.
template <Operand X> constexpr graph::Result<ops::Apply<ops::LogicalNot>, X> logical_not(X&& x) {
  return call<ops::Apply<ops::LogicalNot>>(std::forward<X>(x));
}

/// The same as `logical_and`; both sides are always computed.
template <class A, class B>
requires Operands<A, B>
constexpr graph::Result<ops::Apply<ops::LogicalAnd>, A, B> operator&&(A&& a, B&& b) {
  return call<ops::Apply<ops::LogicalAnd>>(std::forward<A>(a), std::forward<B>(b));
}
/// The same as `logical_or`; both sides are always computed.
template <class A, class B>
requires Operands<A, B>
constexpr graph::Result<ops::Apply<ops::LogicalOr>, A, B> operator||(A&& a, B&& b) {
  return call<ops::Apply<ops::LogicalOr>>(std::forward<A>(a), std::forward<B>(b));
}
/// The same as `logical_not`.
template <Operand X> constexpr graph::Result<ops::Apply<ops::LogicalNot>, X> operator!(X&& x) {
  return call<ops::Apply<ops::LogicalNot>>(std::forward<X>(x));
}

/// Whether elements are NaN. PyTorch: torch.isnan.
template <Operand X> constexpr graph::Result<ops::Apply<ops::IsNan>, X> isnan(X&& x) {
  return call<ops::Apply<ops::IsNan>>(std::forward<X>(x));
}
/// Whether elements are neither NaN nor infinite. PyTorch: torch.isfinite.
template <Operand X> constexpr graph::Result<ops::Apply<ops::IsFinite>, X> isfinite(X&& x) {
  return call<ops::Apply<ops::IsFinite>>(std::forward<X>(x));
}

}  // namespace sinter
