// Binding a net to a graph: every parameter is a view of an input, the model's block of its dtype.
#pragma once
#include "../graph/trace.hpp"
#include "../ops/ops.hpp"
#include "model.hpp"

namespace sinter::inline SINTER_ABI::internals::train {

/// The parameters of a net that is being traced.
struct BoundParameters {
  graph::List<int> blocks;       ///< the inputs: that of float32, then the others, as graph::ParameterBlocks has them
  graph::List<int> nodes, size;  ///< each parameter of floating type, by block, and its number of elements
};

/// Binds every `Param` to its part of a new input, one for each dtype, and every `Buffer` and `Scalar` to a separate
/// input.
template <class Net>
constexpr BoundParameters bind(graph::Builder& g, Net& net, const graph::ParameterBlocks& blocks) {
  BoundParameters r;
  PerDtype<std::int64_t> offset{};
  PerDtype<int> input{};
  for (std::size_t i = 0; i < blocks.count; ++i) {
    Shape flat;
    flat.push(int(blocks[i].elements));
    r.blocks.push(input[blocks[i].dtype] = g.input(blocks[i].dtype, flat));
  }
  graph::List<int> nodes, size;  // of other dtypes
  for (const graph::Leaf& leaf : graph::leaves_of(net)) {
    const graph::LeafType& type = *leaf.type;
    switch (type.kind) {
      case graph::LeafKind::parameter: {
        const int n = int(type.shape.size());
        std::int64_t& at = offset[type.dtype];
        const graph::Value part =
            graph::reshape_to(graph::slice(graph::Value{&g, input[type.dtype]}, 0, int(at), n), type.shape);
        leaf.bind(part);
        const bool in_first_block = type.dtype == Dtype::float32;
        (in_first_block ? r.nodes : nodes).push(part.id);
        (in_first_block ? r.size : size).push(n);
        at += n;
        break;
      }
      case graph::LeafKind::buffer: leaf.bind(graph::Value{&g, g.input(type.dtype, type.shape)}); break;
      case graph::LeafKind::scalar: leaf.bind(graph::Value{&g, g.input(Dtype::float32, Shape{})}); break;
      case graph::LeafKind::state: break;
    }
  }
  g.views_kept = g.size();
  for (int k = 1; k < r.blocks.size(); ++k)
    for (int i = 0; i < nodes.size(); ++i)
      if (const Dtype d = g[r.blocks[k]].dtype; is_floating(d) && g[nodes[i]].dtype == d)
        r.nodes.push(nodes[i]), r.size.push(size[i]);
  return r;
}

/// Binds every `State` to a separate input, after those of `bind`.
template <class Net> constexpr void bind_states(graph::Builder& g, Net& net) {
  for (const graph::Leaf& leaf : graph::leaves_of(net))
    if (leaf.type->kind == graph::LeafKind::state)
      leaf.bind(graph::Value{&g, g.input(leaf.type->dtype, leaf.type->shape)});
}
/// Binds every `State` to its initial value.
template <class Net> constexpr void bind_first_states(graph::Builder& g, Net& net) {
  for (const graph::Leaf& leaf : graph::leaves_of(net)) {
    if (leaf.type->kind != graph::LeafKind::state) continue;
    const double first = with_element_type(
        leaf.type->dtype, [&]<class T>(T) { return ops::converted<double>(ops::converted<T>(leaf.initializer.a)); });
    leaf.bind(graph::broadcast_to(graph::Value{&g, g.constant(first, leaf.type->dtype)}, leaf.type->shape));
  }
}

}  // namespace sinter::internals::train
