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
  graph::for_each_leaf(net, [&](auto& leaf) {
    using Leaf = std::remove_cvref_t<decltype(leaf)>;
    if constexpr (graph::is_param_v<Leaf>) {
      constexpr Dtype d = dtype_of<typename Leaf::element>;
      const int n = int(leaf.size());
      const graph::Value part =
          graph::reshape_to(graph::slice(graph::Value{&g, input[d]}, 0, int(offset[d]), n), Leaf::shape);
      leaf.bind(part);
      constexpr bool in_first_block = std::is_same_v<typename Leaf::element, float>;
      (in_first_block ? r.nodes : nodes).push(part.id);
      (in_first_block ? r.size : size).push(n);
      offset[d] += n;
    } else if constexpr (graph::is_buffer_v<Leaf>) {
      leaf.bind(graph::Value{&g, g.input(dtype_of<typename Leaf::element>, Leaf::shape)});
    } else if constexpr (!graph::is_state_v<Leaf>) {
      leaf.bind(graph::Value{&g, g.input(Dtype::float32, Shape{})});
    }
  });
  g.views_kept = g.size();
  for (int k = 1; k < r.blocks.size(); ++k)
    for (int i = 0; i < nodes.size(); ++i)
      if (const Dtype d = g[r.blocks[k]].dtype; is_floating(d) && g[nodes[i]].dtype == d)
        r.nodes.push(nodes[i]), r.size.push(size[i]);
  return r;
}

/// Binds every `State` to a separate input, after those of `bind`.
template <class Net> constexpr void bind_states(graph::Builder& g, Net& net) {
  graph::for_each_leaf(net, [&](auto& leaf) {
    using Leaf = std::remove_cvref_t<decltype(leaf)>;
    if constexpr (graph::is_state_v<Leaf>)
      leaf.bind(graph::Value{&g, g.input(dtype_of<typename Leaf::element>, Leaf::shape)});
  });
}
/// Binds every `State` to its initial value.
template <class Net> constexpr void bind_first_states(graph::Builder& g, Net& net) {
  graph::for_each_leaf(net, [&](auto& leaf) {
    using Leaf = std::remove_cvref_t<decltype(leaf)>;
    if constexpr (graph::is_state_v<Leaf>)
      leaf.bind(graph::broadcast_to(graph::number_value(&g, typename Leaf::element(leaf.initializer.a)), Leaf::shape));
  });
}

}  // namespace sinter::internals::train
