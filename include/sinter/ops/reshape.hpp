// The same elements in row-major order under other extents, as users write them.
#pragma once
#include "apply.hpp"

namespace sinter::inline SINTER_ABI {
namespace ops {

/// Extents as the user writes them; a single −1 is inferred. It stands for a bounded axis if it has that one's place:
/// as many elements, and as many after it.
template <auto... E> struct Reshaped {
  static constexpr auto of(const Shape& from) {
    std::array<std::int64_t, sizeof...(E)> a{};
    std::int64_t known = 1, after = 1;  // of all others, and of those after the inferred one
    ((known *= capacity_of(E) < 0 ? 1 : capacity_of(E), after = capacity_of(E) < 0 ? 1 : after * capacity_of(E)), ...);
    const int inferred = int(known > 0 ? from.size() / known : 0);
    std::size_t i = 0;
    ((a[i++] = capacity_of(E) < 0 ? packed(inferred, symbol_at(from, inferred, after))
                                  : packed(capacity_of(E), length_of(E))),
     ...);
    return a;
  }

 private:
  static constexpr int symbol_at(const Shape& from, int extent, std::int64_t after) {
    std::int64_t behind = 1;
    for (int k = from.rank - 1; k >= 0; --k) {
      if (from.symbol(k) != 0 && from[k] == extent && behind == after) return from.symbol(k);
      behind *= from[k];
    }
    return 0;
  }
};
/// All axes from `Start` on, merged into one.
template <int Start> struct Flattened {
  static constexpr auto target(const Shape& from) {
    Shape s;
    for (int i = 0; i < Start; ++i) s.push(from[i], from.symbol(i));
    int rest = 1;
    for (int i = Start; i < from.rank; ++i) rest *= from[i];
    s.push(rest, Start < from.rank ? from.symbol(Start) : 0);
    return s;
  }
};

template <class F, class X> struct TargetOf {
  static constexpr auto of(const Shape&) {
    constexpr Shape to = F::target(X::shape);
    internals::Array<std::int64_t, to.rank> a{};
    for (int i = 0; i < to.rank; ++i) a[i] = packed(to[i], to.symbol(i));
    return a;
  }
};
/// Reshape to a shape computed from the operand's: F::target(shape).
template <class F> struct ReshapeBy {
  template <class X> constexpr auto operator()(X x) const {
    if constexpr (is_sym_v<X>) {
      return Apply<Reshape, TargetOf<F, X>>{}(x);
    } else {
      return graph::reshape_to(x, F::target(x.extents()));
    }
  }
};
template <int Axis> struct Unsqueezed {
  static constexpr Shape target(const Shape& from) {
    Shape s;
    const int axis = Axis < 0 ? from.rank + 1 + Axis : Axis;
    for (int i = 0; i <= from.rank; ++i) {
      if (i == axis) s.push(1);
      if (i < from.rank) s.push(from[i], from.symbol(i));
    }
    return s;
  }
};

/// Without an axis.
template <int Axis> struct Squeezed {
  static constexpr Shape target(const Shape& from) {
    const int axis = Axis < 0 ? Axis + from.rank : Axis;
    Shape s;
    for (int i = 0; i < from.rank; ++i)
      if (i != axis) s.push(from[i], from.symbol(i));
    return s;
  }
};

}  // namespace ops

template <class X, int Axis> struct squeeze_needs_an_axis_of_extent_1;  // undefined: the name is the error

/// The same elements under other extents, in row-major order; one extent may be −1, which keeps a bounded axis in its
/// place: `reshape<-1, 12>(x)` of [upto<8, 'B'>, 3, 4]. PyTorch: torch.reshape.
template <auto... E, Operand X>
constexpr graph::Result<ops::Apply<ops::Reshape, ops::Reshaped<E...>>, X> reshape(X&& x) {
  return call<ops::Apply<ops::Reshape, ops::Reshaped<E...>>>(std::forward<X>(x));
}

/// All axes from Start on as one; by default one row per sample. PyTorch: nn.Flatten (torch.flatten starts at axis 0).
template <int Start = 1, Operand X> constexpr auto flatten(X&& x) {
  return call<ops::ReshapeBy<ops::Flattened<Start>>>(std::forward<X>(x));
}

/// A new axis of extent 1. PyTorch: torch.unsqueeze.
template <int Axis, Operand X> constexpr auto unsqueeze(X&& x) {
  return call<ops::ReshapeBy<ops::Unsqueezed<Axis>>>(std::forward<X>(x));
}
/// Without an axis, which has extent 1. PyTorch: torch.squeeze, which keeps one of another extent.
template <int Axis, Operand X> constexpr auto squeeze(X&& x) {
  using S = symbol_of<X>;
  constexpr int axis = Axis < 0 ? Axis + S::shape.rank : Axis;
  if constexpr (axis < 0 || axis >= S::shape.rank) return squeeze_needs_an_axis_of_extent_1<S, Axis>{};
  else if constexpr (S::shape[axis] != 1 || S::shape.symbol(axis) != 0)
    return squeeze_needs_an_axis_of_extent_1<S, Axis>{};
  else return call<ops::ReshapeBy<ops::Squeezed<Axis>>>(std::forward<X>(x));
}

}  // namespace sinter
