// Trees in public: what is done with all tensors of a tuple, an array or a plain struct of them, as loaders of records
// do. A tree is what programs take and return (graph/tree.hpp). JAX: jax.tree_util.
#pragma once
#include "../graph/tree.hpp"

namespace sinter::inline SINTER_ABI {

/// A tensor, a view or a number, or a tuple, array or plain struct template of trees.
template <class T> concept TensorTree = graph::Tree<T>;
/// The tree with `To::of<Leaf>` in place of each of its tensors and numbers:
///
///   struct ToHalf { template <class X> using of = …; };
///   tree_as<Scene<Tensor<float, 3, 32, 32>, int>, ToHalf>;
template <TensorTree T, class To> using tree_as = graph::map_of<T, To>;

/// The types of a tree's tensors and numbers, in a std::tuple.
template <TensorTree T> using leaf_types = graph::Flat<T>;
/// The number of a tree's tensors and numbers.
template <TensorTree T> inline constexpr int leaves_in = graph::tensors_in<T>;

/// Calls f(leaf) for all tensors and numbers of a tree, in order. JAX: jax.tree.map, without a result.
template <class T, class F>
requires TensorTree<std::remove_const_t<T>> constexpr void for_each_leaf(T& tree, const F& f) {
  graph::for_each_tensor(tree, f);
}
/// The tree of f(leaf), whose types are To::of<Leaf>.
template <class To, TensorTree T, class F> constexpr tree_as<T, To> tree_from(const T& tree, const F& f) {
  return graph::map_tree<To>(tree, f);
}
/// A tree of this type whose leaves are f(std::type_identity<Leaf>), made in order.
template <TensorTree T, class F> constexpr T tree_of(const F& f) {
  return graph::make_tree<T>(f);
}

}  // namespace sinter
