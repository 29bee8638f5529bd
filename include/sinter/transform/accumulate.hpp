// Sums of cotangents.
#pragma once
#include "../ops/ops.hpp"

namespace sinter::inline SINTER_ABI::internals::transform {

using graph::Builder;
using graph::List;
using graph::Value;

namespace accumulate_detail {

/// A part of a concatenated tensor, its size along the axis; zeros have no node.
struct Part {
  int node = -1, from = 0, to = 0;
};
constexpr bool is_concatenated(Value v) { return (*v.graph)[v.id].op->kind == graph::Kind::assemble; }
constexpr bool parts_of(Value v, int axis, List<Part>& parts) {
  const Builder& g = *v.graph;
  if (!is_concatenated(v) || int(g.attributes(v.id)[0]) != axis) return false;
  int at = 0;
  for (int k = 0; k < g[v.id].operands; ++k) {
    const int node = g.operands(v.id)[k], number = ops::broadcast_scalar(g, node), end = at + g.shape(node)[axis];
    parts.push({number >= 0 && g.is_constant(number, 0) ? -1 : node, at, end});
    at = end;
  }
  return true;
}

}  // namespace accumulate_detail

/// a + b. Cotangents of slices of one tensor are zero outside their slices: then the sum is a concatenation, and
/// nothing is added.
constexpr Value accumulate(Value a, Value b) {
  using accumulate_detail::Part;
  Builder& g = *a.graph;
  if (!accumulate_detail::is_concatenated(a) || !accumulate_detail::is_concatenated(b)) return a + b;
  const int axis = int(g.attributes(a.id)[0]);
  List<Part> p, q;
  if (!accumulate_detail::parts_of(a, axis, p) || !accumulate_detail::parts_of(b, axis, q) || a.dtype() != b.dtype())
    return a + b;
  List<int> joined;
  for (int i = 0, j = 0, at = 0; i < p.size() || j < q.size();) {
    if (i == p.size() || j == q.size()) return a + b;
    const Part x = p[i], y = q[j];
    const int end = x.node < 0 && y.node < 0 ? (x.to < y.to ? x.to : y.to) : x.node >= 0 ? x.to : y.to;
    if ((x.node >= 0 && y.node >= 0) || (x.node >= 0 && (x.from != at || y.to < end)) ||
        (y.node >= 0 && (y.from != at || x.to < end)))
      return a + b;
    if (x.node >= 0 || y.node >= 0) {
      joined.push(x.node >= 0 ? x.node : y.node);
    } else {
      Shape zeros = a.extents();
      zeros.set(axis, end - at);
      joined.push(graph::broadcast_to({&g, g.constant(0, a.dtype())}, zeros).id);
    }
    at = end;
    if (x.to == end) ++i;
    if (y.to == end) ++j;
  }
  return graph::concatenate(&g, joined.data(), joined.size(), axis);
}

}  // namespace sinter::internals::transform
