// Reverse-mode differentiation: graph in, graph out.
#pragma once
#include "accumulate.hpp"

namespace sinter::transform {

using graph::Builder;
using graph::List;
using graph::Node;
using graph::Site;
using graph::Value;

/// Cotangents of `wrt` for a scalar `loss`, appended to the same graph. Nodes on no path from `wrt` to `loss` cost
/// nothing; a `wrt` that the loss does not depend on gets zeros.
constexpr List<int> gradient(Builder& g, int loss, const List<int>& wrt) {
  const int n = loss + 1;
  List<char> depends(n, 0);  // on one of wrt
  for (const int w : wrt)
    if (w < n) depends[w] = 1;
  char* const d = depends.data();
  {
    const Node* nodes = g.nodes();
    const int* pool = g.operand_pool();
    for (int i = 0; i < n; ++i) {
      if (d[i] != 0) continue;
      const int last = nodes[i].operand + nodes[i].operands;
      for (int k = nodes[i].operand; k < last; ++k)
        if (d[pool[k]] != 0) d[i] = 1;
    }
  }
  List<char> is_wrt(n, 0);
  for (const int w : wrt)
    if (w < n) is_wrt[w] = 1;

  List<int> cotangent(n, -1);
  if (d[loss] != 0) cotangent[loss] = graph::broadcast_to(Value{&g, g.constant(1, g[loss].dtype)}, g.shape(loss)).id;
  int* const ct = cotangent.data();
  for (int i = loss; i >= 0; --i) {
    if (ct[i] < 0 || is_wrt[i] != 0) continue;
    const auto vjp = g[i].op->vjp;
    if (vjp == nullptr) continue;
    const int count = g[i].operands;
    for (int k = 0; k < count; ++k) {
      const int operand = g.operands(i)[k];
      if (d[operand] == 0) continue;
      const Value c = vjp(Site{&g, i}, k, Value{&g, ct[i]});
      if (c) ct[operand] = ct[operand] < 0 ? c.id : accumulate(Value{&g, ct[operand]}, c).id;
    }
  }
  List<int> result;
  for (const int w : wrt)
    result.push(w < n && cotangent[w] >= 0 ? cotangent[w] : graph::broadcast_to(Value{&g, g.constant(0, g[w].dtype)}, g.shape(w)).id);
  return result;
}

}  // namespace sinter::transform
