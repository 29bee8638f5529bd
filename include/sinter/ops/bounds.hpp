// Between bounded axes and fixed ones: what windows over bounded axes, and shifts along them, are made of.
#pragma once
#include "compare.hpp"
#include "concatenate.hpp"
#include "index.hpp"
#include "logical.hpp"
#include "reshape.hpp"

namespace sinter::inline SINTER_ABI {

// Undefined on purpose: the name is the error. It shows the operand and a tensor of the extent.
template <class Operand, class Extent> struct narrow_needs_a_fixed_axis_of_at_least_the_extents_capacity;

namespace ops {

/// The same memory with other symbolic dimensions. attributes = the target shape: a bounded axis may become one of its
/// capacity, whose elements after the length are undefined, and a fixed axis a bounded one, of whatever length.
struct Bounds : View<Bounds> {
  static constexpr const char* name = "bounds";
  static constexpr Type type(const Signature& s) {
    const Shape &from = s.shape(0), to = unpacked(s.attributes, s.attribute_count);
    bool fits = from.rank == to.rank;
    for (int i = 0; fits && i < to.rank; ++i)
      fits = from[i] == to[i] && (from.symbol(i) == to.symbol(i) || from.symbol(i) == 0 || to.symbol(i) == 0);
    return fits ? Type{s.dtype(0), to} : Type::mismatch();
  }
  static constexpr bool view(graph::Layout&, const Signature&, const Shape&) { return true; }
  static constexpr Value simplify(Builder& b, const int* o, const std::int64_t* a, int m) {
    return b.shape(o[0]) == unpacked(a, m) ? Value{&b, o[0]} : Value{};
  }
  static constexpr Value pull(const Site& s, Value ct);
  static constexpr Value batch(const graph::Batching& b);
};

}  // namespace ops

namespace graph {

constexpr Value with_bounds(Value v, const Shape& to) {
  const ops::PackedShape a(to);
  return {v.graph, v.graph->add(primitive<ops::Bounds>, &v.id, 1, a.value.data(), a.rank)};
}

}  // namespace graph

namespace ops {

/// The shape with fixed axes from axis `front` on.
constexpr Shape fixed_from(Shape s, int front) {
  for (int i = front; i < s.rank; ++i) s.set(i, s[i]);
  return s;
}
/// Where the elements of a shape are within its lengths along the axes from `front` on; all other axes have extent 1.
constexpr Value within_lengths(Builder* b, const Shape& s, int front) {
  Value all;
  for (int i = front; i < s.rank; ++i) {
    if (s.symbol(i) == 0) continue;
    Shape along;
    for (int k = 0; k < s.rank; ++k) along.push(k == i ? s[k] : 1);
    const Value inside = graph::reshape_to(graph::iota(b, s[i]) < graph::length(b, s.symbol(i)), along);
    all = all.exists() ? logical_and(all, inside) : inside;
  }
  return all;
}
/// v with fixed axes from axis `front` on, and a number where it has no elements. Adds nothing where v is fixed there.
constexpr Value filled_after_lengths(Value v, int front, double number = 0) {
  const Shape s = v.extents();
  const Value inside = within_lengths(v.graph, s, front);
  if (!inside.exists()) return v;
  return select(inside, graph::with_bounds(v, fixed_from(s, front)),
                Value{v.graph, v.graph->constant(number, v.dtype())});
}

[[noreturn]] SINTER_COLD inline void windows_have_no_length_of_their_own(int symbol) {
  throw_error(ErrorCode::length, "windows along an axis of length " + tensor_detail::name_of_dimension(symbol),
              "expected a padding below the window's span, and strides of up to " +
                  std::to_string(tensor_detail::Dimension::most_every) + " together, found others");
}
/// One value for each window along axes of an image, cut to their number: the axes from `front` on have these symbolic
/// dimensions. Adds nothing where all are 0.
constexpr Value cut_to_windows(Value y, const Shape& image, int front, const internals::Array<int, 3>& symbols) {
  Shape to = y.extents();
  for (int i = front; i < to.rank; ++i) {
    if (symbols[i - front] < 0) windows_have_no_length_of_their_own(image.symbol(i));
    to.set(i, to[i], symbols[i - front]);
  }
  return graph::with_bounds(y, to);
}

constexpr Value Bounds::pull(const Site& s, Value ct) {
  const Shape from = s.operand(0).extents();
  Shape both = ct.extents();  // bounded where either is
  for (int i = 0; i < both.rank; ++i)
    if (from.symbol(i) != 0) both.set(i, both[i], from.symbol(i));
  ct = graph::with_bounds(ct, both);
  const Shape all = both;
  for (int i = 0; i < both.rank; ++i)
    if (from.symbol(i) != 0) both.set(i, both[i]);  // those that the operand has stay
  const Value inside = within_lengths(ct.graph, both, 0);
  if (!inside.exists()) return ct;
  Shape fixed = all;
  for (int i = 0; i < all.rank; ++i)
    if (from.symbol(i) == 0) fixed.set(i, all[i]);
  return select(inside, graph::with_bounds(ct, fixed), Value{ct.graph, ct.graph->constant(0, ct.dtype())});
}
constexpr Value Bounds::batch(const graph::Batching& b) {
  Shape to;
  to.push(b.extent, b.symbol);
  const Shape each = unpacked(b.attributes, b.attribute_count);
  for (int i = 0; i < each.rank; ++i) to.push(each[i], each.symbol(i));
  return graph::with_bounds(b.operand(0), to);
}

template <class X, int Axis, auto Extent> struct Narrowed {
  static constexpr Type type = [] {
    Shape s = X::shape;
    s.set(Axis, capacity_of(Extent), length_of(Extent));
    return Type{X::dtype, s};
  }();
};
template <int Axis, auto Extent> struct Narrow {
  template <class X> constexpr auto operator()(X x) const {
    constexpr int rank = X::shape.rank, axis = Axis < 0 ? Axis + rank : Axis;
    constexpr bool fits = [] {
      if constexpr (axis < 0 || axis >= rank) return false;
      else return X::shape.symbol(axis) == 0 && X::shape[axis] >= capacity_of(Extent);
    }();
    if constexpr (!fits) {
      using Wanted = Sym<bool, Extent>;
      static_assert(tensor_detail::ErrorNamed<
                    narrow_needs_a_fixed_axis_of_at_least_the_extents_capacity<X, Wanted>>::absent);
      return graph::RefusedFor<X>{};
    } else {
      using R = Narrowed<X, axis, Extent>;
      return graph::SymOf<R>(graph::with_bounds(graph::slice(x, axis, 0, capacity_of(Extent)), R::type.shape));
    }
  }
};

}  // namespace ops

/// The first elements along an axis, as many as an extent says: `narrow<0, upto<256, 'T'>>(positions)` of [512, 64] is
/// [T, 64], with the length that T has in the program. PyTorch: torch.narrow(x, 0, 0, T), x[:T].
template <int Axis, auto Extent, Operand X> constexpr graph::Result<ops::Narrow<Axis, Extent>, X> narrow(X&& x) {
  return call<ops::Narrow<Axis, Extent>>(std::forward<X>(x));
}

}  // namespace sinter
