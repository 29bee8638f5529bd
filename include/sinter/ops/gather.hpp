// Gather: elements at indices given by a tensor of integers. Scatter-add: the sum of elements with the same index.
#pragma once
#include "expect.hpp"
#include "logical.hpp"
#include "reduce.hpp"

namespace sinter::inline SINTER_ABI {

// Undefined on purpose: the names are the errors.
template <class Table, class Indices, int Axis>
struct gather_needs_integer_indices_that_broadcast_with_the_table_but_along_the_axis;

namespace ops {

/// Operands: table, indices (`index`). attributes = {axis}. Both have one rank; the result has the shape that they
/// broadcast to with the table's extent along the axis taken as 1: y[i, j, k] = table[i, index[i, j, k], k] for axis
/// 1. An index out of range gives NaN, 0 for integers.
struct Gather : graph::Registered<Gather> {
  static constexpr const char* name = "gather";
  static constexpr Type type(const Signature& s) {
    Shape table = s.shape(0);
    const std::int64_t axis = s.attributes[0];
    if (axis < 0 || axis >= table.rank || table.rank != s.shape(1).rank ||
        (s.dtype(1) != Dtype::int32 && s.dtype(1) != Dtype::int64))
      return Type::mismatch();
    table.set(int(axis), 1);
    const Shape to = graph::broadcast(table, s.shape(1));
    return to.rank < 0 ? Type::mismatch() : Type{s.dtype(0), to};
  }
  static constexpr Primitive describe();
};

/// Operands: indices (`index`), updates. attributes = {axis, the result's shape…}. The gradient of a gather: zeros,
/// with every update added at its index. Updates with an index out of range are skipped.
struct ScatterAdd : graph::Registered<ScatterAdd> {
  static constexpr const char* name = "scatter_add";
  static constexpr Type type(const Signature& s) {
    const Shape to = unpacked(s.attributes + 1, s.attribute_count - 1);
    Shape table = to;
    const std::int64_t axis = s.attributes[0];
    if (axis < 0 || axis >= to.rank || to.rank != s.shape(1).rank || s.shape(0).rank != to.rank ||
        (s.dtype(0) != Dtype::int32 && s.dtype(0) != Dtype::int64))
      return Type::mismatch();
    table.set(int(axis), 1);
    return graph::broadcast(table, s.shape(1)) == s.shape(1) && graph::broadcast(s.shape(0), s.shape(1)) == s.shape(1)
               ? Type{s.dtype(1), to}
               : Type::mismatch();
  }
  static constexpr Primitive describe();
};

constexpr Value gather(Value table, Value index, int axis);
constexpr Value scatter_add(Value index, Value updates, int axis, Shape to);

/// Operand i with its batch axis, or one of extent 1.
constexpr Value leading(const graph::Batching& b, int i) {
  if (b.mapped[i] != 0) return b.operand(i);
  const Shape from = b.operand(i).extents();
  Shape to;
  to.push(1);
  for (int k = 0; k < from.rank; ++k) to.push(from[k], from.symbol(k));
  return graph::reshape_to(b.operand(i), to);
}

constexpr Primitive Gather::describe() {
  Primitive p{.name = name, .code = graph::code_of<Gather>, .kind = Kind::gather, .type = &type};
  p.vjp = [](const Site& s, int i, Value ct) {
    return i == 0 ? scatter_add(s.operand(1), ct, int(s.attribute(0)), s.operand(0).extents()) : Value{};
  };
  p.jvp = [](const Site& s, int i, Value tangent) {
    return i == 0 ? gather(tangent, s.operand(1), int(s.attribute(0))) : Value{};
  };
  p.batch = [](const graph::Batching& b) { return gather(leading(b, 0), leading(b, 1), int(b.attributes[0]) + 1); };
  p.flops = [](const Signature&, const Shape&) { return 0.0; };
  return p;
}
constexpr Primitive ScatterAdd::describe() {
  Primitive p{.name = name, .code = graph::code_of<ScatterAdd>, .kind = Kind::scatter, .type = &type};
  // A skipped update has no influence: its cotangent is 0, not the NaN that a gather gives for an index out of range.
  p.vjp = [](const Site& s, int i, Value ct) {
    if (i == 0) return Value{};
    const Value index = s.operand(0);
    const int axis = int(s.attribute(0));
    const Value there = logical_and(index >= 0, index < ct.extents()[axis]);
    return graph::broadcast_to(select(there, gather(ct, index, axis), 0.0), s.operand(1).extents());
  };
  p.jvp = [](const Site& s, int i, Value tangent) {
    return i == 1 ? scatter_add(s.operand(0), tangent, int(s.attribute(0)), s.result().extents()) : Value{};
  };
  p.batch = [](const graph::Batching& b) {
    Shape to;
    to.push(b.extent, b.symbol);
    const Shape each = unpacked(b.attributes + 1, b.attribute_count - 1);
    for (int i = 0; i < each.rank; ++i) to.push(each[i], each.symbol(i));
    return scatter_add(leading(b, 0), graph::batched(b, 1), int(b.attributes[0]) + 1, to);
  };
  p.flops = [](const Signature& s, const Shape&) { return double(s.shape(1).size()); };
  return p;
}

/// Indices beyond the run-time length of a bounded axis are out of range.
constexpr Value within_length(Value index, int symbol) {
  return symbol == 0 ? index
                     : select(index < graph::cast_to(graph::length(index.graph, symbol), index.dtype()), index, -1);
}
constexpr Value gather(Value table, Value index, int axis) {
  index = within_length(index, table.extents().symbol(axis));
  const std::array<int, 2> o{table.id, index.id};
  const std::int64_t a = axis;
  return {table.graph, table.graph->add(graph::primitive<Gather>, o.data(), 2, &a, 1)};
}
constexpr Value scatter_add(Value index, Value updates, int axis, Shape to) {
  const Dtype d = updates.dtype();
  index = within_length(index, to.symbol(axis));
  if (computed_as(d) != d)
    return graph::cast_to(scatter_add(index, graph::cast_to(updates, computed_as(d)), axis, to), d);
  const std::array<int, 2> o{index.id, updates.id};
  internals::Array<std::int64_t, Shape::max_rank + 1> a{axis};
  for (int i = 0; i < to.rank; ++i) a[1 + i] = packed(to[i], to.symbol(i));
  return {updates.graph, updates.graph->add(graph::primitive<ScatterAdd>, o.data(), 2, a.data(), 1 + to.rank)};
}

/// Rows of a table: table [V, D…], ids of any shape → [ids…, D…].
struct Rows {
  template <class T, class Ids> constexpr auto operator()(T table, Ids ids) const {
    if constexpr (is_sym_v<T> && is_sym_v<Ids>) {
      if constexpr (T::shape.rank == 0 || is_floating(Ids::dtype) ||
                    T::shape.rank + Ids::shape.rank - 1 >= Shape::max_rank)
        return gather_needs_integer_indices_that_broadcast_with_the_table_but_along_the_axis<T, Ids, 0>{};
      else return graph::SymOf<Looked<T, Ids>>(nodes(table, ids));
    } else {
      return nodes(table, ids);
    }
  }

