// Reductions over axes: sum, product and mean.
#pragma once
#include <limits>

#include "cast.hpp"
#include "composed.hpp"
#include "exponential.hpp"
#include "index.hpp"
#include "reshape.hpp"

namespace sinter::inline SINTER_ABI {

template <class X, int... Axes> struct reduction_axis_out_of_range_or_named_twice;  // undefined: the name is the error

/// Keeps reduced axes with extent 1: `sum<1>(x, keepdims)`. PyTorch: keepdim=True.
inline constexpr struct KeepDims {} keepdims;

namespace ops {

struct Prod : Reduction<Prod> {
  static constexpr const char* name = "prod";
  static constexpr double identity = 1;
  static constexpr auto combine(auto a, auto b) { return a * b; }
  /// For each element the product of the others, also where elements are 0: a single zero has the product of the rest.
  /// A product of others that is 0 because of one zero is written with that zero as a factor, so that second
  /// derivatives are right too; those of third order need a row with at most one zero.
  static constexpr Value others(const Site& s) {
    const Value x = s.operand(0), zero = x == 0.0, rest = select(zero, 1.0, x);
    const Value zeros = reduced<Sum>(cast_to(zero, x.dtype()), s.attribute(0)),
                product = reduced<Prod>(rest, s.attribute(0));
    // 0, as a function of the elements that are 0.
    const Value null = reduced<Sum>(select(zero, x, 0.0), s.attribute(0));
    const Value of_zero = select(zeros == 1.0, product, select(zeros == 2.0, (null - x) * product, 0.0));
    return select(zero, of_zero, select(zeros <= 1.0, select(zeros == 0.0, 1.0, null) * (product / rest), 0.0));
  }
  static constexpr Value pull(const Site& s, Value ct) { return others(s) * ct; }
  static constexpr Value push(const Site& s, Value tangent) {
    return reduced<Sum>(others(s) * tangent, s.attribute(0));
  }
};

/// The bit set of the axes named; all of them where none is. −1 when one is out of range or named twice.
template <int... Axes> constexpr std::int64_t axes_of(int rank) {
  if (sizeof...(Axes) == 0) return (std::int64_t(1) << rank) - 1;
  std::int64_t set = 0;
  bool good = true;
  for (const int a : {Axes...}) {
    const int axis = a < 0 ? a + rank : a;
    good = good && axis >= 0 && axis < rank && (set >> axis & 1) == 0;
    if (good) set |= std::int64_t(1) << axis;
  }
  return good ? set : -1;
}
template <> constexpr std::int64_t axes_of<>(int rank) { return (std::int64_t(1) << rank) - 1; }

template <int... Axes> struct AxisSet {
  static constexpr std::array<std::int64_t, 1> of(const Shape& s) {
    return std::array<std::int64_t, 1>{axes_of<Axes...>(s.rank)};
  }
};
/// The shape without the axes named.
template <int... Axes> struct Without {
  static constexpr Shape target(const Shape& from) {
    Shape s;
    for (int i = 0; i < from.rank; ++i)
      if ((axes_of<Axes...>(from.rank) >> i & 1) == 0) s.push(from[i], from.symbol(i));
    return s;
  }
};

/// A reduction of X that kept its axes, without them.
template <class X, int... Axes> struct WithoutAxes {
  static constexpr Shape target(const Shape&) { return Without<Axes...>::target(X::shape); }
};
template <bool Keep, int... Axes, class X, class Y> constexpr auto drop_axes(X x, Y y) {
  if constexpr (Keep) return y;
  else if constexpr (is_sym_v<X>) return ReshapeBy<WithoutAxes<X, Axes...>>{}(y);
  else return graph::reshape_to(y, Without<Axes...>::target(x.extents()));
}

template <class R, bool Keep, int... Axes> struct Reduce {
  template <class X> constexpr auto operator()(X x) const {
    if constexpr (is_sym_v<X> && axes_of<Axes...>(rank_of<X>()) < 0)
      return reduction_axis_out_of_range_or_named_twice<X, Axes...>{};
    else if constexpr (is_sym_v<X>)
      return drop_axes<Keep, Axes...>(
          x, graph::SymOf<ResultOf<R, AxisSet<Axes...>, X>>(reduced<R>(x, axes_of<Axes...>(X::shape.rank))));
    else return drop_axes<Keep, Axes...>(x, reduced<R>(x, axes_of<Axes...>(x.extents().rank)));
  }

 private:
  template <class X> static consteval int rank_of() {
    if constexpr (is_sym_v<X>) return X::shape.rank;
    else return 0;
  }
};

/// Bools and integers are summed and multiplied as int64, as in PyTorch.
template <class R, bool Keep, int... Axes> struct Total {
  template <class X> constexpr auto operator()(X x) const { return Reduce<R, Keep, Axes...>{}(wide(x)); }

 private:
  template <class X> static constexpr auto wide(X x) {
    if constexpr (!is_sym_v<X>) return is_floating(x.dtype()) ? Value(x) : graph::cast_to(x, Dtype::int64);
    else if constexpr (is_floating(X::dtype) || X::dtype == Dtype::int64) return x;
    else return Apply<Cast<Dtype::int64>>{}(x);
  }
};

/// The number of elements along the axes: fixed extents, run-time lengths of bounded ones. Rank 0, dtype d.
constexpr Value count_over(Value v, std::int64_t axes, Dtype d) {
  const Shape s = v.extents();
  double fixed = 1;
  for (int i = 0; i < s.rank; ++i)
    if ((axes >> i & 1) != 0 && s.symbol(i) == 0) fixed *= s[i];
  Value n{v.graph, v.graph->constant(fixed, d)};
  for (int i = 0; i < s.rank; ++i)
    if ((axes >> i & 1) != 0 && s.symbol(i) != 0) n = n * graph::cast_to(graph::length(v.graph, s.symbol(i)), d);
  return n;
}

template <int... Axes> struct CountElements {
  template <class X> constexpr auto operator()(X x) const {
    if constexpr (is_sym_v<X>) return Sym<float>(count_over(x, axes_of<Axes...>(X::shape.rank), Dtype::float32));
    else return count_over(x, axes_of<Axes...>(x.extents().rank), Dtype::float32);
  }
};

template <bool Keep, int... Axes> struct Mean {
  template <class X> constexpr auto operator()(X x) const { return divided(x, Reduce<Sum, Keep, Axes...>{}(x)); }

 private:
  template <class X> static constexpr auto divided(X x, auto total) {
    if constexpr (is_sym_v<X>) {
      const Sym<typename X::element> n{count_over(x, axes_of<Axes...>(X::shape.rank), X::dtype)};
      return total / n;
    } else {
      return total / count_over(x, axes_of<Axes...>(x.extents().rank), x.dtype());
    }
  }
};

}  // namespace ops

/// Sum over the axes named, over all where none is. `sum<-1>(x, keepdims)`
/// keeps the axis. Bools and integers give int64. PyTorch: torch.sum.
template <int... Axes, Operand X> constexpr auto sum(X&& x) {
  return call<ops::Total<ops::Sum, false, Axes...>>(std::forward<X>(x));
}
template <int... Axes, Operand X> constexpr auto sum(X&& x, KeepDims) {
  return call<ops::Total<ops::Sum, true, Axes...>>(std::forward<X>(x));
}

/// The number of elements along the axes named, along all where none is, as float32: of a bounded axis its run-time
/// length. PyTorch: torch.numel.
template <int... Axes, Operand X> constexpr auto numel(X&& x) {
  return call<ops::CountElements<Axes...>>(std::forward<X>(x));
}

/// Product over the axes named, over all where none is. PyTorch: torch.prod.
template <int... Axes, Operand X> constexpr auto prod(X&& x) {
  return call<ops::Total<ops::Prod, false, Axes...>>(std::forward<X>(x));
}
template <int... Axes, Operand X> constexpr auto prod(X&& x, KeepDims) {
  return call<ops::Total<ops::Prod, true, Axes...>>(std::forward<X>(x));
}

/// Mean over the axes named, over all where none is; a bounded axis counts with its run-time length. Of bools and
/// integers it is float32: the mean of `pred == label` is the accuracy. PyTorch: torch.mean (which refuses integers).
template <int... Axes, Operand X> constexpr auto mean(X&& x) {
  return call<ops::Composed<ops::Mean<false, Axes...>>>(std::forward<X>(x));
}
template <int... Axes, Operand X> constexpr auto mean(X&& x, KeepDims) {
  return call<ops::Composed<ops::Mean<true, Axes...>>>(std::forward<X>(x));
}

}  // namespace sinter
