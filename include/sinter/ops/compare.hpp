// Elementwise comparison, and choice between two values.
#pragma once
#include "apply.hpp"

namespace sinter::inline SINTER_ABI {
namespace ops {

struct Greater : Elementwise<Greater, 2, Comparing> {
  static constexpr const char* name = "greater";
  static constexpr auto eval(auto a, auto b) { return a > b; }
};
struct GreaterEqual : Elementwise<GreaterEqual, 2, Comparing> {
  static constexpr const char* name = "greater_equal";
  static constexpr auto eval(auto a, auto b) { return a >= b; }
};
struct Equal : Elementwise<Equal, 2, Comparing> {
  static constexpr const char* name = "equal";
  static constexpr auto eval(auto a, auto b) { return a == b; }
};
struct NotEqual : Elementwise<NotEqual, 2, Comparing> {
  static constexpr const char* name = "not_equal";
  static constexpr auto eval(auto a, auto b) { return a != b; }
};

/// The first operand is a mask; the other two share a dtype.
struct Choice : Promoted {
  static constexpr int first = 1;
  static constexpr Dtype operand(int i, Dtype promoted) { return i == 0 ? Dtype::boolean : promoted; }
  static constexpr Dtype result(Dtype promoted) { return promoted; }
};
struct Select : Elementwise<Select, 3, Choice> {
  static constexpr const char* name = "select";
  static constexpr auto eval(auto mask, auto a, auto b) { return select(mask, a, b); }
  static constexpr Value derivative(int i, auto mask, auto, auto, auto, auto t) {
    return i == 0 ? Value{} : i == 1 ? select(mask, t, 0.0) : select(mask, 0.0, t);
  }
};

}  // namespace ops

/// Elementwise; the result is bool. NaN compares false, and differs from everything. PyTorch: torch.gt.
template <class A, class B>
requires Operands<A, B>
constexpr graph::Result<ops::Apply<ops::Greater>, A, B> operator>(A&& a, B&& b) {
  return call<ops::Apply<ops::Greater>>(std::forward<A>(a), std::forward<B>(b));
}
/// Elementwise; bool. PyTorch: torch.lt.
template <class A, class B>
requires Operands<A, B>
constexpr graph::Result<ops::Apply<ops::Greater>, B, A> operator<(A&& a, B&& b) {
  return call<ops::Apply<ops::Greater>>(std::forward<B>(b), std::forward<A>(a));
}
/// Elementwise; bool. PyTorch: torch.ge.
template <class A, class B>
requires Operands<A, B>
constexpr graph::Result<ops::Apply<ops::GreaterEqual>, A, B> operator>=(A&& a, B&& b) {
  return call<ops::Apply<ops::GreaterEqual>>(std::forward<A>(a), std::forward<B>(b));
}
/// Elementwise; bool. PyTorch: torch.le.
template <class A, class B>
requires Operands<A, B>
constexpr graph::Result<ops::Apply<ops::GreaterEqual>, B, A> operator<=(A&& a, B&& b) {
  return call<ops::Apply<ops::GreaterEqual>>(std::forward<B>(b), std::forward<A>(a));
}
/// Elementwise; bool. Whether whole tensors are alike says `equal(a, b)`. PyTorch: torch.eq.
template <class A, class B>
requires Operands<A, B>
constexpr graph::Result<ops::Apply<ops::Equal>, A, B> operator==(A&& a, B&& b) {
  return call<ops::Apply<ops::Equal>>(std::forward<A>(a), std::forward<B>(b));
}
/// Elementwise; bool, true of NaN. PyTorch: torch.ne.
template <class A, class B>
requires Operands<A, B>
constexpr graph::Result<ops::Apply<ops::NotEqual>, A, B> operator!=(A&& a, B&& b) {
  return call<ops::Apply<ops::NotEqual>>(std::forward<A>(a), std::forward<B>(b));
}

/// a where the mask is true, b elsewhere. PyTorch: torch.where.
template <class M, class A, class B> requires Operands<M, A, B>
constexpr graph::Result<ops::Apply<ops::Select>, M, A, B> select(M&& mask, A&& a, B&& b) {
  return call<ops::Apply<ops::Select>>(std::forward<M>(mask), std::forward<A>(a), std::forward<B>(b));
}
/// The same under PyTorch's name.
template <class M, class A, class B> requires Operands<M, A, B>
constexpr graph::Result<ops::Apply<ops::Select>, M, A, B> where(M&& mask, A&& a, B&& b) {
  return call<ops::Apply<ops::Select>>(std::forward<M>(mask), std::forward<A>(a), std::forward<B>(b));
}

}  // namespace sinter
