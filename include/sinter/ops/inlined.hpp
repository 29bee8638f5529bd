// What a graph computes, added to another one.
#pragma once
#include "apply.hpp"

namespace sinter::inline SINTER_ABI::ops {

using graph::List;

/// Adds a node of another graph to `to`, with these operands.
constexpr int copy_node(Builder& to, const Builder& from, int i, const int* operands) {
  const graph::Node& n = from[i];
  List<std::int64_t> attributes;
  for (int k = 0; k < n.attributes; ++k) attributes.push(from.attributes(i)[k]);
  if (n.op->kind == Kind::loop) {
    attributes[0] = to.bodies.size();
    to.bodies.resize(to.bodies.size() + 1, from.bodies[int(from.attributes(i)[0])]);
  }
  return to.insert(*n.op, n.dtype, to.intern(from.shape(i)), operands, n.operands, attributes.data(),
                   attributes.size());
}
/// What the outputs of a graph need.
constexpr List<char> live_nodes(const Builder& g) {
  List<char> live(g.size(), 0);
  for (const int o : g.outputs) live[o] = 1;
  for (int i = g.size() - 1; i >= 0; --i)
    for (int k = 0; live[i] != 0 && k < g[i].operands; ++k) live[g.operands(i)[k]] = 1;
  return live;
}
/// Adds what the outputs of a graph need to another one, in its order; `now`: where each node is there, −1 where not
/// yet.
constexpr void copy_live(Builder& to, const Builder& from, List<int>& now) {
  const List<char> live = live_nodes(from);
  for (int i = 0; i < from.size(); ++i) {
    if (live[i] == 0 || now[i] >= 0) continue;
    List<int> operands;
    for (int k = 0; k < from[i].operands; ++k) operands.push(now[from.operands(i)[k]]);
    now[i] = copy_node(to, from, i, operands.data());
  }
}
/// The outputs of a graph, computed in another one from these inputs.
constexpr List<int> inlined(Builder& to, const Builder& from, const List<int>& inputs) {
  List<int> now(from.size(), -1), outputs;
  for (int k = 0; k < inputs.size(); ++k) now[from.inputs[k]] = inputs[k];
  copy_live(to, from, now);
  for (const int o : from.outputs) outputs.push(now[o]);
  return outputs;
}

}  // namespace sinter::ops
