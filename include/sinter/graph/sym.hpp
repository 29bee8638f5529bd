// A symbolic tensor whose dtype and shape are its type and whose node is a value.
//
// Because the node is a value, a thousand-layer network has no thousand-layer type: `for (auto& block : blocks)
// x = block(x);` is an ordinary loop.
#pragma once
#include <type_traits>
#include <utility>

#include "value.hpp"

namespace sinter {

/// What a traced function computes with instead of a `Tensor<T, E...>`.
template <Element T, auto... E> struct Sym : graph::Value {
  using element = T;
  static constexpr Shape shape = shape_of<E...>;
  static constexpr Dtype dtype = dtype_of<T>;

  constexpr Sym() = default;
  constexpr explicit Sym(graph::Value v) : graph::Value(v) {}
  constexpr explicit operator bool() const { return a_traced_value_has_no_truth_value_use_select<Sym>{}; }
};

/// Whether a type is a `Sym`.
template <class> inline constexpr bool is_sym_v = false;
template <class T, auto... E> inline constexpr bool is_sym_v<Sym<T, E...>> = true;
/// A symbolic tensor: typed (`Sym`) or not (`graph::Value`).
template <class X>
concept Symbolic = std::is_base_of_v<SymbolBase, std::remove_cvref_t<X>>;
/// A symbolic tensor with its shape in its type.
template <class X>
concept TypedSymbol = is_sym_v<std::remove_cvref_t<X>>;

namespace graph {

/// Extent i of a static shape as written in a type: an int or an `Upto`.
template <class Holder, std::size_t Index> constexpr auto extent_at() {
  if constexpr (Holder::type.shape.length[Index] != 0)
    return Upto{Holder::type.shape.extent[Index], Holder::type.shape.length[Index]};
  else return Holder::type.shape.extent[Index];
}
template <class Holder, std::size_t... Index>
Sym<element_type<Holder::type.dtype>, extent_at<Holder, Index>()...> sym_like(std::index_sequence<Index...>);
/// The `Sym` whose dtype and shape are `Holder::type`, a constant of type `Type`.
template <class Holder> using SymOf =
    decltype(sym_like<Holder>(std::make_index_sequence<std::size_t(Holder::type.shape.rank)>{}));

}  // namespace graph
}  // namespace sinter
