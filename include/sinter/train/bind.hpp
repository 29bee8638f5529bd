// Binding a net to a graph: every parameter is a view of one input, the model's block.
#pragma once
#include "../graph/trace.hpp"
#include "../ops/ops.hpp"
#include "model.hpp"

namespace sinter::internals::train {

/// The parameters of a net that is being traced.
struct BoundParameters {
  graph::Value block;            ///< all of them, [n]
  graph::List<int> nodes, size;  ///< each parameter, and its number of elements
};

/// Binds every `Param` to its part of a new input, and every `Buffer` and `Scalar` to a separate input.
template <class Net> constexpr BoundParameters bind(graph::Builder& g, Net& net, std::int64_t parameters) {
  BoundParameters r;
  Shape flat;
  flat.push(int(parameters));
  r.block = {&g, g.input(Dtype::float32, flat)};
  int offset = 0;
  graph::for_each_leaf(net, [&](auto& leaf) {
    using Leaf = std::remove_cvref_t<decltype(leaf)>;
    if constexpr (graph::is_param_v<Leaf>) {
      const int n = int(leaf.size());
      const graph::Value part = graph::reshape_to(graph::slice(r.block, 0, offset, n), Leaf::shape);
      leaf.bind(part);
      r.nodes.push(part.id);
      r.size.push(n);
      offset += n;
    } else if constexpr (graph::is_buffer_v<Leaf>) {
      leaf.bind(graph::Value{&g, g.input(dtype_of<typename Leaf::element>, Leaf::shape)});
    } else if constexpr (!graph::is_state_v<Leaf>) {
      leaf.bind(graph::Value{&g, g.input(Dtype::float32, Shape{})});
    }
  });
  g.views_kept = g.size();
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
