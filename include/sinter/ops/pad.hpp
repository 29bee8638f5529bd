// Padding.
#pragma once
#include "concatenate.hpp"

namespace sinter::inline SINTER_ABI {
namespace ops {

/// The padding at both ends of one axis, counted from the last.
struct Border {
  int before = 0, after = 0;
};
/// The padding of the last axes, the last axis first, as in torch.nn.functional.pad.
template <Border... B> struct Pad {
  template <class X, class Number> constexpr auto operator()(X x, Number value) const {
    if constexpr (is_sym_v<X>) {
      if constexpr (!Padded<X>::type.valid) return operand_shapes_do_not_fit<Pad, X>{};
      else return graph::SymOf<Padded<X>>(nodes(x, value));
    } else {
      return nodes(x, value);
    }
  }

 private:
  template <class X> struct Padded {
    static constexpr Type type = [] {
      Shape to = X::shape;
      int axis = to.rank;
      bool fits = int(sizeof...(B)) <= to.rank;
      if (fits) ([&](Border b) {
        --axis;
        fits = fits && (to.symbol(axis) == 0 || (b.before == 0 && b.after == 0)) && to[axis] + b.before + b.after >= 0;
        to.set(axis, to[axis] + b.before + b.after, to.symbol(axis));
      }(B), ...);
      return fits ? Type{X::dtype, to} : Type::mismatch();
    }();
  };
  static constexpr Value nodes(Value x, Value value) {
    int axis = x.extents().rank;
    value = graph::cast_to(value, x.dtype());
    ([&](Border b) { x = graph::surround_with(x, --axis, b.before, b.after, value); }(B), ...);
    return x;
  }
};

}  // namespace ops

/// The padding before and after an axis, in elements.
using ops::Border;

/// x padded with a number, the last axis first: `pad<Border{1, 1}, Border{2, 0}>(image)`; negative borders crop.
/// PyTorch: torch.nn.functional.pad(x, (1, 1, 2, 0), value=value).
template <Border... B, Operand X> constexpr auto pad(X&& x, double value = 0) {
  return call<ops::Pad<B...>>(std::forward<X>(x), value);
}

}  // namespace sinter
