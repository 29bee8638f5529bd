// What the passes of the compiler make, as text: an observer of compile.hpp, at run time.
//
//   compile(g, parameters, target, PrintPasses{.only = "fuse"});
//
//   ---- fuse
//   kernel 0, contract, level 0: %8 contract, %10 add, %11 maximum (stored)
#pragma once
#include <cstdio>
#include <string>

#include "../graph/print.hpp"
#include "compile.hpp"

namespace sinter::inline SINTER_ABI::internals::compile {

using graph::to_text;

/// Live nodes, in order: "%7 = add %3 %6 : float32 (32, 10)", and of a view or a buffer in another order the node whose
/// elements it shows, with offset and strides in elements.
inline std::string to_text(const Simplified& s) {
  std::string text;
  for (const int v : s.order) {
    const Node& n = s.graph[v];
    text += "%" + std::to_string(v) + " = " + n.op->name;
    for (int k = 0; k < n.operands; ++k) text += " %" + std::to_string(s.graph.operands(v)[k]);
    text += " : " + std::string(sinter::name_of(n.dtype)) + " " + to_string(s.graph.shape(v));
    if (s.layout_of[v] >= 0) {
      const Layout l = s.layout(v);
      text += "  of %" + std::to_string(s.base[v]) + " + " + std::to_string(l.offset) + " (";
      for (int a = 0; a < s.graph.shape(v).rank; ++a) text += (a > 0 ? ", " : "") + std::to_string(l.stride[a]);
      text += ")";
    }
    if (s.owner[v] >= 0) text += "  inside %" + std::to_string(s.owner[v]);
    text += "\n";
  }
  return text;
}

inline std::string group_to_text(const Simplified& s, const Fusion& f, int group) {
  const Group& g = f.groups[group];
  std::string text = "kernel " + std::to_string(group) + ", " + name_of(g.kind) + ", level " + std::to_string(g.level);
  const char* before = ": ";
  for (const int v : s.order) {
    if (f.group[v] != group) continue;
    text += before + ("%" + std::to_string(v)) + " " + s.graph[v].op->name + (f.stored[v] != 0 ? " (stored)" : "");
    before = ", ";
  }
  return text + "\n";
}
/// Groups of nodes that share a kernel.
inline std::string to_text(const Simplified& s, const Fusion& f) {
  std::string text;
  for (int group = 0; group < f.groups.size(); ++group)
    if (f.groups[group].joined < 0 && f.groups[group].members > 0) text += group_to_text(s, f, group);
  return text;
}
/// The same in the order in which they run.
inline std::string to_text(const Simplified& s, const Fusion& f, const Order& o) {
  std::string text;
  for (const int group : o.groups) text += group_to_text(s, f, group);
  return text;
}

/// Steps: "step 2, contract, kernel 1: [32, 784, 256] reads %3 + 0 (784, 1, 0) writes %11 + 0 (256, 0, 1)", with loops,
/// and pointers with their strides; after the last pass with arena, inputs and outputs instead of nodes.
inline std::string to_text(const Simplified&, const PlanDraft& d) {
  std::string text;
  for (int step = 0; step < d.plan.steps; ++step) {
    const StepView v = d.view(step);
    text += "step " + std::to_string(step) + ", " + name_of(v.kind()) + ", kernel " +
            std::to_string(d.plan.table[d.step[step]]) + ": [";
    for (int l = 0; l < v.loops(); ++l)
      text += (l > 0 ? ", " : "") + std::to_string(v.fixed_extent(l)) +
              (v.symbol(l) != 0 ? "·" + tensor_detail::name_of_dimension(d.plan.symbols[v.symbol(l) - 1]) : "");
    text += "]";
    for (int p = 0; p < v.pointers(); ++p) {
      if (d.use(step, p).bytes == 0) continue;
      text += (d.use(step, p).written ? " writes %" : " reads %") + std::to_string(v.base(p)) + " + " +
              std::to_string(v.offset(p)) + " (";
      for (int l = 0; l < v.loops(); ++l) text += (l > 0 ? ", " : "") + std::to_string(v.stride(p, l));
      text += ")";
    }
    text += "\n";
  }
  return text;
}
/// Steps that run tile by tile.
inline std::string to_text(const Simplified&, const PlanDraft&, const Chains& c) {
  std::string text;
  for (const Chain& chain : c.list)
    text += "steps " + std::to_string(chain.first) + " to " + std::to_string(chain.first + chain.steps - 1) + ": " +
            std::to_string(chain.capacity) + " units, " + std::to_string(chain.grain) + " a tile" +
            (chain.in_order ? ", in order\n" : "\n");
  return text;
}

/// Prints what each pass has made, or the pass `only`.
struct PrintPasses {
  std::string only = {};
  std::FILE* out = stdout;

  void operator()(const char* pass, const auto&... made) const {
    if (!only.empty() && only != pass) return;
    std::fprintf(out, "---- %s\n%s", pass, to_text(made...).c_str());
  }
};

}  // namespace sinter::internals::compile
