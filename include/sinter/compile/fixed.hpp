// Which operands of a graph count, which values differ from call to call, and which change only with the parameters.
#pragma once
#include <algorithm>

#include "layout.hpp"

namespace sinter::inline SINTER_ABI::internals::compile {

/// How many operands of a node count: of identities nothing but the first is left, the others are for derivatives.
constexpr int operands_of(const Builder& g, int i) { return g[i].op->kind == Kind::identity ? 1 : g[i].operands; }

enum class Changes : unsigned char { with_calls, never, with_parameters };

/// Of each node. `parameters`: how many of the graph's first inputs rarely change.
constexpr List<Changes> changes(const Builder& g, int parameters) {
  List<Changes> all(g.size(), Changes::with_calls);
  for (int k = 0; k < parameters; ++k) all[g.inputs[k]] = Changes::with_parameters;
  const int size = g.size();
  const Node* node = g.nodes();
  Changes* const of = all.data();
  for (int i = 0; i < size; ++i, ++node) {
    const Kind kind = node->op->kind;
    // lengths differ
    if (kind == Kind::input || (kind == Kind::generate && node->shape == 0) || g.interned(node->shape).bounded())
      continue;
    // its results stay together
    if (kind == Kind::kernel || kind == Kind::loop || kind == Kind::result) continue;
    Changes c = Changes::never;
    const int* o = g.operand_pool() + node->operand;
    for (int k = node->operands; k > 0 && c != Changes::with_calls; --k, ++o)
      c = of[*o] == Changes::with_calls ? Changes::with_calls : std::max(c, of[*o]);
    of[i] = c;
  }
  return all;
}

/// Bytes of an element of the tensor that a value of its size is computed from, element by element: 1 of weights that
/// are cast from int8 and scaled.
constexpr int source_bytes(const Builder& g, int v) {
  for (;;) {
    const Node& n = g[v];
    if (n.op->kind != Kind::elementwise && n.op->kind != Kind::view) return bytes_of(n.dtype);
    int k = 0;
    while (k < n.operands && g.shape(g.operands(v)[k]).size() != g.shape(v).size()) ++k;
    if (k == n.operands) return bytes_of(n.dtype);
    v = g.operands(v)[k];
  }
}

}  // namespace sinter::internals::compile
