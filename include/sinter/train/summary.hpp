// A summary of a model as text: its modules with shapes, parameters and operations.
#pragma once
#include <cstdio>
#include <string>
#include <vector>

#include "../tensor/decimal.hpp"
#include "inference.hpp"

namespace sinter::inline SINTER_ABI {
namespace internals::train {

/// The cost of what uses one parameter, buffer or scalar of a net: operations, and the shape of the last result.
struct LeafCost {
  double flops = 0;
  Shape shape;
};
/// "blocks.2.fc1" for "blocks.2.fc1.weight".
inline std::string module_of(const std::string& parameter) {
  const std::size_t dot = parameter.rfind('.');
  return dot == std::string::npos ? std::string() : parameter.substr(0, dot);
}

/// For each node of a traced net the leaf that it uses, directly or through values that depend on nothing else; −1 if
/// none.
constexpr graph::List<int> leaf_of_each_node(const graph::Builder& g, const graph::List<int>& leaves) {
  graph::List<int> leaf(g.size(), -1);
  graph::List<char> fixed(g.size(), 0);
  for (int k = 0; k < leaves.size(); ++k) {
    leaf[leaves[k]] = k;
    fixed[leaves[k]] = 1;
  }
  for (int i = 0; i < g.size(); ++i) {
    if (g[i].op->kind == graph::Kind::input || fixed[i] != 0) continue;
    bool all = g[i].operands > 0;
    for (int k = 0; k < g[i].operands; ++k) {
      const int o = g.operands(i)[k];
      all = all && (fixed[o] != 0 || g.is_constant(o));
      if (fixed[o] != 0) leaf[i] = leaf[o];
    }
    if (all && leaf[i] >= 0) fixed[i] = 1;
  }
  return leaf;
}

/// One entry per leaf, one for nodes that use none, and the total with the shape of the output.
template <class X, class... Inputs> constexpr auto leaf_costs() {
  Array<LeafCost, graph::number_of_leaves<X>() + 2> cost{};
  graph::Builder g;
  auto net = graph::NetOf<X>::make();
  train::bind(g, net, whole_blocks<X>);
  bind_states(g, net);
  graph::List<int> leaves;
  for (const graph::Leaf& leaf : graph::leaves_of(net)) leaves.push(leaf.node->id);
  const std::tuple<graph::symbols_of<Inputs>...> inputs{graph::new_input<graph::symbols_of<Inputs>>(g)...};
  const auto y = graph::spread(std::as_const(net), inputs, std::index_sequence_for<Inputs...>{});
  const graph::List<int> leaf = leaf_of_each_node(g, leaves);
  graph::List<char> live(g.size(), 0);
  graph::for_each_result(g, y, [&](const graph::Value& v) { live[v.id] = 1; });
  for (int i = g.size() - 1; i >= 0; --i)
    for (int k = 0; live[i] != 0 && k < compile::operands_of(g, i); ++k) live[g.operands(i)[k]] = 1;
  for (int i = 0; i < g.size(); ++i) {
    if (g[i].op->kind == graph::Kind::input || live[i] == 0) continue;
    graph::Signature::Operand room[16];
    const double flops =
        g[i].op->flops != nullptr && g[i].operands <= 16 ? g[i].op->flops(g.signature(i, room), g.shape(i)) : 0;
    LeafCost& c = leaf[i] < 0 ? cost.end()[-2] : cost[leaf[i]];
    c.flops += flops;
    c.shape = g.shape(i);
    cost.back().flops += flops;
  }
  graph::for_each_result(g, y, [&](const graph::Value& v) { cost.back().shape = v.extents(); });
  return cost;
}

/// 1234567 as "1,234,567".
SINTER_OUTLINE inline std::string with_commas(double x) {
  const std::string digits = tensor_detail::fixed_text(x, 0);
  std::string s;
  const std::size_t n = digits.size();
  for (std::size_t i = 0; i < n; ++i) {
    if (i > 0 && (n - i) % 3 == 0) s += ',';
    s += digits[i];
  }
  return s;
}

struct SummaryRow {
  std::string name;
  Shape shape;
  double parameters = 0, flops = 0;
};
SINTER_OUTLINE inline void add_to(std::vector<SummaryRow>& rows, const std::string& module, double parameters,
                                  const LeafCost& cost) {
  SummaryRow* row = nullptr;
  for (SummaryRow& r : rows)
    if (r.name == module) row = &r;
  if (row == nullptr) row = &rows.emplace_back(SummaryRow{module, {}, 0, 0});
  row->parameters += parameters;
  row->flops += cost.flops;
  if (cost.flops > 0) row->shape = cost.shape;
}
SINTER_OUTLINE inline void print(const std::vector<SummaryRow>& rows, std::FILE* out) {
  std::fprintf(out, "%-24s %-28s %14s %18s\n", "module", "output", "parameters", "operations");
  for (const SummaryRow& r : rows)
    std::fprintf(out, "%-24s %-28s %14s %18s\n", r.name.empty() ? "(net)" : r.name.c_str(),
                 r.shape.rank > 0 ? to_string(r.shape).c_str() : "", with_commas(r.parameters).c_str(),
                 with_commas(r.flops).c_str());
}

}  // namespace internals::train

/// Prints every parameter and buffer under its name in saved files, with dtype, shape
/// and number of elements. PyTorch: print(model).
template <class X> void print(const Model<X>& model, std::FILE* out = stdout) {
  double total = 0;
  for (const auto& t : model.state_dict()) {
    std::fprintf(out, "%-32s %-8s %-24s %14s%s\n", t.name.c_str(), std::string(name_of(t.dtype)).c_str(),
                 to_string(t.shape).c_str(), internals::train::with_commas(double(t.size())).c_str(),
                 t.is_buffer ? "  buffer" : "");
    if (!t.is_buffer) total += double(t.size());
  }
  std::fprintf(out, "%s parameters\n", internals::train::with_commas(total).c_str());
}

/// Prints the modules of a net for inputs of these types: output shape, parameters, operations. Nothing is compiled for
/// it. `summary<Tensor<float, 1, 1, 28, 28>>(net);`. Python: torchinfo.summary.
template <class... Inputs, class X> void summary(const Model<X>& model, std::FILE* out = stdout) {
  static constexpr auto costs = internals::train::leaf_costs<X, Inputs...>();
  std::vector<internals::train::SummaryRow> rows;
  int leaf = 0;
  model.for_each_leaf([&](const std::string& name, std::ptrdiff_t parameters) {
    internals::train::add_to(rows, internals::train::module_of(name), double(parameters), costs[leaf++]);
  });
  rows.push_back({"(no parameters)", {}, 0, costs[leaf].flops});
  rows.push_back({"total", costs.back().shape, double(Model<X>::parameters), costs.back().flops});
  internals::train::print(rows, out);
}

/// Prints what a training step or an inference program consists of and costs: `summary(step);`.
template <class P> requires requires { typename P::Program; } void summary(const P&, std::FILE* out = stdout) {
  using Program = typename P::Program;
  std::fprintf(out, "%d steps of %d kernels, %s operations, %s bytes of workspace\n", Program::steps,
               Program::distinct_kernels, internals::train::with_commas(Program::flops).c_str(),
               internals::train::with_commas(double(Program::workspace_bytes)).c_str());
}

}  // namespace sinter
