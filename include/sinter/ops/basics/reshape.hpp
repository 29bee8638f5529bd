// The same elements in row-major order under other extents.
#pragma once
#include "view.hpp"

namespace sinter::inline SINTER_ABI {
namespace ops {

/// attributes = the target shape. A bounded axis must stay whole: same symbolic dimension, same number of elements
/// after it.
struct Reshape : View<Reshape> {
  static constexpr const char* name = "reshape";
  static constexpr bool keeps_lengths(const Shape& from, const Shape& to) {
    int j = 0;
    for (int i = 0; i < from.rank; ++i) {
      if (from.symbol(i) == 0) continue;
      while (j < to.rank && to.symbol(j) == 0) ++j;
      if (j == to.rank || to.symbol(j) != from.symbol(i) || to[j] != from[i]) return false;
      std::int64_t p = 1, q = 1;
      for (int k = i + 1; k < from.rank; ++k) p *= from[k];
      for (int k = j + 1; k < to.rank; ++k) q *= to[k];
      if (p != q) return false;
      ++j;
    }
    while (j < to.rank && to.symbol(j) == 0) ++j;
    return j == to.rank;
  }
  static constexpr Type type(const Signature& s) {
    const Shape to = unpacked(s.attributes, s.attribute_count);
    return to.size() == s.shape(0).size() && keeps_lengths(s.shape(0), to) ? Type{s.dtype(0), to} : Type::mismatch();
  }
  static constexpr bool keeps_order = true;
  static constexpr Value pull(const Site& s, Value ct);
  static constexpr Value batch(const graph::Batching& b);

  /// NumPy's rule: axes are matched in groups with equal products; each group must be mergeable in the operand.
  static constexpr bool view(graph::Layout& l, const Signature& s, const Shape& to) {
    if (l.gapless) {
      l = graph::Layout::row_major(to, l.offset);
      return true;
    }
    const Shape& from = s.shape(0);
    if (to.size() == 0) {  // any nonzero strides will do; operands with stride 0 would be loaded before the loops
      l = graph::Layout::row_major(to);
      return true;
    }
    graph::Layout r{l.offset, false, {}};
    for (int i = 0, j = 0; i < from.rank || j < to.rank;) {
      const int first = i, target = j;
      std::int64_t p = i < from.rank ? from[i++] : 1, q = j < to.rank ? to[j++] : 1;
      while (p != q) {
        if (p < q) p *= from[i++];
        else q *= to[j++];
      }
      std::int64_t stride = 0, extent = 0;  // of the innermost axis seen, ignoring extents of 1
      std::int64_t unit = 0;                // stride of the whole group
      for (int k = i - 1; k >= first; --k) {
        if (from[k] == 1) continue;
        if (extent == 0) unit = l.stride[k];
        else if (l.stride[k] != stride * extent) return false;
        stride = l.stride[k];
        extent = from[k];
      }
      for (int k = j - 1; k >= target; --k) {
        r.stride[k] = to[k] == 1 ? 0 : unit;
        unit *= to[k];
      }
    }
    l = r;
    return true;
  }
  static constexpr Value simplify(Builder& b, const int* o, const std::int64_t* a, int m) {
    if (b.shape(o[0]) == unpacked(a, m)) return {&b, o[0]};
    if (b[o[0]].op != &graph::primitive<Reshape> || o[0] < b.views_kept) return {};
    const int inner = b.operands(o[0])[0];
    return {&b, b.add(graph::primitive<Reshape>, &inner, 1, a, m)};
  }
};

}  // namespace ops

namespace graph {

constexpr Value reshape_to(Value v, Shape shape) {
  const ops::PackedShape a(shape);
  return {v.graph, v.graph->add(primitive<ops::Reshape>, &v.id, 1, a.value.data(), a.rank)};
}

constexpr Value with_rank(Value v, int rank) {
  const Shape from = v.extents();
  if (from.rank == rank + 1) return v;
  Shape to;
  to.push(from[0], from.symbol(0));
  for (int i = from.rank; i <= rank; ++i) to.push(1);
  for (int i = 1; i < from.rank; ++i) to.push(from[i], from.symbol(i));
  return reshape_to(v, to);
}
/// Operand i of a batched application with the batch axis, broadcast along it if it had none.
constexpr Value batched(const Batching& b, int i) {
  if (b.mapped[i] != 0) return b.operand(i);
  const Shape from = b.operand(i).extents();
  Shape to;
  to.push(b.extent, b.symbol);
  for (int k = 0; k < from.rank; ++k) to.push(from[k], from.symbol(k));
  return broadcast_to(b.operand(i), to);
}

}  // namespace graph

constexpr ops::Value ops::Reshape::batch(const graph::Batching& b) {
  Shape to;
  to.push(b.extent, b.symbol);
  const Shape each = unpacked(b.attributes, b.attribute_count);
  for (int i = 0; i < each.rank; ++i) to.push(each[i], each.symbol(i));
  return graph::reshape_to(b.operand(0), to);
}
constexpr ops::Value ops::Reshape::pull(const Site& s, Value ct) {
  return graph::reshape_to(ct, s.operand(0).extents());
}

}  // namespace sinter
