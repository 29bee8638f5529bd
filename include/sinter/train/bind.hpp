// Binding a net to a graph: every parameter is a view of an input, the model's block of its dtype.
#pragma once
#include "../graph/trace.hpp"
#include "../ops/ops.hpp"
#include "model.hpp"

namespace sinter::inline SINTER_ABI::internals::train {

/// Parameters of one dtype that lie one after another and are one input of a program: a whole block, or what an
/// optimizer treats alike.
struct ParameterRun {
  std::size_t block = 0;  ///< of graph::ParameterBlocks
  Dtype dtype = Dtype::float32;
  std::int64_t begin = 0, elements = 0;  ///< in the block
  int group = 0;                         ///< of the optimizer, −1 for none
};
using ParameterRuns = std::span<const ParameterRun>;

template <class X> consteval auto runs_of_blocks() {
  constexpr graph::ParameterBlocks blocks = graph::parameter_blocks<X>;
  std::array<ParameterRun, blocks.count> r{};
  for (std::size_t i = 0; i < blocks.count; ++i)
    r[i] = {i, blocks[i].dtype, 0, blocks[i].elements, is_floating(blocks[i].dtype) ? 0 : -1};
  return r;
}
/// Each block of a net's parameters as one run.
template <class X> inline constexpr auto whole_blocks = runs_of_blocks<X>();

/// The parameters of a net that is being traced.
struct BoundParameters {
  graph::List<int> runs;              ///< the inputs
  graph::List<char> is_moved;         ///< of each parameter: whether its run has a group
  graph::List<int> nodes, size, run;  ///< each that is moved, its elements, and its run
};

/// Binds every `Param` to its part of a new input, one for each run, and every `Buffer` and `Scalar` to a separate
/// input.
template <class Net> constexpr BoundParameters bind(graph::Builder& g, Net& net, ParameterRuns runs) {
  BoundParameters r;
  PerDtype<int> at{};  // the run of a dtype's next parameter
  PerDtype<std::int64_t> offset{};
  for (const ParameterRun& run : runs) {
    Shape flat;
    flat.push(int(run.elements));
    r.runs.push(g.input(run.dtype, flat));
  }
  for (const graph::Leaf& leaf : graph::leaves_of(net)) {
    const graph::LeafType& type = *leaf.type;
    switch (type.kind) {
      case graph::LeafKind::parameter: {
        const int n = int(type.shape.size());
        int& k = at[type.dtype];
        std::int64_t& from = offset[type.dtype];
        while (runs[std::size_t(k)].dtype != type.dtype || from + n > runs[std::size_t(k)].elements) ++k, from = 0;
        const graph::Value part =
            graph::reshape_to(graph::slice(graph::Value{&g, r.runs[k]}, 0, int(from), n), type.shape);
        leaf.bind(part);
        r.is_moved.push(runs[std::size_t(k)].group >= 0 ? 1 : 0);
        if (runs[std::size_t(k)].group >= 0) r.nodes.push(part.id), r.size.push(n), r.run.push(k);
        from += n;
        break;
      }
      case graph::LeafKind::buffer: leaf.bind(graph::Value{&g, g.input(type.dtype, type.shape)}); break;
      case graph::LeafKind::scalar: leaf.bind(graph::Value{&g, g.input(Dtype::float32, Shape{})}); break;
      case graph::LeafKind::state: break;
    }
  }
  g.views_kept = g.size();
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
