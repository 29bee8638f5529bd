// Arguments of transformed functions: symbols, trees of them, and modules, which stand for their parameters.
#pragma once
#include "../graph/trace.hpp"
#include "gradient.hpp"

namespace sinter::inline SINTER_ABI {

/// What `vmap` returns for a module: its parameters of floating point with the batch as first axis.
template <class M, auto Extent> struct PerSample {
  M module;  ///< bound to values of one more axis
};

namespace internals::transform {

template <class> inline constexpr bool is_per_sample = false;
template <class M, auto Extent> inline constexpr bool is_per_sample<PerSample<M, Extent>> = true;
template <class X> consteval bool is_module() {
  if constexpr (!std::is_class_v<X> || is_per_sample<X> || graph::Tree<X> || graph::is_refused_v<X>) return false;
  else if constexpr (graph::is_tuple_like_v<X> && !graph::is_array_v<X>) return false;
  else return std::is_void_v<typename graph::FaultOf<X>::type>;
}
/// A plain struct of parameters, while a function is traced.
template <class X>
concept Module = is_module<std::remove_cvref_t<X>>();
/// A model: it owns the parameters of a module (train/model.hpp).
template <class X>
concept Owner = requires { typename std::remove_cvref_t<X>::Net; std::remove_cvref_t<X>::blocks; };
template <class X>
concept Argument = graph::Tree<X> || Module<X> || Owner<X>;
/// The arguments of a transformed function: at least one that is no number.
template <class... X>
concept Arguments = (Argument<X> && ...) && ((!graph::Number<X>) || ...);

template <class X> consteval bool has_symbols_in() {
  if constexpr (Symbolic<X>) return true;
  else if constexpr (Module<X>) return true;
  else if constexpr (graph::TreeLeaf<X> || Owner<X>) return false;
  else
    return []<class... Part>(std::type_identity<std::tuple<Part...>>) {
      return (has_symbols_in<Part>() || ...);
    }(graph::PartsOf<X>{});
}
/// Whether a call with these arguments adds to a graph that is being traced.
template <class... X> inline constexpr bool is_traced = (has_symbols_in<std::remove_cvref_t<X>>() || ...);

template <class X> constexpr Builder* graph_of(const X& x) {
  Builder* g = nullptr;
  if constexpr (Symbolic<X>) {
    g = x.graph;
  } else if constexpr (Module<X>) {
    X module = x;
    for (const graph::Leaf& leaf : graph::leaves_of(module)) g = g != nullptr ? g : leaf.node->graph;
  } else if constexpr (!graph::TreeLeaf<X>) {
    graph::for_each_tensor(x, [&](const auto& leaf) { g = g != nullptr ? g : graph_of(leaf); });
  }
  return g;
}
template <class... X> constexpr Builder* graph_of_any(const X&... x) {
  Builder* g = nullptr;
  ((g = g != nullptr ? g : graph_of(x)), ...);
  return g;
}

constexpr bool is_moved(const graph::Leaf& leaf) {
  return leaf.type->kind == graph::LeafKind::parameter && is_floating(leaf.type->dtype);
}
/// Calls f(leaf) for every parameter of floating point of a module.
template <class M, class F> constexpr void for_each_moved(M& module, const F& f) {
  for (const graph::Leaf& leaf : graph::leaves_of(module))
    if (is_moved(leaf)) f(leaf);
}

/// An argument in the graph: numbers take the element type of the others.
template <class... All, class X> constexpr auto argument_of(Builder* g, const X& x) {
  if constexpr (Module<X>) return x;
  else if constexpr (Operand<X> || graph::Number<X>) return graph::as_symbol<All...>(g, x);
  else
    return graph::map_tree<graph::ToSymbol>(x, [g]<class L>(const L& leaf) {
      if constexpr (Operand<L>) return graph::as_symbol<L>(g, leaf);
      else return Sym<L>(graph::number_value(g, leaf));
    });
}
/// The same values as nodes that nothing else is computed from.
template <class X> constexpr X own(const X& x) {
  if constexpr (Module<X>) {
    X module = x;
    for_each_moved(module, [](const graph::Leaf& leaf) { leaf.bind(ops::own_node(*leaf.node)); });
    return module;
  } else {
    return graph::map_tree<graph::ToSymbol>(x, []<class S>(const S& s) { return S(ops::own_node(s)); });
  }
}
/// Distinct values that nothing outside F is computed from.
template <class F, class... X> constexpr std::tuple<X...> separate(const X&... x) {
  if constexpr ((is_sym_v<X> && ...)) return ops::independent<F>(x...);
  else return std::tuple<X...>{own(x)...};
}

/// Appends the nodes of an argument.
template <class X> constexpr void list_nodes(const X& x, List<int>& nodes) {
  if constexpr (Module<X>) {
    X module = x;
    for_each_moved(module, [&](const graph::Leaf& leaf) { nodes.push(leaf.node->id); });
  } else {
    graph::for_each_tensor(x, [&](const Value& v) { nodes.push(v.id); });
  }
}
/// The same argument of other nodes, from the k-th on.
template <class X> constexpr X with_nodes(const X& x, Builder* g, const List<int>& nodes, int& k) {
  if constexpr (Module<X>) {
    X module = x;
    for_each_moved(module, [&](const graph::Leaf& leaf) { leaf.bind(Value{g, nodes[k++]}); });
    return module;
  } else {
    return graph::map_tree<graph::ToSymbol>(x, [&]<class S>(const S&) { return S(Value{g, nodes[k++]}); });
  }
}
template <class X> consteval bool all_floating() {
  if constexpr (is_sym_v<X>) return is_floating(X::dtype);
  else if constexpr (Module<X>) return true;
  else
    return []<class... Part>(std::type_identity<std::tuple<Part...>>) {
      return (all_floating<Part>() && ...);
    }(graph::PartsOf<X>{});
}

}  // namespace internals::transform
}  // namespace sinter
