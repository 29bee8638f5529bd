// What must hold between the passes. `SINTER_VERIFY` makes the compiler check it after each of them but emit and chain,
// at compile time and at run time: the tests do, so that a broken rule is found at the pass that breaks it, not where a
// later one never ends or reads out of bounds. An observer may look at the same places, and after emit and chain.
#pragma once
#include "broken_rule.hpp"
#include "order.hpp"

namespace sinter::inline SINTER_ABI::internals::compile {

/// A graph, and the bodies of its loops: nodes read earlier ones and have the types that their rules say; outputs
/// overwrite inputs of their own type.
constexpr void verify(const Builder& g, const char* pass = "graph") {
  for (int i = 0; i < g.size(); ++i) {
    const Node& n = g[i];
    if (n.operands < 0 ||
        (n.op->kind != Kind::assemble && n.op->kind != Kind::loop && n.operands > graph::most_operands))
      broken(pass, "no more operands than a kernel takes", i);
    for (int k = 0; k < n.operands; ++k)
      if (const int o = g.operands(i)[k]; o < 0 || o >= i) broken(pass, "operands before their readers", i);
    if (n.op->kind == Kind::loop)
      if (const char* const rule = graph::rule_broken_by_loop(g, i)) broken(pass, rule, i);
    if (n.op->kind == Kind::result && !graph::is_further_result(g, i))
      broken(pass, "a result of a loop or kernel, of its dtype and shape", i);
    if (n.op->type == nullptr || n.op->kind == Kind::loop || n.op->kind == Kind::input ||
        n.op->kind == Kind::constant || n.op->kind == Kind::assemble)
      continue;
    Signature::Operand room[graph::most_operands];
    const graph::Type t = n.op->type(g.signature(i, room));
    if (!t.valid || t.dtype != n.dtype || !(t.shape == g.shape(i)))
      broken(pass, "the dtype and shape that the rule says", i);
  }
  for (int k = 0; k < g.inputs.size(); ++k)
    if (const int i = g.inputs[k]; i < 0 || i >= g.size() || g[i].op != &graph::primitive<graph::Input>)
      broken(pass, "inputs among the inputs", i);
  for (const int o : g.outputs)
    if (o < 0 || o >= g.size()) broken(pass, "outputs among the nodes", o);
  for (int k = 0; k < g.overwrites.size(); ++k) {
    if (g.overwrites[k] < 0) continue;
    if (k >= g.outputs.size() || g.overwrites[k] >= g.inputs.size())
      broken(pass, "an output that overwrites an input", k);
    const int o = g.outputs[k], i = g.inputs[g.overwrites[k]];
    if (g[o].dtype != g[i].dtype || g.shape(o).size() != g.shape(i).size())
      broken(pass, "an output of the size of the input that it overwrites", o);
  }
  for (const Builder& body : g.bodies) verify(body, "body");
}

/// First and one past the last element that a tensor of this shape and layout shows.
struct Span {
  std::int64_t first = 0, end = 0;
  constexpr Span(const Layout& l, const Shape& s) : first(l.offset), end(l.offset) {
    for (int i = 0; i < s.rank; ++i) {
      if (s[i] == 0) {
        end = first;
        return;
      }
      (l.stride[i] < 0 ? first : end) += (s[i] - 1) * l.stride[i];
    }
    ++end;
  }
};

/// After simplify: each node once and after its operands, no identities, every
/// view inside the buffer that it shows, outputs that are computed.
constexpr void verify(const Simplified& s) {
  constexpr const char* pass = "simplify";
  const Builder& g = s.graph;
  List<char> placed(g.size(), 0);
  for (const int v : s.order) {
    if (v < 0 || v >= g.size() || placed[v] != 0) broken(pass, "each node once in the order", v);
    placed[v] = 1;
    if (s.kind[v] == Kind::identity) broken(pass, "no identities", v);
    if (s.kind[v] == Kind::input && g[v].op != &graph::primitive<graph::Input>)
      broken(pass, "no samples of a batch", v);
    for (int k = 0; k < g[v].operands; ++k)
      if (placed[g.operands(v)[k]] == 0) broken(pass, "operands before their readers", v);
    const int b = s.base[v];
    if (placed[b] == 0 || is_view(s.kind[b]) || (!is_view(s.kind[v]) && b != v))
      broken(pass, "a base that has elements of its own", v);
    if (s.kind[b] == Kind::constant || s.kind[b] == Kind::generate) continue;
    const int home = s.owner[b] >= 0 ? s.owner[b] : b;
    const Layout layout = s.layout(v);
    if (layout.form != 0) continue;
    const Span span(layout, g.shape(v));
    if (span.end > span.first && (span.first < 0 || span.end > g.shape(home).size()))
      broken(pass, "views inside the buffers that they show", v);
  }
  if (s.outputs.size() != g.outputs.size()) broken(pass, "every output", s.outputs.size());
  List<char> claimed(g.size(), 0);
  for (const int o : s.outputs) {
    if (placed[o] == 0 || !(is_computed(s.kind[o]) || s.kind[o] == Kind::assemble))
      broken(pass, "outputs that are computed", o);
    if (claimed[o] != 0) broken(pass, "a buffer for each output", o);
    claimed[o] = 1;
  }
  for (int i = 0; i < s.part_of.size(); ++i) {
    if (s.part_of[i] < 0) continue;
    const Part& part = s.parts[s.part_of[i]];
    if (part.offset < 0 || (part.contiguous && part.offset + g.shape(i).size() > g.shape(part.whole).size()))
      broken(pass, "parts inside their whole", i);
  }
}

/// After fuse: what is computed has a group or is recomputed by its readers; what a kernel cannot compute inline is
/// stored where another one reads it.
constexpr void verify(const Simplified& s, const Fusion& f) {
  constexpr const char* pass = "fuse";
  const Builder& g = s.graph;
  for (const int v : s.order) {
    const int group = f.group[v];
    if (group >= f.groups.size() || (group >= 0 && f.groups[group].joined >= 0))
      broken(pass, "groups that are left", v);
    if (!is_computed(s.kind[v])) continue;
    if (group < 0 && f.repeated[v] == 0) broken(pass, "a group for what is computed", v);
    for (int k = 0; k < g[v].operands; ++k) {
      const int b = s.base[g.operands(v)[k]];
      if (!is_computed(s.kind[b]) || f.stored[b] != 0 || f.repeated[b] != 0 || f.group[b] == group) continue;
      if (s.kind[b] != Kind::elementwise && s.kind[b] != Kind::gather)
        broken(pass, "a buffer for what another kernel reads", b);
    }
  }
  for (const int o : s.outputs)
    if (is_computed(s.kind[o]) && f.stored[o] == 0) broken(pass, "a buffer for each output", o);
}

/// After order: every group that stores something once, its members in order, what it reads before it.
constexpr void verify(const Simplified& s, const Fusion& f, const Order& o) {
  constexpr const char* pass = "order";
  const Builder& g = s.graph;
  List<int> at(f.groups.size(), -1), member_of(g.size(), -1);
  for (int i = 0; i < o.groups.size(); ++i) {
    if (at[o.groups[i]] >= 0) broken(pass, "each group once", o.groups[i]);
    at[o.groups[i]] = i;
  }
  for (const int group : o.groups)
    for (int v = o.head[group]; v >= 0; v = o.next[v]) {
      if (member_of[v] >= 0) broken(pass, "each node in one group", v);
      member_of[v] = group;
    }
  List<int> below;
  for (const int v : s.order) {
    const int group = f.group[v];
    if (group < 0 || !is_computed(s.kind[v])) continue;
    if (f.stored[v] != 0 && at[group] < 0) broken(pass, "every group that stores something", v);
    if (at[group] < 0) continue;
    if (member_of[v] != group) broken(pass, "all members of a group", v);
    // What a node reads is stored by an earlier group, or computed in this one from such.
    below.push(v);
    for (int limit = 64 * s.order.size(); !below.empty(); --limit) {
      if (limit == 0) broken(pass, "few values computed again", v);
      const int from = below.back();
      below.pop();
      for (int k = 0; k < g[from].operands; ++k) {
        const int b = s.base[g.operands(from)[k]];
        if (s.kind[b] == Kind::assemble) below.push(b);
        else if (!is_computed(s.kind[b]) || f.group[b] == group) continue;
        else if (f.stored[b] == 0) below.push(b);
        else if (at[f.group[b]] < 0 || at[f.group[b]] > at[group]) broken(pass, "what a group reads before it", v);
      }
    }
  }
}

/// An observer is told the name of every pass and what it has made: a graph, groups, steps. This one ignores both.
struct Unwatched {
  constexpr void operator()(const char*, const auto&...) const {}
};

/// Checks and shows what a pass has made.
template <class Observer> struct Made {
  const Observer& watch;
  constexpr void operator()(const char* pass, const auto&... what) const {
    if constexpr (verifying) verify(what...);
    watch(pass, what...);
  }
};

}  // namespace sinter::internals::compile
