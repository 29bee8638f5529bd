// Elementwise arithmetic: + − × ÷, negation, magnitude and sign, maximum, minimum, clamp.
#pragma once
#include "apply.hpp"
#include "compare.hpp"
#include "logical.hpp"

namespace sinter::inline SINTER_ABI {
namespace ops {

/// All are numbers: the result is known while the graph is built. Integers are computed in their own type, as kernels
/// do: they truncate and wrap. One that no double holds is left to the kernel.
template <class Op> constexpr Value folded(Value a, auto... more) {
  if (!(a.graph->is_constant(a.id) && ... && more.graph->is_constant(more.id))) return {};
  const auto number = [](Value v) { return v.graph->constant_value(v.id); };
  if (is_floating(a.dtype()))
    return {a.graph, a.graph->constant(Op::eval(Lanes<double, 1>(number(a)), Lanes<double, 1>(number(more))...).v,
                                       a.dtype())};
  Value y;
  with_element_type(a.dtype(), [&]<class T>(T) {
    if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool>) {
      const T exact =
          Op::eval(Lanes<T, 1>(converted<T>(number(a))), Lanes<T, 1>(converted<T>(number(more)))...).v;
      if (converted<T>(double(exact)) == exact) y = {a.graph, a.graph->constant(double(exact), a.dtype())};
    }
  });
  return y;
}

struct Neg : Elementwise<Neg> {
  static constexpr const char* name = "neg";
  static constexpr auto eval(auto x) { return -x; }
  static constexpr auto derivative(int, auto, auto, auto t) { return -t; }
  static constexpr Value simplify(Value x) { return folded<Neg>(x); }
};

struct Add : Elementwise<Add, 2> {
  static constexpr const char* name = "add";
  static constexpr graph::Affine affine = graph::Affine::adds;
  static constexpr auto eval(auto a, auto b) { return a + b; }
  static constexpr auto derivative(int, auto, auto, auto, auto t) { return t; }
  static constexpr Value simplify(Value a, Value b) { return a.is(0) ? b : b.is(0) ? a : folded<Add>(a, b); }
};

struct Sub : Elementwise<Sub, 2> {
  static constexpr const char* name = "sub";
  static constexpr graph::Affine affine = graph::Affine::subtracts;
  static constexpr auto eval(auto a, auto b) { return a - b; }
  static constexpr Value derivative(int i, auto, auto, auto, auto t) { return i == 0 ? t : -t; }
  static constexpr Value simplify(Value a, Value b) { return b.is(0) ? a : folded<Sub>(a, b); }
};

struct Mul : Elementwise<Mul, 2> {
  static constexpr const char* name = "mul";
  static constexpr graph::Affine affine = graph::Affine::multiplies;
  static constexpr auto eval(auto a, auto b) { return a * b; }
  static constexpr Value derivative(int i, auto a, auto b, auto, auto t) { return i == 0 ? t * b : t * a; }
  static constexpr Value simplify(Value a, Value b) { return a.is(1) ? b : b.is(1) ? a : folded<Mul>(a, b); }
};

/// Integers divide as in C++; PyTorch's true division of integers is `cast<float>(a) / b`.
struct Div : Elementwise<Div, 2> {
  static constexpr const char* name = "div";
  static constexpr graph::Affine affine = graph::Affine::divides;
  static constexpr double flops = 4;
  static constexpr auto eval(auto a, auto b) { return a / b; }
  static constexpr Value derivative(int i, auto, auto b, auto y, auto t) { return i == 0 ? t / b : -(t * y / b); }
  static constexpr Value simplify(Value a, auto b) {
    if (b.is(1) || b.is(0)) return b.is(1) ? a : Value{};
    if (b.graph->is_constant(b.id) && !a.graph->is_constant(a.id) && is_floating(a.dtype()) &&
        has_exact_reciprocal(b.graph->constant_value(b.id)))
      return a * (1 / b.graph->constant_value(b.id));
    return folded<Div>(a, b);
  }

