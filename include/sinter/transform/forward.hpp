// Forward-mode differentiation: graph in, graph out.
#pragma once
#include "../ops/ops.hpp"

namespace sinter::internals::transform {

using graph::Builder;
using graph::List;
using graph::Site;
using graph::Value;

/// The tangent of node `output` when `inputs` move by `tangents`, appended to the same graph. Zeros where nothing depends.
constexpr int push_forward(Builder& g, int output, const List<int>& inputs, const List<int>& tangents) {
  List<int> tangent(output + 1, -1);
  for (int k = 0; k < inputs.size(); ++k)
    if (inputs[k] <= output) tangent[inputs[k]] = tangents[k];
  for (int i = 0; i <= output; ++i) {
    const auto rule = g[i].op->jvp;
    if (rule == nullptr || tangent[i] >= 0) continue;
    const int count = g[i].operands;
    for (int k = 0; k < count; ++k) {
      const int operand = g.operands(i)[k];
      if (tangent[operand] < 0) continue;
      const Value t = rule(Site{&g, i}, k, Value{&g, tangent[operand]});
      if (t) tangent[i] = tangent[i] < 0 ? t.id : (Value{&g, tangent[i]} + t).id;
    }
    // A rule may answer with fewer axes than the result has, where it repeats an operand.
    if (tangent[i] >= 0) tangent[i] = graph::broadcast_to(graph::cast_to(Value{&g, tangent[i]}, g[i].dtype), g.shape(i)).id;
  }
  return tangent[output] >= 0 ? tangent[output] : graph::broadcast_to(Value{&g, g.constant(0, g[output].dtype)}, g.shape(output)).id;
}

}  // namespace sinter::internals::transform
