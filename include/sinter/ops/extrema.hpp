// The largest and the smallest over axes, where they are, and whether any or all elements are true.
#pragma once

#include "logical.hpp"
#include "reduce.hpp"

namespace sinter::inline SINTER_ABI {
namespace ops {

/// NaN if any element is. Equal extrema share the gradient evenly, as in torch.amax; in a row with NaN it is NaN.
template <class Self> struct Extremum : Reduction<Self> {
  static constexpr Value share(const Site& s, Value t) {
    const Value hit = s.operand(0) == s.result();
    return select(hit, t, 0.0) / reduced<Sum>(cast_to(hit, s.result().dtype()), s.attribute(0));
  }
  static constexpr Value pull(const Site& s, Value ct) { return share(s, ct); }
  static constexpr Value push(const Site& s, Value tangent) { return reduced<Sum>(share(s, tangent), s.attribute(0)); }
};
struct Amax : Extremum<Amax> {
  static constexpr const char* name = "amax";
  static constexpr double identity = -infinity<double>;
  static constexpr auto combine(auto a, auto b) { return maximum(b, a); }
};
/// For floating-point elements; integers go through Amax (see Least).
struct Amin : Extremum<Amin> {
  static constexpr const char* name = "amin";
  static constexpr double identity = infinity<double>;
  static constexpr auto combine(auto a, auto b) { return minimum(b, a); }
};

/// F of bools and narrow integers in the type in which they are computed.
template <class F> struct FoldedWide {
  template <class X> constexpr auto operator()(X x) const {
    if constexpr (!is_sym_v<X>)
      return is_widened(x.dtype()) ? graph::cast_to(F{}(graph::cast_to(x, computed_as(x.dtype()))), x.dtype()) : F{}(x);
    else if constexpr (is_widened(X::dtype))
      return cast<typename X::element>(F{}(cast<element_type<computed_as(X::dtype)>>(x)));
    else return F{}(x);
  }

 private:
  static constexpr bool is_widened(Dtype d) { return !is_floating(d) && computed_as(d) != d; }
};
/// The smallest. Of integers it is −1 − amax(−1 − x), which reverses their order without overflow: the identity of amax
/// is exact in a double for integers of every size.
template <bool Keep, int... Axes> struct Least {
  template <class X> constexpr auto operator()(X x) const {
    if constexpr (!is_sym_v<X>)
      return is_floating(x.dtype()) ? Reduce<Amin, Keep, Axes...>{}(x) : -1 - Reduce<Amax, Keep, Axes...>{}(-1 - x);
    else if constexpr (is_floating(X::dtype)) return Reduce<Amin, Keep, Axes...>{}(x);
    else return -1 - Reduce<Amax, Keep, Axes...>{}(-1 - x);
  }
};
template <bool Keep, int... Axes> using Amaxima = FoldedWide<Reduce<Amax, Keep, Axes...>>;
template <bool Keep, int... Axes> using Aminima = FoldedWide<Least<Keep, Axes...>>;

/// 0, 1, 2, … along one axis of x, extent 1 along the others.
constexpr Value index_along(Value x, int axis) {
  const Shape s = x.extents();
  Shape to;
  for (int i = 0; i < s.rank; ++i) {
    if (i == axis) to.push(s[i], s.symbol(i));
    else to.push(1);
  }
  return graph::reshape_to(graph::iota(x.graph, s[axis], s.symbol(axis)), to);
}

/// The first index of the extremum: the maximum of the negated indices over hits. A NaN is a hit, for then nothing
/// equals the extremum. Without an axis the elements are counted in row-major order.
template <class Extreme, int Axis> struct FirstIndex {
  template <class X> constexpr auto operator()(X x) const {
    const auto best = Extreme{}(x);
    const auto hit = logical_or(x == best, isnan(x));
    if constexpr (is_sym_v<X>) {
      constexpr int axis = Axis < 0 ? Axis + X::shape.rank : Axis;
      const auto index = graph::SymOf<IndexType<X, axis>>(index_along(x, axis));
      return -Reduce<Amax, true, Axis>{}(select(hit, -index, -X::shape[axis]));
    } else {
      const int axis = Axis < 0 ? Axis + x.extents().rank : Axis;
      return -Reduce<Amax, true, Axis>{}(select(hit, -index_along(x, axis), -x.extents()[axis]));
    }
  }

 private:
  template <class X, int A> struct IndexType {
    static constexpr Type type = [] {
      Shape s;
      for (int i = 0; i < X::shape.rank; ++i) {
        if (i == A) s.push(X::shape[i], X::shape.symbol(i));
        else s.push(1);
      }
      return Type{Dtype::int32, s};
    }();
  };
};
template <template <bool, int...> class Extreme, bool Keep, int... Axis> struct Arg {
  static_assert(sizeof...(Axis) <= 1, "argmax and argmin take one axis, or none for all");
  template <class X> constexpr auto operator()(X x) const {
    if constexpr (sizeof...(Axis) == 0) {
      return Arg<Extreme, Keep, 0>{}(ReshapeBy<Flattened<0>>{}(x));
    } else {
      const auto best = Extreme<true, Axis...>{}(x);
      if constexpr (!requires { best.graph; }) return best;  // the error of an axis out of range
      else return drop_axes<Keep, Axis...>(x, FirstIndex<Extreme<true, Axis...>, Axis...>{}(x));
    }
  }
};

template <bool Keep, int... Axes> struct Any {
  // of no elements: the least integer
  constexpr auto operator()(auto x) const {
    return Reduce<Amax, Keep, Axes...>{}(cast<std::int32_t>(cast<bool>(x))) > 0;
  }
};
template <bool Keep, int... Axes> struct All {
  constexpr auto operator()(auto x) const { return logical_not(Any<Keep, Axes...>{}(logical_not(x))); }
};

}  // namespace ops

/// Maximum over the axes named, over all where none is; NaN if an element is. Equal maxima share the gradient.
/// PyTorch: torch.amax.
template <int... Axes, Operand X> constexpr auto amax(X&& x) {
  return call<ops::Amaxima<false, Axes...>>(std::forward<X>(x));
}
template <int... Axes, Operand X> constexpr auto amax(X&& x, KeepDims) {
  return call<ops::Amaxima<true, Axes...>>(std::forward<X>(x));
}

/// Minimum over the axes named, likewise. PyTorch: torch.amin.
template <int... Axes, Operand X> constexpr auto amin(X&& x) {
  return call<ops::Aminima<false, Axes...>>(std::forward<X>(x));
}
template <int... Axes, Operand X> constexpr auto amin(X&& x, KeepDims) {
  return call<ops::Aminima<true, Axes...>>(std::forward<X>(x));
}

/// The index of the largest element along an axis, or of all in row-major order where none is named: int32, the first
/// of equals; NaN counts as the largest. PyTorch: torch.argmax (which returns int64).
template <int... Axes, Operand X> constexpr auto argmax(X&& x) {
  return call<ops::Arg<ops::Amaxima, false, Axes...>>(std::forward<X>(x));
}
template <int... Axes, Operand X> constexpr auto argmax(X&& x, KeepDims) {
  return call<ops::Arg<ops::Amaxima, true, Axes...>>(std::forward<X>(x));
}

/// The index of the smallest, likewise; NaN counts as the smallest. PyTorch: torch.argmin.
template <int... Axes, Operand X> constexpr auto argmin(X&& x) {
  return call<ops::Arg<ops::Aminima, false, Axes...>>(std::forward<X>(x));
}
template <int... Axes, Operand X> constexpr auto argmin(X&& x, KeepDims) {
  return call<ops::Arg<ops::Aminima, true, Axes...>>(std::forward<X>(x));
}

/// Whether any element along the axes is not 0; NaN is not 0. The result is bool. PyTorch: torch.any.
template <int... Axes, Operand X> constexpr auto any(X&& x) {
  return call<ops::Any<false, Axes...>>(std::forward<X>(x));
}
template <int... Axes, Operand X> constexpr auto any(X&& x, KeepDims) {
  return call<ops::Any<true, Axes...>>(std::forward<X>(x));
}
/// Whether all elements along the axes are not 0; NaN is not 0. The result is bool. PyTorch: torch.all.
template <int... Axes, Operand X> constexpr auto all(X&& x) {
  return call<ops::All<false, Axes...>>(std::forward<X>(x));
}
template <int... Axes, Operand X> constexpr auto all(X&& x, KeepDims) {
  return call<ops::All<true, Axes...>>(std::forward<X>(x));
}

}  // namespace sinter