 private:
  static constexpr Shape joined(Shape ids, Shape table) {
    for (int i = 1; i < table.rank; ++i) ids.push(table[i], table.symbol(i));
    return ids;
  }
  template <class T, class Ids> struct Looked {
    static constexpr Type type{T::dtype, joined(Ids::shape, T::shape)};
  };
  /// As a gather along the axis after those of the ids, of a table with an axis of extent 1 for each of them.
  static constexpr Value nodes(Value table, Value ids) {
    ids = graph::cast_to(ids, promote(ids.dtype(), Dtype::int32));
    const Shape t = table.extents(), n = ids.extents();
    graph::expect(ids, "embedding, ids", 0, t[0], {}, t.symbol(0));
    Shape index = n, wide;
    for (int i = 0; i < t.rank; ++i) index.push(1);
    for (int i = 0; i < n.rank; ++i) wide.push(1);
    for (int i = 0; i < t.rank; ++i) wide.push(t[i], t.symbol(i));
    return graph::reshape_to(gather(graph::reshape_to(table, wide), graph::reshape_to(ids, index), n.rank),
                             joined(n, t));
  }
};

template <int Axis> struct GatherAlong {
  template <class T, class Ids> constexpr auto operator()(T table, Ids index) const {
    if constexpr (is_sym_v<T> && is_sym_v<Ids>) {
      if constexpr (!Looked<T, Ids>::type.valid)
        return gather_needs_integer_indices_that_broadcast_with_the_table_but_along_the_axis<T, Ids, Axis>{};
      else return graph::SymOf<Looked<T, Ids>>(nodes(table, index));
    } else {
      return nodes(table, index);
    }
  }

 private:
  template <class T, class Ids> struct Looked {
    static constexpr Type type = [] {
      const std::array<Signature::Operand, 2> o{Signature::Operand{T::dtype, &T::shape},
                                                Signature::Operand{promote(Ids::dtype, Dtype::int32), &Ids::shape}};
      const std::int64_t axis = Axis < 0 ? Axis + T::shape.rank : Axis;
      return Gather::type({o.data(), 2, &axis, 1});
    }();
  };
  static constexpr Value nodes(Value table, Value index) {
    const int axis = Axis < 0 ? Axis + table.extents().rank : Axis;
    index = graph::cast_to(index, promote(index.dtype(), Dtype::int32));
    graph::expect(index, "gather, index", 0, table.extents()[axis], {}, table.extents().symbol(axis));
    return gather(table, index, axis);
  }
};

/// x with every element of `updates` added at its index along an axis.
template <int Axis> struct AddAlong {
  template <class X> constexpr auto operator()(X x, auto index, auto updates) const {
    const Value sum = nodes(x, index, updates);
    if constexpr (is_sym_v<X>) return X(sum);
    else return sum;
  }

 private:
  static constexpr Value nodes(Value x, Value index, Value updates) {
    const int axis = Axis < 0 ? Axis + x.extents().rank : Axis;
    index = graph::cast_to(index, promote(index.dtype(), Dtype::int32));
    graph::expect(index, "scatter_add, index", 0, x.extents()[axis], {}, x.extents().symbol(axis));
    return graph::cast_to(x + scatter_add(index, graph::cast_to(updates, x.dtype()), axis, x.extents()), x.dtype());
  }
};

}  // namespace ops

/// Rows of a table: `embedding(table, ids)` with table [V, D] and integer ids [B, T] → [B, T, D]. A statement throws
/// `Error` for an id outside 0 … V − 1; a compiled program does with `SINTER_CHECKS`, and gives NaN without. PyTorch:
/// torch.nn.functional.embedding(ids, table); table[ids].
template <class T, class Ids>
requires Operands<T, Ids>
constexpr auto embedding(T&& table, Ids&& ids) {
  return call<ops::Rows>(std::forward<T>(table), std::forward<Ids>(ids));
}
/// The same with NumPy's name and argument order, along axis 0: numpy.take(table, ids, axis=0).
template <class T, class Ids>
requires Operands<T, Ids>
constexpr auto take(T&& table, Ids&& ids) { return call<ops::Rows>(std::forward<T>(table), std::forward<Ids>(ids)); }

/// Elements of x at integer indices along an axis; all other axes broadcast. An index out of range is an `Error` or
/// gives NaN, 0 for integers, as with `embedding`. PyTorch: torch.take_along_dim, torch.gather.
template <int Axis, class T, class Ids>
requires Operands<T, Ids>
constexpr auto gather(T&& x, Ids&& index) {
  return call<ops::GatherAlong<Axis>>(std::forward<T>(x), std::forward<Ids>(index));
}

/// x with every update added at its index along an axis, in row-major order; an index out of range is an `Error`, or
/// its update is skipped, as with `embedding`. PyTorch: x.scatter_add(dim, index, src).
template <int Axis, class X, class Ids, class U> requires Operands<X, Ids, U>
constexpr auto scatter_add(X&& x, Ids&& index, U&& updates) {
  return call<ops::AddAlong<Axis>>(std::forward<X>(x), std::forward<Ids>(index), std::forward<U>(updates));
}

}  // namespace sinter
