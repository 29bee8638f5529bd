// Concatenation along an axis, and its inverse, the slice; padding around elements and dilation between them.
#pragma once
#include "broadcast.hpp"
#include "reshape.hpp"

namespace sinter::inline SINTER_ABI {
namespace ops {

/// attributes = {axis}. Every operand is stored in its own part of the result; the planner lets producers write there.
struct Concatenate : graph::Registered<Concatenate> {
  static constexpr const char* name = "concatenate";
  static constexpr Type type(const Signature& s) {
    if (s.count == 0) return Type::mismatch();
    const int axis = int(s.attributes[0]);
    Shape to = s.shape(0);
    if (axis < 0 || axis >= to.rank || to.symbol(axis) != 0) return Type::mismatch();
    for (int i = 1; i < s.count; ++i) {
      Shape other = s.shape(i);
      if (other.rank != to.rank || s.dtype(i) != s.dtype(0) || other.symbol(axis) != 0) return Type::mismatch();
      const int joined = to[axis] + other[axis];
      other.set(axis, to[axis]);
      if (!(other == to)) return Type::mismatch();
      to.set(axis, joined);
    }
    return {s.dtype(0), to};
  }
  static constexpr Primitive describe();
};

/// attributes = {axis, start, step, count}: elements start, start + step, … of one axis.
struct Slice : View<Slice> {
  static constexpr const char* name = "slice";
  static constexpr bool selects_range = true;
  static constexpr Type type(const Signature& s) {
    Shape to = s.shape(0);
    const std::int64_t axis = s.attributes[0], start = s.attributes[1], step = s.attributes[2], count = s.attributes[3];
    if (axis < 0 || axis >= to.rank || to.symbol(int(axis)) != 0 || step < 1 || count < 0) return Type::mismatch();
    if (start < 0 || (count > 0 && start + (count - 1) * step >= to[int(axis)])) return Type::mismatch();
    to.set(int(axis), int(count));
    return {s.dtype(0), to};
  }
  static constexpr Value pull(const Site& s, Value ct);
  /// The slice's axis moves back by one.
  static constexpr Value batch(const graph::Batching& b) {
    internals::Array<std::int64_t, 4> a{};
    for (int i = 0; i < 4; ++i) a[i] = b.attributes[i] + (i == 0 ? 1 : 0);
    return {b.graph, b.graph->add(graph::primitive<Slice>, b.operands, 1, a.data(), 4)};
  }
  static constexpr bool view(graph::Layout& l, const Signature& s, const Shape&) {
    std::int64_t& stride = l.stride[s.attributes[0]];
    l.gapless = l.gapless && s.attributes[0] == 0 && s.attributes[2] == 1;
    l.offset += s.attributes[1] * stride;
    stride *= s.attributes[2];
    return true;
  }
  static constexpr Value simplify(Builder& b, const int* o, const std::int64_t* a, int) {
    const Shape& s = b.shape(o[0]);
    return a[0] >= 0 && a[0] < s.rank && a[1] == 0 && a[2] == 1 && a[3] == s[int(a[0])] ? Value{&b, o[0]} : Value{};
  }
};

}  // namespace ops

namespace graph {

constexpr Value concatenate(Builder* b, const int* ids, int n, int axis);
constexpr Value slice(Value v, int axis, int start, int count, int step = 1);
/// v padded along an axis with `before` and `after` copies of a number, 0 by default. Negative amounts crop.
constexpr Value surround_with(Value v, int axis, int before, int after, Value number);
constexpr Value surround(Value v, int axis, int before, int after);
/// v with step − 1 zeros between neighbours along an axis, none after the last.
constexpr Value spread(Value v, int axis, int step);

}  // namespace graph

namespace ops {

constexpr Primitive Concatenate::describe() {
  Primitive p{.name = name, .code = graph::code_of<Concatenate>, .kind = Kind::assemble, .type = &type};
  p.vjp = [](const Site& s, int i, Value ct) {
    const int axis = int(s.attribute(0));
    int start = 0;
    for (int k = 0; k < i; ++k) start += s.operand(k).extents()[axis];
    return graph::slice(ct, axis, start, s.operand(i).extents()[axis]);
  };
  p.jvp = [](const Site& s, int i, Value tangent) {
    const int axis = int(s.attribute(0));
    int before = 0, after = 0;
    for (int k = 0; k < s.operands(); ++k)
      if (k != i) (k < i ? before : after) += s.operand(k).extents()[axis];
    return graph::surround(tangent, axis, before, after);
  };
  p.batch = [](const graph::Batching& b) {
    graph::List<int> parts;
    for (int i = 0; i < b.count; ++i) parts.push(graph::batched(b, i).id);
    return graph::concatenate(b.graph, parts.data(), parts.size(), int(b.attributes[0]) + 1);
  };
  p.flops = [](const Signature&, const Shape&) { return 0.0; };
  return p;
}

}  // namespace ops

namespace graph {

constexpr Value concatenate(Builder* b, const int* ids, int n, int axis) {
  const std::int64_t a = axis;
  return n == 1 ? Value{b, ids[0]} : Value{b, b->add(primitive<ops::Concatenate>, ids, n, &a, 1)};
}
constexpr Value slice(Value v, int axis, int start, int count, int step) {
  const std::array<std::int64_t, 4> a{axis, start, step, count};
  return {v.graph, v.graph->add(primitive<ops::Slice>, &v.id, 1, a.data(), 4)};
}
constexpr Value surround_with(Value v, int axis, int before, int after, Value number) {
  Shape s = v.extents();
  if (before < 0 || after < 0) {
    int from = before < 0 ? -before : 0, to = after < 0 ? s[axis] + after : s[axis];
    // a crop beyond the end reduces the border there
    if (from > s[axis]) after -= from - s[axis];
    if (to < 0) before += to;
    if (from >= to) from = to = 0;
    v = slice(v, axis, from, to - from);
    before = before < 0 ? 0 : before;
    after = after < 0 ? 0 : after;
  }
  List<int> parts;
  s.set(axis, before);
  if (before > 0) parts.push(broadcast_to(number, s).id);
  parts.push(v.id);
  s.set(axis, after);
  if (after > 0) parts.push(broadcast_to(number, s).id);
  return concatenate(v.graph, parts.data(), parts.size(), axis);
}
constexpr Value surround(Value v, int axis, int before, int after) {
  return surround_with(v, axis, before, after, {v.graph, v.graph->constant(0, v.dtype())});
}
constexpr Value spread(Value v, int axis, int step) {
  const Shape from = v.extents();
  if (step == 1 || from[axis] < 2) return v;
  Shape spaced, joined = from;
  for (int i = 0; i < from.rank; ++i) {
    spaced.push(from[i], from.symbol(i));
    if (i == axis) spaced.push(1);
  }
  joined.set(axis, from[axis] * step);
  v = reshape_to(surround(reshape_to(v, spaced), axis + 1, 0, step - 1), joined);
  return slice(v, axis, 0, (from[axis] - 1) * step + 1);
}

}  // namespace graph

namespace ops {

/// The cotangent at the positions that its elements came from, with zeros between (step > 1) and around.
constexpr Value Slice::pull(const Site& s, Value ct) {
  const int axis = int(s.attribute(0)), start = int(s.attribute(1)), step = int(s.attribute(2)),
            count = int(s.attribute(3));
  if (count == 0) return {};
  return graph::surround(graph::spread(ct, axis, step), axis, start,
                         s.operand(0).extents()[axis] - start - ((count - 1) * step + 1));
}

template <int Axis> struct OfAxis {
  static constexpr std::array<std::int64_t, 1> of(const Shape& s, const auto&...) {
    return std::array<std::int64_t, 1>{Axis < 0 ? Axis + s.rank : Axis};
  }
};
template <int Axis, int Start, int Stop, int Step> struct SliceOf {
  static constexpr std::array<std::int64_t, 4> of(const Shape& s) {
    const int axis = Axis < 0 ? Axis + s.rank : Axis;
    const int n = axis >= 0 && axis < s.rank ? s[axis] : 0;
    const int start = Start < 0 ? Start + n : Start, stop = Stop == end_of_axis ? n : Stop < 0 ? Stop + n : Stop;
    return std::array<std::int64_t, 4>{axis, start, Step, stop > start ? (stop - start + Step - 1) / Step : 0};
  }
  static constexpr int end_of_axis = 0x7fffffff;
};
/// The type of N symbols like X along an axis.
template <class X, int N, int Axis> struct Joined {
  static constexpr Type type = [] {
    Shape s = X::shape;
    constexpr int axis = OfAxis<Axis>::of(X::shape)[0];
    s.set(axis, N * s[axis]);
    return Type{X::dtype, s};
  }();
};
/// Tensors along a new axis.
template <int Axis> struct Stack {
  template <class... X> constexpr auto operator()(X... x) const {
    return Apply<Concatenate, OfAxis<Axis>>{}(ReshapeBy<Unsqueezed<Axis>>{}(x)...);
  }
};

}  // namespace ops

/// Tensors concatenated along an axis. PyTorch: torch.cat.
template <int Axis = 0, class... X> requires Operands<X...>
constexpr graph::Result<ops::Apply<ops::Concatenate, ops::OfAxis<Axis>>, X...> concatenate(X&&... x) {
  return call<ops::Apply<ops::Concatenate, ops::OfAxis<Axis>>>(std::forward<X>(x)...);
}

/// The same of a list in a traced function: `concatenate<0>(all)`.
template <int Axis = 0, TypedSymbol X, std::size_t N> constexpr auto concatenate(const std::array<X, N>& x) {
  graph::List<int> ids;
  for (const X& each : x) ids.push(each.id);
  constexpr auto axis = ops::OfAxis<Axis>::of(X::shape)[0];
  return graph::SymOf<ops::Joined<X, int(N), Axis>>(graph::concatenate(x[0].graph, ids.data(), ids.size(), int(axis)));
}

/// The same under PyTorch's name: `cat<1>(a, b)`.
template <int Axis = 0, class... X> requires Operands<X...>
constexpr graph::Result<ops::Apply<ops::Concatenate, ops::OfAxis<Axis>>, X...> cat(X&&... x) {
  return call<ops::Apply<ops::Concatenate, ops::OfAxis<Axis>>>(std::forward<X>(x)...);
}
template <int Axis = 0, TypedSymbol X, std::size_t N> constexpr auto cat(const std::array<X, N>& x) {
  return concatenate<Axis>(x);
}

/// Tensors of one shape along a new axis. PyTorch: torch.stack.
template <int Axis = 0, class... X>
requires Operands<X...>
constexpr auto stack(X&&... x) { return call<ops::Stack<Axis>>(std::forward<X>(x)...); }
/// The same of a list in a traced function: `for (…) steps[t] = h;` and then `stack<0>(steps)`.
template <int Axis = 0, TypedSymbol X, std::size_t N> constexpr auto stack(const std::array<X, N>& x) {
  using One = decltype(ops::ReshapeBy<ops::Unsqueezed<Axis>>{}(x[0]));
  std::array<One, N> all;
  for (std::size_t i = 0; i < N; ++i) all[i] = ops::ReshapeBy<ops::Unsqueezed<Axis>>{}(x[i]);
  return concatenate<Axis>(all);
}

/// Elements [Start, Stop) of one axis, every Step-th. Negative numbers count
/// from the end. PyTorch: x[:, Start:Stop:Step].
template <int Axis, int Start, int Stop = 0x7fffffff, int Step = 1, Operand X>
constexpr graph::Result<ops::Apply<ops::Slice, ops::SliceOf<Axis, Start, Stop, Step>>, X> slice(X&& x) {
  return call<ops::Apply<ops::Slice, ops::SliceOf<Axis, Start, Stop, Step>>>(std::forward<X>(x));
}

}  // namespace sinter