 private:
  /// Powers of two, in the range of every floating type: multiplying by the reciprocal gives the same bits, faster.
  static constexpr bool has_exact_reciprocal(double x) {
    return (std::bit_cast<std::uint64_t>(x) & ((std::uint64_t(1) << 52) - 1)) == 0 && (x < 0 ? -x : x) >= 1. / 16384 &&
           (x < 0 ? -x : x) <= 16384;
  }

};

/// The larger of two; NaN if either is. At ties each operand receives half the gradient; if either is NaN, both receive
/// all of it, as in torch.maximum.
struct Maximum : Elementwise<Maximum, 2> {
  static constexpr const char* name = "maximum";
  static constexpr auto eval(auto a, auto b) { return maximum(a, b); }
  static constexpr Value derivative(int i, auto a, auto b, auto, auto t) {
    const Value tie = select(a == b, t * 0.5, t);
    return i == 0 ? select(a < b, 0.0, tie) : select(b < a, 0.0, tie);
  }
};
struct Minimum : Elementwise<Minimum, 2> {
  static constexpr const char* name = "minimum";
  static constexpr auto eval(auto a, auto b) { return minimum(a, b); }
  static constexpr Value derivative(int i, auto a, auto b, auto, auto t) {
    const Value tie = select(a == b, t * 0.5, t);
    return i == 0 ? select(a > b, 0.0, tie) : select(b > a, 0.0, tie);
  }
};

struct Abs : Elementwise<Abs> {
  static constexpr const char* name = "abs";
  static constexpr auto eval(auto x) { return abs(x); }
  static constexpr auto derivative(int, auto x, auto, auto t) { return t * sign(x); }
};
struct Sign : Elementwise<Sign> {
  static constexpr const char* name = "sign";
  static constexpr auto eval(auto x) {
    return select(x > 0, decltype(x)(1), select(x < 0, decltype(x)(-1), decltype(x)(0)));
  }
};

/// Operands: x, the lower bound, the upper bound. A bound receives the gradient where it is the result; where x equals
/// it, each has half, but x nothing where the bounds are numbers, as in PyTorch.
struct Clamp : Elementwise<Clamp, 3> {
  static constexpr const char* name = "clamp";
  static constexpr double flops = 2;
  static constexpr auto eval(auto x, auto low, auto high) {
    const auto raised = select(x < low || is_nan(low), low, x);
    return or_nan(x, select(raised > high || is_nan(high), high, raised));
  }
  static constexpr Value derivative(int i, auto x, auto low, auto high, auto, auto t) {
    const Builder& g = *x.graph;
    if (g.is_constant(low.id) && g.is_constant(high.id))
      return i == 0 ? select(logical_and(x > low, x < high), t, 0.0) : Value{};
    const Value half = select(low < high, t * 0.5, i == 0 ? t : t * 0.0);
    if (i == 0) return select(logical_or(x < low, x > high), 0.0, select(logical_or(x == low, x == high), half, t));
    if (i == 1) return select(logical_and(x < low, low <= high), t, select(x == low, half, 0.0));
    return select(logical_or(low > high, logical_and(x > high, low <= high)), t, select(x == high, half, 0.0));
  }
};

}  // namespace ops

/// Elementwise sum; operands broadcast as in NumPy and PyTorch. PyTorch: torch.add.
template <class A, class B>
requires Operands<A, B>
constexpr graph::Result<ops::Apply<ops::Add>, A, B> operator+(A&& a, B&& b) {
  return call<ops::Apply<ops::Add>>(std::forward<A>(a), std::forward<B>(b));
}
/// Elementwise difference, and the negation of one operand. PyTorch: torch.sub, torch.neg.
template <class A, class B>
requires Operands<A, B>
constexpr graph::Result<ops::Apply<ops::Sub>, A, B> operator-(A&& a, B&& b) {
  return call<ops::Apply<ops::Sub>>(std::forward<A>(a), std::forward<B>(b));
}
/// Elementwise product; `matmul` is the matrix product. PyTorch: torch.mul.
template <class A, class B>
requires Operands<A, B>
constexpr graph::Result<ops::Apply<ops::Mul>, A, B> operator*(A&& a, B&& b) {
  return call<ops::Apply<ops::Mul>>(std::forward<A>(a), std::forward<B>(b));
}
/// Elementwise quotient. Integers divide as in C++, toward 0; `cast<float>(a) / b` is PyTorch's a / b of them. PyTorch:
/// torch.div.
template <class A, class B>
requires Operands<A, B>
constexpr graph::Result<ops::Apply<ops::Div>, A, B> operator/(A&& a, B&& b) {
  return call<ops::Apply<ops::Div>>(std::forward<A>(a), std::forward<B>(b));
}
template <Operand X> constexpr graph::Result<ops::Apply<ops::Neg>, X> operator-(X&& x) {
  return call<ops::Apply<ops::Neg>>(std::forward<X>(x));
}

/// The larger of two elements; NaN if either is. PyTorch: torch.maximum.
template <class A, class B>
requires Operands<A, B>
constexpr graph::Result<ops::Apply<ops::Maximum>, A, B> maximum(A&& a, B&& b) {
  return call<ops::Apply<ops::Maximum>>(std::forward<A>(a), std::forward<B>(b));
}
/// The smaller of two elements; NaN if either is. PyTorch: torch.minimum.
template <class A, class B>
requires Operands<A, B>
constexpr graph::Result<ops::Apply<ops::Minimum>, A, B> minimum(A&& a, B&& b) {
  return call<ops::Apply<ops::Minimum>>(std::forward<A>(a), std::forward<B>(b));
}

/// |x|, elementwise; the gradient at 0 is 0. PyTorch: torch.abs.
template <Operand X> constexpr graph::Result<ops::Apply<ops::Abs>, X> abs(X&& x) {
  return call<ops::Apply<ops::Abs>>(std::forward<X>(x));
}
/// 1, −1, or 0 for zeros and NaN; constant to differentiation. PyTorch: torch.sign.
template <Operand X> constexpr graph::Result<ops::Apply<ops::Sign>, X> sign(X&& x) {
  return call<ops::Apply<ops::Sign>>(std::forward<X>(x));
}

/// min(max(x, low), high), elementwise; bounds are numbers or tensors. x receives the gradient between them; at a bound
/// none if it is a number, half if it is a tensor. PyTorch: torch.clamp.
template <class X, class L, class H> requires Operands<X, L, H>
constexpr graph::Result<ops::Apply<ops::Clamp>, X, L, H> clamp(X&& x, L&& low, H&& high) {
  return call<ops::Apply<ops::Clamp>>(std::forward<X>(x), std::forward<L>(low), std::forward<H>(high));
}

}  // namespace sinter
