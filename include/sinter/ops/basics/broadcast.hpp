// Repetition of axes of extent 1, and new axes at the left.
#pragma once
#include "view.hpp"

namespace sinter::inline SINTER_ABI {
namespace ops {

/// attributes = the target shape.
struct Broadcast : View<Broadcast, Kind::broadcast> {
  static constexpr const char* name = "broadcast";
  static constexpr Type type(const Signature& s) {
    const Shape to = unpacked(s.attributes, s.attribute_count);
    return graph::broadcast(s.shape(0), to) == to ? Type{s.dtype(0), to} : Type::mismatch();
  }
  static constexpr Value pull(const Site& s, Value ct) { return graph::sum_to(ct, s.operand(0).extents()); }
  static constexpr Value batch(const graph::Batching& b) {
    const Shape each = unpacked(b.attributes, b.attribute_count);
    Shape to;
    to.push(b.extent, b.symbol);
    for (int i = 0; i < each.rank; ++i) to.push(each[i], each.symbol(i));
    return graph::broadcast_to(graph::with_rank(b.operand(0), each.rank), to);
  }
  static constexpr bool view(graph::Layout& l, const Signature& s, const Shape& to) {
    const Shape& from = s.shape(0);
    l.gapless = false;
    for (int i = to.rank - 1, j = from.rank - 1; i >= 0; --i, --j)
      l.stride[i] = j >= 0 && from[j] == to[i] && from.symbol(j) == to.symbol(i) ? l.stride[j] : 0;
    return true;
  }
};

}  // namespace ops

namespace graph {

constexpr Value broadcast_to(Value v, Shape shape) {
  Builder& g = *v.graph;
  if (v.extents() == shape) return v;
  if (g[v.id].op->kind == Kind::broadcast) v.id = g.operands(v.id)[0];
  const ops::PackedShape a(shape);
  return {v.graph, g.add(primitive<ops::Broadcast>, &v.id, 1, a.value.data(), a.rank)};
}

}  // namespace graph

}  // namespace sinter
