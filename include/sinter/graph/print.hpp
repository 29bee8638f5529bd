// Graphs as text and as Graphviz.
#pragma once
#include <string>
#include <vector>

#include "../tensor/decimal.hpp"
#include "../tensor/vector.hpp"
#include "value.hpp"

namespace sinter::inline SINTER_ABI::graph {

namespace print_detail {

/// Whole numbers with all their digits, others with six.
inline std::string number(double x) {
  return x > -0x1p53 && x < 0x1p53 && x == double(std::int64_t(x)) ? tensor_detail::fixed_text(x, 0)
                                                                   : tensor_detail::general_text(x);
}
inline std::string attributes(const Builder& g, int id) {
  if (g.is_constant(id)) return " " + number(g.constant_value(id));
  if (g[id].attributes == 0 || g[id].op->kind == Kind::broadcast) return {};
  std::string s = " {";
  for (int i = 0; i < g[id].attributes; ++i)
    s += (i > 0 ? ", " : "") + std::to_string(g.attributes(id)[i] & 0xffffffff);
  return s + "}";
}
inline std::string indented(const std::string& lines) {
  std::string text;
  for (std::size_t from = 0, to = 0; from < lines.size(); from = to) {
    to = lines.find('\n', from) + 1;
    text += "    " + lines.substr(from, to - from);
  }
  return text;
}
/// The label of node i, where labels are given.
inline std::string label_of(const std::vector<std::string>& label, int i) {
  return i < std::ssize(label) ? label[std::size_t(i)] : std::string();
}
}  // namespace print_detail

/// Floating-point operations of one node.
inline double flops_of(const Builder& g, int id) {
  if (g[id].op->flops == nullptr) return 0;
  internals::Vector<Signature::Operand> room(g[id].operands);
  return g[id].op->flops(g.signature(id, room.data()), g.shape(id));
}

/// One line a node: "%7 = add %3 %6 : float32 (32, 10)  320 operations  1280 bytes  fc1", with a label for each node
/// where labels are given: names of modules, say. The body of a loop follows it, indented.
inline std::string to_text(const Builder& g, const std::vector<std::string>& label = {}) {
  std::string text;
  for (int i = 0; i < g.size(); ++i) {
    text += "%" + std::to_string(i) + " = " + g[i].op->name + print_detail::attributes(g, i);
    for (int k = 0; k < g[i].operands; ++k) text += " %" + std::to_string(g.operands(i)[k]);
    text += " : " + std::string(name_of(g[i].dtype)) + " " + to_string(g.shape(i));
    if (const double f = flops_of(g, i); f > 0) text += "  " + print_detail::number(f) + " operations";
    text += "  " + std::to_string(g.shape(i).size() * bytes_of(g[i].dtype)) + " bytes";
    if (const std::string name = print_detail::label_of(label, i); !name.empty()) text += "  " + name;
    text += "\n";
    if (g[i].op->kind == Kind::loop) text += print_detail::indented(to_text(g.bodies[int(g.attributes(i)[0])]));
  }
  for (int k = 0; k < g.outputs.size(); ++k)
    text += "output " + std::to_string(k) + " = %" + std::to_string(g.outputs[k]) + "\n";
  return text;
}

/// The same for `dot`: inputs as boxes, outputs with a double border.
inline std::string to_graphviz(const Builder& g, const std::vector<std::string>& label = {}) {
  std::string text = "digraph {\n  node [fontname=\"sans-serif\"];\n";
  for (int i = 0; i < g.size(); ++i) {
    const std::string name = print_detail::label_of(label, i);
    bool output = false;
    for (const int o : g.outputs) output = output || o == i;
    text += "  n" + std::to_string(i) + " [label=\"" + g[i].op->name + print_detail::attributes(g, i) + "\\n" +
            std::string(name_of(g[i].dtype)) + " " + to_string(g.shape(i)) +
            (name.empty() ? name : "\\n" + name) + "\"" + (g[i].op->kind == Kind::input ? ", shape=box" : "") +
            (output ? ", peripheries=2" : "") + "];\n";
    for (int k = 0; k < g[i].operands; ++k)
      text += "  n" + std::to_string(g.operands(i)[k]) + " -> n" + std::to_string(i) + ";\n";
  }
  return text + "}\n";
}

}  // namespace sinter::graph
