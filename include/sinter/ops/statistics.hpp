// Variance, standard deviation and Euclidean norm over axes.
#pragma once
#include "composed.hpp"
#include "exponential.hpp"
#include "extrema.hpp"
#include "power.hpp"

namespace sinter::inline SINTER_ABI {

namespace ops { template <int C> struct Correction {}; }
/// What is subtracted from the number of elements in the divisor of a variance: `var<1>(x, correction<0>)` is that of a
/// whole population, the default of 1 that of a sample. PyTorch: the argument of the same name.
template <int C> inline constexpr ops::Correction<C> correction{};

namespace ops {

/// max(n − C, 0), of rank 0.
template <int C> constexpr Value degrees_of_freedom(Value x, std::int64_t axes) {
  const Value n = count_over(x, axes, x.dtype());
  if (!n.graph->is_constant(n.id)) return maximum(n - double(C), 0.0);
  const double left = n.graph->constant_value(n.id) - C;
  return {n.graph, n.graph->constant(left > 0 ? left : 0, x.dtype())};
}
template <int C, bool Keep, int... Axes> struct Variance {
  template <class X> constexpr auto operator()(X x) const {
    const auto deviation = x - Mean<true, Axes...>{}(x);
    const auto total = Reduce<Sum, Keep, Axes...>{}(deviation * deviation);
    if constexpr (is_sym_v<X>)
      return total / Sym<typename X::element>(degrees_of_freedom<C>(x, axes_of<Axes...>(X::shape.rank)));
    else return total / degrees_of_freedom<C>(x, axes_of<Axes...>(x.extents().rank));
  }
};

/// √x of a sum of squares x; where it is 0, all derivatives are 0, as in torch.std and torch.norm.
struct RootOfSquares {
  constexpr auto operator()(auto x) const {
    const auto zero = x == 0.0;
    return select(zero, 0.0, sqrt(select(zero, 1.0, x)));
  }
};
template <int C, bool Keep, int... Axes> struct StandardDeviation {
  constexpr auto operator()(auto x) const { return RootOfSquares{}(Variance<C, Keep, Axes...>{}(x)); }
};
template <bool Keep, int... Axes> struct Norm {
  constexpr auto operator()(auto x) const { return RootOfSquares{}(Reduce<Sum, Keep, Axes...>{}(x * x)); }
};

}  // namespace ops

/// Σ (x − mean)² / (n − correction) over the axes named, over all where none is; a bounded axis counts with its
/// run-time length. PyTorch: torch.var.
template <int... Axes, Operand X> constexpr auto var(X&& x) {
  return call<ops::Composed<ops::Variance<1, false, Axes...>>>(std::forward<X>(x));
}
template <int... Axes, Operand X> constexpr auto var(X&& x, KeepDims) {
  return call<ops::Composed<ops::Variance<1, true, Axes...>>>(std::forward<X>(x));
}
template <int... Axes, int C, Operand X> constexpr auto var(X&& x, ops::Correction<C>) {
  return call<ops::Composed<ops::Variance<C, false, Axes...>>>(std::forward<X>(x));
}
template <int... Axes, int C, Operand X> constexpr auto var(X&& x, ops::Correction<C>, KeepDims) {
  return call<ops::Composed<ops::Variance<C, true, Axes...>>>(std::forward<X>(x));
}

/// The square root of the variance; where it is 0 so is its gradient. PyTorch: torch.std.
template <int... Axes, Operand X> constexpr auto std_dev(X&& x) {
  return call<ops::Composed<ops::StandardDeviation<1, false, Axes...>>>(std::forward<X>(x));
}
template <int... Axes, Operand X> constexpr auto std_dev(X&& x, KeepDims) {
  return call<ops::Composed<ops::StandardDeviation<1, true, Axes...>>>(std::forward<X>(x));
}
template <int... Axes, int C, Operand X> constexpr auto std_dev(X&& x, ops::Correction<C>) {
  return call<ops::Composed<ops::StandardDeviation<C, false, Axes...>>>(std::forward<X>(x));
}
template <int... Axes, int C, Operand X> constexpr auto std_dev(X&& x, ops::Correction<C>, KeepDims) {
  return call<ops::Composed<ops::StandardDeviation<C, true, Axes...>>>(std::forward<X>(x));
}

/// √Σ x² over the axes named, over all where none is; where it is 0 so is its
/// gradient. PyTorch: torch.linalg.vector_norm.
template <int... Axes, Operand X> constexpr auto norm(X&& x) {
  return call<ops::Composed<ops::Norm<false, Axes...>>>(std::forward<X>(x));
}
template <int... Axes, Operand X> constexpr auto norm(X&& x, KeepDims) {
  return call<ops::Composed<ops::Norm<true, Axes...>>>(std::forward<X>(x));
}

}  // namespace sinter
