// Forward-mode differentiation: graph in, graph out.
#pragma once
#include "gradient.hpp"

namespace sinter::inline SINTER_ABI::internals::transform {

/// The tangent of node i from that of its operand k, for a primitive that has a vector-Jacobian
/// product alone. That product is linear in the cotangent, c ↦ Jᵀc, so its transpose is the
/// gradient of ⟨Jᵀc, tangent⟩ with respect to c: J tangent, for any c.
constexpr Value transposed(Builder& g, int i, int k, int tangent) {
  const Value zeros = graph::broadcast_to(Value{&g, g.constant(0, g[i].dtype)}, g.shape(i));
  const Value c = ops::own_node(zeros);
  const Value pulled = g[i].op->vjp(Site{&g, i}, k, c);
  if (!pulled.exists()) return pulled;
  List<int> wrt;
  wrt.push(c.id);
  const Value product = pulled * Value{&g, tangent};
  return {&g, gradient(g, graph::sum_over(product, (std::int64_t(1) << product.extents().rank) - 1).id, wrt)[0]};
}

/// The tangents of the results of a loop, or of a kernel that is composed of others, for those of its operands; −1
/// for none.
constexpr List<int> push_through_loop(Builder& g, int loop, const List<int>& tangents);
constexpr List<int> push_through_kernel(Builder& g, int kernel, const List<int>& tangents);

/// The tangents of nodes for the `tangents` of `inputs`, appended to the same graph; zeros for those that depend on
/// none.
constexpr List<int> push_forward(Builder& g, const List<int>& outputs, const List<int>& inputs,
                                 const List<int>& tangents) {
  int last = 0;
  for (const int o : outputs) last = std::max(last, o);
  List<int> tangent(last + 1, -1);
  List<int> of_results, first_result;  // of loops and kernels, one after the other; of each node, its first one
  for (int k = 0; k < inputs.size(); ++k)
    if (inputs[k] <= last) tangent[inputs[k]] = tangents[k];
  for (int i = 0; i <= last; ++i) {
    const graph::Primitive& op = *g[i].op;
    if (passes_on_together(op) && tangent[i] < 0) {
      List<int> of_operands;
      bool any = false;
      for (int k = 0; k < g[i].operands; ++k) {
        of_operands.push(tangent[g.operands(i)[k]]);
        any = any || of_operands.back() >= 0;
      }
      if (!any) continue;
      List<int> pushed;
      if (op.kind == graph::Kind::loop) pushed = push_through_loop(g, i, of_operands);
      else pushed = push_through_kernel(g, i, of_operands);
      tangent[i] = pushed[0];
      first_result.resize(i + 1, -1);
      first_result[i] = of_results.size();
      for (const int t : pushed) of_results.push(t);
      continue;
    }
    if (op.kind == graph::Kind::result && passes_on_together(*g[g.operands(i)[0]].op)) {
      const int first = g.operands(i)[0] < first_result.size() ? first_result[g.operands(i)[0]] : -1;
      if (first < 0) continue;
      const int number = int(g.attributes(i)[0]);
      tangent[i] = of_results[first + number];
      const graph::Primitive& made_by = *g[g.operands(i)[0]].op;
      if (tangent[i] < 0 && made_by.kind == graph::Kind::kernel)
        ops::a_composed_kernel_leaves_a_result_that_is_read(made_by.name, number);
      continue;
    }
    if ((op.jvp == nullptr && op.vjp == nullptr) || tangent[i] >= 0) continue;
    const int count = g[i].operands;
    for (int k = 0; k < count; ++k) {
      const int operand = g.operands(i)[k];
      if (tangent[operand] < 0) continue;
      const Value t = op.jvp != nullptr ? op.jvp(Site{&g, i}, k, Value{&g, tangent[operand]})
                                        : transposed(g, i, k, tangent[operand]);
      if (t.exists()) tangent[i] = tangent[i] < 0 ? t.id : (Value{&g, tangent[i]} + t).id;
    }
    // A rule may return fewer axes than the result has, if the primitive broadcasts an operand.
    if (tangent[i] >= 0)
      tangent[i] = graph::broadcast_to(graph::cast_to(Value{&g, tangent[i]}, g[i].dtype), g.shape(i)).id;
  }
  List<int> result;
  for (const int o : outputs)
    result.push(tangent[o] >= 0 ? tangent[o]
                                : graph::broadcast_to(Value{&g, g.constant(0, g[o].dtype)}, g.shape(o)).id);
  return result;
}
constexpr int push_forward(Builder& g, int output, const List<int>& inputs, const List<int>& tangents) {
  List<int> outputs;
  outputs.push(output);
  return push_forward(g, outputs, inputs, tangents)[0];
}

/// The tangents of a loop are a loop that carries them next to the values that they are tangents of.
class LoopTangents {
 public:
  constexpr LoopTangents(Builder& g, int loop, const List<int>& tangents)
      : g_(g), loop_(loop), f_(graph::Iteration::of(g, loop)), step_(graph::body_of(g, loop)), tangents_(tangents) {}

