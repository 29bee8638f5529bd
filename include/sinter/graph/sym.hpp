// A symbolic tensor whose dtype and shape are its type and whose node is a value.
//
// Because the node is a value, a thousand-layer network has no thousand-layer type: `for (auto& block : blocks)
// x = block(x);` is an ordinary loop.
#pragma once
#include <type_traits>
#include <utility>

#include "../tensor/range.hpp"
#include "value.hpp"

namespace sinter::inline SINTER_ABI {

// Undefined on purpose: the name is the error.
template <class Traced> struct a_traced_value_cannot_be_printed_print_results;
template <class To, class From> struct a_result_or_part_of_a_traced_value_cannot_be_assigned;

namespace graph {
/// The part of a symbol or an expression that indices select; defined in ops/part.hpp.
template <class X, class... Index> constexpr auto part(const X& x, Index... index);
}  // namespace graph

/// What a traced function computes with instead of a `Tensor<T, E...>`. Its shape is a constant: `x.shape[1]`,
/// `x.shape.rank`, in a function that takes x by value, and `symbol_of<X>::shape` where x is a reference.
template <Element T, auto... E> struct Sym : graph::Value {
  using element = T;
  static constexpr Shape shape = shape_of<E...>;
  static constexpr Dtype dtype = dtype_of<T>;

  constexpr Sym() = default;
  constexpr explicit Sym(graph::Value v) : graph::Value(v) {}
  constexpr Sym(const Sym&) = default;
  constexpr Sym& operator=(const Sym&) & = default;
  template <class X> constexpr const Sym& operator=(const X&) && {
    static_assert(tensor_detail::ErrorNamed<a_result_or_part_of_a_traced_value_cannot_be_assigned<Sym, X>>::absent);
    return *this;
  }
  constexpr explicit operator bool() const {
    static_assert(tensor_detail::ErrorNamed<a_traced_value_has_no_truth_value_use_select<Sym>>::absent);
    return true;
  }

  /// A part, as of a tensor: `x(2)`, `x(range<>, range<1, 3>)`, `x(-1, 0)`. An index out of range does not compile; one
  /// beyond the length of a bounded axis is an `Error` in a statement, and in programs with `SINTER_CHECKS`, and gives
  /// NaN, 0 for integers, otherwise. PyTorch: x[2], x[:, 1:3], x[-1, 0].
  template <class... Index> requires(sizeof...(Index) > 0 && (tensor_detail::is_index_v<Index> && ...))
  constexpr auto operator()(Index... index) const { return graph::part(*this, index...); }
  constexpr auto operator[](std::int64_t i) const { return graph::part(*this, i); }
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

/// A traced value has no elements yet.
template <TypedSymbol X> constexpr void print(const X&) {
  static_assert(tensor_detail::ErrorNamed<a_traced_value_cannot_be_printed_print_results<X>>::absent);
}

namespace graph {

/// Extent i of a static shape as written in a type: an int or an `Upto`.
template <class Holder, std::size_t Index> constexpr auto extent_at() {
  if constexpr (Holder::type.shape.length[Index] != 0)
    return tensor_detail::upto_of(Holder::type.shape.extent[Index], Holder::type.shape.length[Index]);
  else return Holder::type.shape.extent[Index];
}
template <class Holder, std::size_t... Index>
Sym<element_type<Holder::type.dtype>, extent_at<Holder, Index>()...> sym_like(std::index_sequence<Index...>);
/// The `Sym` whose dtype and shape are `Holder::type`, a constant of type `Type`.
template <class Holder> using SymOf =
    decltype(sym_like<Holder>(std::make_index_sequence<Holder::type.shape.rank>{}));

}  // namespace graph
}  // namespace sinter
