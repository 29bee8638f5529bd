// Trees: tensors and numbers, and tuples, pairs, arrays and plain structs of trees. What traced functions take and
// return.
//
// A struct in a tree is a template over the types of its members, so that the same struct holds symbols while a
// function is traced, tensors when it is called, and tensors with a batch axis in front:
//
//   template <class Boxes, class Scores> struct Detections { Boxes boxes; Scores scores; };
//   … return Detections{head(x), sigmoid(score(x))};
//
// (clang 16 deduces the arguments of an aggregate only with a guide beside it: `template <class B, class S>
// Detections(B, S) -> Detections<B, S>;`.) JAX: a pytree.
#pragma once
#include "call.hpp"
#include "fields.hpp"

namespace sinter::inline SINTER_ABI::graph {

template <class> inline constexpr bool is_tuple_like_v = false;
template <class... T> inline constexpr bool is_tuple_like_v<std::tuple<T...>> = true;
template <class A, class B> inline constexpr bool is_tuple_like_v<std::pair<A, B>> = true;
template <class T, std::size_t N> inline constexpr bool is_tuple_like_v<std::array<T, N>> = true;

/// What a tree is made of: tensors, views, symbols and expressions, and single numbers.
template <class X> concept TreeLeaf = Operand<X> || Element<std::remove_cvref_t<X>>;
template <class X> struct LeafSymbol { using type = symbol_of<X>; };
template <Element X> struct LeafSymbol<X> { using type = Sym<X>; };
template <> struct LeafSymbol<Value> { using type = Value; };  // of a graph made at run time

/// The tree X with each of its tensors replaced: `To::of<Tensor>` is the type that stands for one.
template <class X, class To> struct MapTree {};
template <class X, class To> concept Mappable = requires { typename MapTree<X, To>::type; };
template <TreeLeaf X, class To> struct MapTree<X, To> { using type = typename To::template of<X>; };
template <class X, std::size_t N, class To> requires(N > 0 && Mappable<X, To>) struct MapTree<std::array<X, N>, To> {
  using type = std::array<typename MapTree<X, To>::type, N>;
};
template <template <class...> class S, class... A, class To>
requires(!Operand<S<A...>> && sizeof...(A) > 0 && (is_tuple_like_v<S<A...>> || std::is_aggregate_v<S<A...>>) &&
         (Mappable<A, To> && ...))
struct MapTree<S<A...>, To> {
  using type = S<typename MapTree<A, To>::type...>;
};
template <class X, class To> using map_of = typename MapTree<X, To>::type;

struct ToSymbol { template <class X> using of = typename LeafSymbol<X>::type; };
struct ToTensor { template <class X> using of = tensor_of<typename LeafSymbol<X>::type>; };
/// A tree as symbols, and as tensors.
template <class Tree> using symbols_of = map_of<Tree, ToSymbol>;
template <class Tree> using tensors_of = map_of<Tree, ToTensor>;
template <class X> concept Tree = Mappable<std::remove_cvref_t<X>, ToSymbol>;

/// The types directly below a tree that is no leaf, in a std::tuple.
template <class T> struct TreeParts { using type = typename decltype(fields::member_types<T>())::type; };
template <class... T> struct TreeParts<std::tuple<T...>> { using type = std::tuple<T...>; };
template <class A, class B> struct TreeParts<std::pair<A, B>> { using type = std::tuple<A, B>; };
template <class X, std::size_t N> struct TreeParts<std::array<X, N>> {
  template <std::size_t... Index>
  static std::tuple<std::enable_if_t<(Index < N), X>...> list(std::index_sequence<Index...>);
  using type = decltype(list(std::make_index_sequence<N>{}));
};
template <class T> using PartsOf = std::type_identity<typename TreeParts<T>::type>;

/// Calls f with the trees directly below one that is no leaf.
template <class T, class F> constexpr decltype(auto) with_parts(T& tree, const F& f) {
  if constexpr (is_tuple_like_v<std::remove_const_t<T>>) return std::apply(f, tree);
  else return fields::with_members<fields::Members<std::remove_const_t<T>>::count>(tree, f);
}
/// Calls f(leaf) for every leaf of a tree, in order.
template <class T, class F> [[gnu::always_inline]] constexpr void for_each_tensor(T& tree, const F& f) {
  if constexpr (TreeLeaf<T>) f(tree);
  else with_parts(tree, [&](auto&... part) { (for_each_tensor(part, f), ...); });
}
/// The tree whose leaves are f(leaf).
template <class To, class T, class F> constexpr map_of<T, To> map_tree(const T& tree, const F& f) {
  if constexpr (TreeLeaf<T>) return f(tree);
  else return with_parts(tree, [&](const auto&... part) { return map_of<T, To>{map_tree<To>(part, f)...}; });
}
/// A tree whose leaves are f(std::type_identity<Leaf>), made in order.
template <class T, class F> [[gnu::always_inline]] constexpr T make_tree(const F& f) {
  if constexpr (TreeLeaf<T>) return f(std::type_identity<T>{});
  else
    return [&]<class... Part>(std::type_identity<std::tuple<Part...>>) {
      return T{make_tree<Part>(f)...};
    }(PartsOf<T>{});
}

template <class T> constexpr auto flat_types() {
  if constexpr (TreeLeaf<T>) return std::type_identity<std::tuple<T>>{};
  else
    return []<class... Part>(std::type_identity<std::tuple<Part...>>) {
      return std::type_identity<
          decltype(std::tuple_cat(std::declval<typename decltype(flat_types<Part>())::type>()...))>{};
    }(PartsOf<T>{});
}
/// The types of a tree's leaves, in a std::tuple.
template <class T> using Flat = typename decltype(flat_types<T>())::type;
/// References to the leaves of a tree, in a std::tuple.
template <class T> constexpr auto flat(T& tree) {
  if constexpr (TreeLeaf<T>) return std::tuple<T&>(tree);
  else return with_parts(tree, [](auto&... part) { return std::tuple_cat(flat(part)...); });
}
template <class T> consteval int count_tensors() {
  if constexpr (TreeLeaf<T>) return 1;
  else
    return []<class... Part>(std::type_identity<std::tuple<Part...>>) {
      return (0 + ... + count_tensors<Part>());
    }(PartsOf<T>{});
}
/// The number of leaves of a tree.
template <class T> inline constexpr int tensors_in = count_tensors<T>();

}  // namespace sinter::graph
