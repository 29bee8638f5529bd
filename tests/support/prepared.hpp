// Handwritten graphs whose first inputs are parameters, and what preparation leaves of them.
#pragma once
#include <doctest/doctest.h>
#include <sinter/sinter.hpp>

#include "execute.hpp"
#include "halves.hpp"
#include "random_graph.hpp"

namespace support {

struct Draft {
  graph::Builder g;
  int parameters = 0;
  template <auto... E> graph::Value input() { return {&g, g.input(Dtype::float32, shape_of<E...>)}; }
  /// Parameters come first.
  template <auto... E> graph::Value parameter() { return ++parameters, input<E...>(); }
  graph::Value linear(graph::Value x, graph::Value w) { return ops::Contract::apply(&g, x.id, w.id, 0, 1); }
  void output(graph::Value v) { g.outputs.push(v.id); }
};

/// The number of nodes of a kind that the outputs of a graph depend on.
inline int count_of(const graph::Builder& g, graph::Kind kind) {
  std::vector<char> live(std::size_t(g.size()), 0);
  for (const int o : g.outputs) live[std::size_t(o)] = 1;
  int n = 0;
  for (int i = g.size() - 1; i >= 0; --i) {
    if (live[std::size_t(i)] == 0) continue;
    for (int k = 0; k < compile::operands_of(g, i); ++k) live[std::size_t(g.operands(i)[k])] = 1;
    n += g[i].op->kind == kind;
  }
  return n;
}

/// The part of a graph that every call runs, after checking that both halves together compute the graph, interpreted
/// and compiled.
inline graph::Builder rest_of(const graph::Builder& g, int parameters, const reference::Lengths& lengths = {}) {
  compile::Prepared p = support::halves_of(g, parameters);
  const auto inputs = random_inputs(g, lengths, 7);
  auto rest = inputs;
  if (p.prepare.outputs.size() > 0)
    for (auto& v : execute(p.prepare, {inputs.begin(), inputs.begin() + parameters}, {})) rest.push_back(std::move(v));
  const auto expected = reference::Interpreter(g, true).run(inputs, lengths),
             plain = reference::Interpreter(p.rest).run(rest, lengths), fused = execute(p.rest, rest, lengths);
  for (std::size_t k = 0; k < expected.size(); ++k) {
    CHECK(difference(plain[k], expected[k], lengths) < 1e-4);
    CHECK(difference(fused[k], expected[k], lengths) < 1e-4);
  }
  return static_cast<graph::Builder&&>(p.rest);
}

}  // namespace support
