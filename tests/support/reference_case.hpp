// Modules and functions against PyTorch without a compiled program for each: a graph with
// the result, the gradients of sum(y · w) and the updated buffers, run by the
// interpreter in double precision and, fused, by the executor of run-time graphs in float.
#pragma once
#include <sinter/sinter.hpp>
#include <sinter/transform/gradient.hpp>

#include "execute.hpp"
#include "random_graph.hpp"
#include "reference_values.hpp"

namespace support {

inline reference::Array reference_array(const std::string& name, Dtype d, const Shape& s) {
  const ReferenceValue& v = reference_value(name);
  CAPTURE(name);
  REQUIRE(v.elements.size() == std::size_t(s.size()));
  reference::Array a(d, s);
  for (std::size_t i = 0; i < v.elements.size(); ++i) a.set(std::ptrdiff_t(i), v.elements[i]);
  return a;
}

/// Runs a graph both ways; output k must equal the reference value `expected[k]`. Returns the outputs in float.
inline std::vector<reference::Array> check_outputs(const Builder& g, const std::vector<reference::Array>& inputs,
                                                   const std::vector<std::string>& expected) {
  REQUIRE(std::size_t(g.outputs.size()) == expected.size());
  const auto exact = reference::Interpreter(g, true).run(inputs);
  auto fused = execute(g, inputs, {});
  for (std::size_t k = 0; k < expected.size(); ++k) {
    const std::string name = expected[k];
    CAPTURE(name);
    CHECK(bracketed(g.shape(g.outputs[int(k)])) == reference_value(name).shape);
    const reference::Array y = reference_array(name, Dtype::float64, exact[k].shape);
    CHECK(difference(exact[k], y, {}) < 1e-7);
    CHECK(difference(fused[k], y, {}) < 2e-5);
  }
  return fused;
}

/// f on arguments of these types, with the gradients that the reference has.
template <class... X, class F> void check_function(const std::string& name, F f) {
  Builder g;
  std::vector<reference::Array> inputs;
  List<int> wrt;
  std::vector<std::string> expected{name + ".y"}, gradients;
  int n = 0;
  const auto input = [&]<class S>(S*) {
    const S s = graph::new_input<S>(g);
    inputs.push_back(reference_array(name + "." + std::to_string(n), S::dtype, S::shape));
    if (const std::string d = name + ".d" + std::to_string(n); has_reference_value(d))
      wrt.push(s.id), gradients.push_back(d);
    ++n;
    return s;
  };
  const std::tuple<typename X::symbol...> x{input(static_cast<typename X::symbol*>(nullptr))...};
  const auto y = std::apply(f, x);
  g.outputs.push(y.id);
  if (has_reference_value(name + ".w")) {
    using Y = std::remove_cvref_t<decltype(y)>;
    const Y w = graph::new_input<Y>(g);
    inputs.push_back(reference_array(name + ".w", Y::dtype, Y::shape));
    for (const int d : transform::gradient(g, sum(graph::Value(y) * graph::Value(w)).id, wrt)) g.outputs.push(d);
    expected.insert(expected.end(), gradients.begin(), gradients.end());
  }
  check_outputs(g, inputs, expected);
}

/// A module's graph: inputs are the block of parameters, the buffers, x, w, step and seed; outputs y, the gradients
/// with respect to x (of floating type) and each parameter, the updates of the buffers.
template <class M, class X> struct ModuleTrace {
  bool training = true;

  constexpr Builder operator()() const {
    Builder g;
    auto net = graph::NetOf<M>::make();
    const train::BoundParameters p = train::bind(g, net, train::whole_blocks<M>);
    using S = typename X::symbol;
    const S x = graph::new_input<S>(g);
    using Y = std::remove_cvref_t<std::invoke_result_t<decltype(net), S>>;
    const Y w = graph::new_input<Y>(g);
    g.training = training;
    g.step = graph::new_input<Sym<std::int64_t>>(g).id;
    g.seed = graph::new_input<Sym<std::int64_t>>(g).id;
    const Y y = net(x);
    List<int> wrt;
    if (is_floating(S::dtype)) wrt.push(x.id);
    for (const int id : p.nodes) wrt.push(id);
    g.outputs.push(y.id);
    for (const int d : transform::gradient(g, sum(graph::Value(y) * graph::Value(w)).id, wrt)) g.outputs.push(d);
    for (const Builder::Update& u : g.updates) g.outputs.push(u.value);
    return g;
  }
};

/// Which buffer the k-th update belongs to.
inline int buffer_of(const Builder& g, int k) {
  int i = 1;
  while (g.inputs[i] != g.updates[k].buffer) ++i;
  return i - 1;
}

template <class M, class X> void check_module(const std::string& name, bool training = true) {
  CAPTURE(name);
  const Builder g = ModuleTrace<M, X>{training}();
  const auto net = graph::NetOf<M>::make();
  std::vector<double> block;
  std::vector<reference::Array> inputs(1);
  std::vector<std::string> expected{name + ".y"}, buffers;
  if (is_floating(X::symbol::dtype)) expected.push_back(name + ".dx");
  graph::for_each_named_leaf(net, [&](const std::string& leaf_name, const auto& leaf) {
    using Leaf = std::remove_cvref_t<decltype(leaf)>;
    const std::string before = name + ".p." + leaf_name;
    CHECK(bracketed(Leaf::shape) == reference_value(before).shape);
    if constexpr (graph::is_param_v<Leaf>) {
      const auto& v = reference_value(before).elements;
      block.insert(block.end(), v.begin(), v.end());
      expected.push_back(name + ".d." + leaf_name);
    } else {
      inputs.push_back(reference_array(before, dtype_of<typename Leaf::element>, Leaf::shape));
      buffers.push_back(leaf_name);
    }
  });
  Shape flat;
  flat.push(int(block.size()));
  inputs[0] = reference::Array(Dtype::float32, flat);
  for (std::size_t i = 0; i < block.size(); ++i) inputs[0].set(std::ptrdiff_t(i), block[i]);
  inputs.push_back(reference_array(name + ".x", X::symbol::dtype, X::shape));
  const int y = g.outputs[0];
  inputs.push_back(reference_array(name + ".w", g[y].dtype, g.shape(y)));
  for (int i = 0; i < 2; ++i) inputs.push_back(reference::Array(Dtype::int64, Shape{}));

  Builder values = g;  // without the updates, which PyTorch shows after the second call
  while (std::size_t(values.outputs.size()) > expected.size()) values.outputs.pop();
  check_outputs(values, inputs, expected);
  CHECK((g.outputs.size() > values.outputs.size()) == (training && !buffers.empty()));
  if (g.outputs.size() == values.outputs.size()) return;
  Builder updates = g;
  updates.outputs.clear();
  for (int k = values.outputs.size(); k < g.outputs.size(); ++k) updates.outputs.push(g.outputs[k]);
  const auto first = reference::Interpreter(updates).run(inputs);
  REQUIRE(first.size() == buffers.size());
  std::vector<std::string> after;
  for (std::size_t k = 0; k < buffers.size(); ++k) {
    inputs[1 + std::size_t(buffer_of(g, int(k)))] = first[k];
    after.push_back(name + ".after." + buffers[std::size_t(buffer_of(g, int(k)))]);
  }
  inputs[1 + buffers.size()] = reference_array(name + ".x2", X::symbol::dtype, X::shape);
  check_outputs(updates, inputs, after);
}

}  // namespace support
