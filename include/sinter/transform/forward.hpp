// Forward-mode differentiation: graph in, graph out.
#pragma once
#include "gradient.hpp"

namespace sinter::internals::transform {

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

/// The tangent of node `output` for the `tangents` of `inputs`, appended to the same graph; zeros if it depends on
/// none.
constexpr int push_forward(Builder& g, int output, const List<int>& inputs, const List<int>& tangents) {
  List<int> tangent(output + 1, -1);
  for (int k = 0; k < inputs.size(); ++k)
    if (inputs[k] <= output) tangent[inputs[k]] = tangents[k];
  for (int i = 0; i <= output; ++i) {
    const graph::Primitive& op = *g[i].op;
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
  return tangent[output] >= 0 ? tangent[output]
                              : graph::broadcast_to(Value{&g, g.constant(0, g[output].dtype)}, g.shape(output)).id;
}

}  // namespace sinter::internals::transform