  constexpr List<int> run() {
    d_.iteration = {.count = f_.count, .reverse = f_.reverse, .conditional = f_.conditional};
    d_.body.accurate = g_.accurate;
    add_inputs();
    const List<int> outputs = ops::inlined(d_.body, step_, inputs_);
    List<int> wrt, of_wrt;
    for (int k = 0; k < inputs_.size(); ++k)
      if (of_input_[k] >= 0) wrt.push(inputs_[k]), of_wrt.push(of_input_[k]);
    List<int> floating;
    for (int k = 0; k < outputs.size(); ++k)
      if (is_floating(d_.body[outputs[k]].dtype)) floating.push(k);
    List<int> nodes;
    for (const int k : floating) nodes.push(outputs[k]);
    const List<int> pushed = push_forward(d_.body, nodes, wrt, of_wrt);
    List<int> of_results(f_.results(), -1);
    for (int i = 0; i < floating.size() && floating[i] < f_.carries; ++i) d_.body.outputs.push(pushed[i]);
    for (int j = 0; j < f_.carries; ++j) d_.body.outputs.push(outputs[j]);
    for (int i = 0; i < floating.size(); ++i)
      if (floating[i] >= f_.carries) d_.body.outputs.push(pushed[i]), ++d_.iteration.made;
    const Value loop = d_.add_to(g_);
    int stacked = d_.iteration.carries;
    for (int i = 0; i < floating.size(); ++i) {
      const int k = floating[i];
      of_results[k] = ops::further_result(loop, k < f_.carries ? i : stacked++).id;
      if (k < f_.carries && !f_.conditional)  // how often a conditional loop runs is not known
        of_results[f_.before(k)] = ops::further_result(loop, d_.iteration.before(i)).id;
    }
    return of_results;
  }

 private:
  constexpr void add_inputs() {
    const int operands = g_[loop_].operands, steps_end = f_.carries + f_.stacked;
    const auto operand = [&](int k) { return g_.operands(loop_)[k]; };
    inputs_.resize(operands, -1);
    of_input_.resize(operands, -1);
    for (int j = 0; j < f_.carries; ++j) {
      if (!is_floating(g_[operand(j)].dtype)) continue;
      const Shape shape = g_.shape(operand(j));
      const int zeros = graph::broadcast_to(Value{&g_, g_.constant(0, g_[operand(j)].dtype)}, shape).id;
      of_input_[j] = d_.input(g_, tangents_[j] >= 0 ? tangents_[j] : zeros, false);
    }
    for (int j = 0; j < f_.carries; ++j) inputs_[j] = d_.input(g_, operand(j), false);  // the condition is the last
    d_.iteration.carries = d_.operands.size();
    for (int k = f_.carries; k < operands; ++k) {
      if (k == steps_end) d_.iteration.stacked = d_.operands.size() - d_.iteration.carries;
      inputs_[k] = d_.input(g_, operand(k), k < steps_end);
      if (tangents_[k] >= 0) of_input_[k] = d_.input(g_, tangents_[k], k < steps_end);
    }
    if (operands == steps_end) d_.iteration.stacked = d_.operands.size() - d_.iteration.carries;
  }

  Builder& g_;
  int loop_;
  graph::Iteration f_;
  const Builder step_;
  const List<int>& tangents_;
  ops::LoopDraft d_;
  List<int> inputs_, of_input_;  ///< nodes of the body: of each operand, its value in this step and its tangent
};

constexpr List<int> push_through_loop(Builder& g, int loop, const List<int>& tangents) {
  LoopTangents pass(g, loop, tangents);
  return pass.run();
}

constexpr List<int> push_through_kernel(Builder& g, int kernel, const List<int>& tangents) {
  ops::ComposedKernel composed(g, kernel);
  List<int> nodes, of_node, inputs, of_input;
  for (int k = 0; k < composed.results.size(); ++k)
    if (composed.results[k] >= 0) nodes.push(composed.results[k]), of_node.push(k);
  for (int k = 0; k < tangents.size(); ++k)
    if (tangents[k] >= 0) inputs.push(composed.operands[k]), of_input.push(composed.input(tangents[k]));
  const List<int> found = composed.add_to(g, push_forward(composed.inside, nodes, inputs, of_input));
  List<int> of_results(composed.results.size(), -1);
  for (int k = 0; k < of_node.size(); ++k) of_results[of_node[k]] = found[k];
  return of_results;
}

}  // namespace sinter::internals::transform
