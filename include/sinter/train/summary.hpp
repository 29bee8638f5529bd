// What a model consists of, as text: its modules with shapes, parameters and operations.
#pragma once
#include <cstdio>
#include <string>
#include <vector>

#include "../graph/print.hpp"
#include "inference.hpp"

namespace sinter {
namespace train {

/// A net's graph, traced as the program runs, and for each node the module whose parameters it works with: "blocks.2.fc1", or nothing.
struct NamedGraph {
  graph::Builder graph;
  std::vector<std::string> module;
};

/// "blocks.2.fc1" of "blocks.2.fc1.weight".
inline std::string module_of(const std::string& parameter) {
  const std::size_t dot = parameter.rfind('.');
  return dot == std::string::npos ? std::string() : parameter.substr(0, dot);
}

template <class X, class... Inputs> NamedGraph named_graph() {
  NamedGraph r;
  graph::Builder& g = r.graph;
  auto net = graph::NetOf<X>::make();
  bind(g, net, graph::count_parameters<X>());
  std::vector<std::pair<int, std::string>> leaves;
  graph::for_each_named_leaf(net, [&](const std::string& name, const auto& leaf) { leaves.emplace_back(leaf.symbolic(&g).id, module_of(name)); });
  const std::tuple<typename Inputs::symbol...> inputs{graph::new_input<typename Inputs::symbol>(g)...};
  graph::for_each_result(std::apply(net, inputs), [&](const graph::Value& v) { g.outputs.push(v.id); });
  r.module.resize(std::size_t(g.size()));
  for (const auto& [node, name] : leaves) r.module[std::size_t(node)] = name;
  // A node belongs to the module of the parameters it reads, directly or through values that depend on nothing else.
  std::vector<bool> fixed(std::size_t(g.size()), false);
  for (const auto& [node, name] : leaves) fixed[std::size_t(node)] = true;
  for (int i = 0; i < g.size(); ++i) {
    if (g[i].op->kind == graph::Kind::input || fixed[std::size_t(i)]) continue;
    bool all = g[i].operands > 0;
    for (int k = 0; k < g[i].operands; ++k) {
      const auto o = std::size_t(g.operands(i)[k]);
      const bool known = fixed[o] || g.is_constant(int(o));
      all = all && known;
      if (fixed[o] && !r.module[o].empty()) r.module[std::size_t(i)] = r.module[o];
    }
    fixed[std::size_t(i)] = all && !r.module[std::size_t(i)].empty();
  }
  return r;
}

/// 1234567 as "1,234,567".
inline std::string with_commas(double x) {
  char digits[40];
  std::snprintf(digits, sizeof digits, "%.0f", x);
  std::string s(digits);
  for (std::ptrdiff_t i = std::ptrdiff_t(s.size()) - 3; i > 0; i -= 3) s.insert(std::size_t(i), ",");
  return s;
}

}  // namespace train

/// Prints every parameter and buffer under its name in files, with dtype, shape and number of elements. PyTorch: print(model).
template <class X> void print(const Model<X>& model, std::FILE* out = stdout) {
  double total = 0;
  model.for_each_tensor([&](const std::string& name, const auto& p) {
    using Leaf = std::remove_cvref_t<decltype(p)>;
    std::fprintf(out, "%-32s %-8s %-24s %14s%s\n", name.c_str(), std::string(name_of(dtype_of<typename Leaf::element>)).c_str(), to_string(Leaf::shape).c_str(), train::with_commas(double(Leaf::size())).c_str(), graph::is_buffer_v<Leaf> ? "  buffer" : "");
    if constexpr (graph::is_param_v<Leaf>) total += double(Leaf::size());
  });
  std::fprintf(out, "%s parameters\n", train::with_commas(total).c_str());
}

/// Prints the modules of a net for inputs of these types: output shape, parameters, operations; and what the compiled program needs.
/// `summary<Tensor<float, 1, 1, 28, 28>>(net);`. Python: torchinfo.summary.
template <class... Inputs, class X> void summary(const Model<X>& model, std::FILE* out = stdout) {
  const train::NamedGraph n = train::named_graph<X, Inputs...>();
  struct Row {
    std::string name, shape;
    double parameters = 0, flops = 0;
  };
  std::vector<Row> rows;
  Row rest{"(no parameters)", "", 0, 0};
  const auto row = [&](const std::string& name) -> Row& {
    for (Row& r : rows)
      if (r.name == name) return r;
    return rows.emplace_back(Row{name, "", 0, 0});
  };
  model.for_each_parameter([&](const std::string& name, const auto& p) { row(train::module_of(name)).parameters += double(p.size()); });
  Row total{"total", "", double(Model<X>::parameters), 0};
  for (int i = 0; i < n.graph.size(); ++i) {
    const double flops = graph::flops_of(n.graph, i);
    total.flops += flops;
    const std::string& module = n.module[std::size_t(i)];
    if (n.graph[i].op->kind == graph::Kind::input) continue;
    Row& r = module.empty() ? rest : row(module);
    r.flops += flops;
    if (!module.empty()) r.shape = to_string(n.graph.shape(i));
  }
  for (const int o : n.graph.outputs) total.shape += to_string(n.graph.shape(o));
  rows.push_back(rest);
  rows.push_back(total);
  std::fprintf(out, "%-24s %-28s %14s %18s\n", "module", "output", "parameters", "operations");
  for (const Row& r : rows) std::fprintf(out, "%-24s %-28s %14s %18s\n", r.name.empty() ? "(net)" : r.name.c_str(), r.shape.c_str(), train::with_commas(r.parameters).c_str(), train::with_commas(r.flops).c_str());
  using Program = typename train::Inference<X, cpu::Threads, Inputs...>::Program;
  std::fprintf(out, "compiled: %d steps, %d distinct kernels, %s bytes of workspace, %s bytes moved\n", Program::steps, Program::distinct_kernels, train::with_commas(double(Program::workspace_bytes)).c_str(), train::with_commas(Program::bytes_moved).c_str());
}

}  // namespace sinter
