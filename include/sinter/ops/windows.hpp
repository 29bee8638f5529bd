// Sliding windows as a view: what convolution and pooling are written with.
#pragma once
#include "arithmetic.hpp"
#include "concatenate.hpp"
#include "permute.hpp"

namespace sinter::inline SINTER_ABI {

// undefined: the name is the error
template <class X, int Axis, int Size> struct windows_need_an_axis_of_fixed_extent_that_holds_one;

namespace ops {

/// attributes = {axis, size, step, dilation}: windows along one axis. The axis becomes the number of windows, a new
/// last axis holds their elements.
struct Windows : View<Windows> {
  static constexpr const char* name = "windows";
  static constexpr Type type(const Signature& s) {
    Shape to = s.shape(0);
    const std::int64_t axis = s.attributes[0], size = s.attributes[1], step = s.attributes[2],
                       dilation = s.attributes[3];
    if (axis < 0 || axis >= to.rank || to.symbol(int(axis)) != 0 || to.rank == Shape::max_rank || size < 1 ||
        step < 1 || dilation < 1)
      return Type::mismatch();
    const std::int64_t span = dilation * (size - 1) + 1;
    if (span > to[int(axis)]) return Type::mismatch();
    to.set(int(axis), int((to[int(axis)] - span) / step + 1));
    to.push(int(size));
    return {s.dtype(0), to};
  }
  /// The windows' axis moves back by one.
  static constexpr Value batch(const graph::Batching& b) {
    internals::Array<std::int64_t, 4> a{};
    for (int i = 0; i < 4; ++i) a[i] = b.attributes[i] + (i == 0 ? 1 : 0);
    return {b.graph, b.graph->add(graph::primitive<Windows>, b.operands, 1, a.data(), 4)};
  }
  static constexpr bool view(graph::Layout& l, const Signature& s, const Shape& to) {
    std::int64_t& stride = l.stride[s.attributes[0]];
    l.stride[to.rank - 1] = stride * s.attributes[3];
    stride *= s.attributes[2];
    l.gapless = false;
    return true;
  }
  static constexpr Value pull(const Site& s, Value ct) {
    return pulled(ct, int(s.attribute(0)), int(s.attribute(1)), int(s.attribute(2)), int(s.attribute(3)),
                  s.operand(0).extents());
  }
  /// The cotangent of what has this shape from that of its windows. Windows that do not overlap are a reshape;
  /// otherwise every position in the window adds its own share.
  static constexpr Value pulled(Value ct, int axis, int size, int step, int dilation, Shape from) {
    const Shape windows = ct.extents();
    const int last = windows.rank - 1, count = windows[axis], extent = from[axis];
    if (size == step && dilation == 1) {
      internals::Array<std::int64_t, Shape::max_rank> order{};
      int n = 0;
      Shape joined = from;
      for (int i = 0; i < last; ++i) {
        order[n++] = i;
        if (i == axis) order[n++] = last;
      }
      joined.set(axis, count * size);
      const Value moved = permuted(ct, order);
      return graph::surround(graph::reshape_to(moved, joined), axis, 0, extent - count * size);
    }
    Value sum;
    Shape without = windows;
    without.rank = last;
    for (int k = 0; k < size; ++k) {
      Value tap = graph::reshape_to(graph::slice(ct, last, k, 1), without);
      tap = graph::spread(tap, axis, step);
      tap = graph::surround(tap, axis, k * dilation, extent - k * dilation - ((count - 1) * step + 1));
      sum = sum.exists() ? sum + tap : tap;
    }
    return sum;
  }
};

}  // namespace ops

namespace graph {

constexpr Value windows(Value v, int axis, int size, int step = 1, int dilation = 1) {
  const std::array<std::int64_t, 4> a{axis, size, step, dilation};
  return {v.graph, v.graph->add(primitive<ops::Windows>, &v.id, 1, a.data(), 4)};
}

}  // namespace graph

namespace ops {

template <int Axis, int Size, int Step, int Dilation> struct WindowsOf {
  static constexpr std::array<std::int64_t, 4> of(const Shape& s) {
    return std::array<std::int64_t, 4>{Axis < 0 ? Axis + s.rank : Axis, Size, Step, Dilation};
  }
};
template <int Axis, int Size, int Step, int Dilation> struct Unfold {
  template <class X> constexpr auto operator()(X x) const {
    using Applied = Apply<Windows, WindowsOf<Axis, Size, Step, Dilation>>;
    if constexpr (!is_sym_v<X>) return Applied{}(x);
    else if constexpr (!fits(X::shape)) return windows_need_an_axis_of_fixed_extent_that_holds_one<X, Axis, Size>{};
    else return Applied{}(x);
  }

 private:
  static constexpr bool fits(const Shape& s) {
    const int axis = Axis < 0 ? Axis + s.rank : Axis;
    return axis >= 0 && axis < s.rank && s.symbol(axis) == 0 && s.rank < Shape::max_rank &&
           Dilation * (Size - 1) + 1 <= s[axis];
  }
};
}  // namespace ops

/// Windows of `Size` elements along an axis, one every `Step`; their elements are along a new last axis. PyTorch:
/// x.unfold(Axis, Size, Step).
template <int Axis, int Size, int Step = 1, int Dilation = 1, Operand X>
constexpr auto unfold(X&& x) { return call<ops::Unfold<Axis, Size, Step, Dilation>>(std::forward<X>(x)); }

}  // namespace sinter
