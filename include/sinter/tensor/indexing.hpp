// Parts of tensors, as in NumPy: an index removes an axis, a range keeps a part of it. The result is a view. Symbols
// and expressions have the same parts: ops/part.hpp.
#pragma once
#include <tuple>

#include "view.hpp"

namespace sinter::inline SINTER_ABI::tensor_detail {

/// A list of extents as a type.
template <auto... E> struct Extents {
  template <auto... More> using Then = Extents<E..., More...>;
  template <class Place, class T> using View = BasicView<Place, T, E...>;
  template <class T> using Symbol = Sym<T, E...>;
};
template <class A, class B> struct Joined;
template <auto... A, auto... B> struct Joined<Extents<A...>, Extents<B...>> { using type = Extents<A..., B...>; };

/// What an index leaves of one axis.
template <class Index, auto E> constexpr auto left_of() {
  if constexpr (!is_range_v<Index>) return Extents<>{};
  else if constexpr (length_of(E) != 0) return Extents<E>{};
  else return Extents<Index::count(capacity_of(E))>{};
}
template <class Left, class Indices, class Extents> struct Selected;
// axes after the last index stay
template <class Left, auto... E> struct Selected<Left, std::tuple<>, Extents<E...>> {
  using type = typename Joined<Left, Extents<E...>>::type;
};
template <class Left, class Index, class... Rest, auto E, auto... More>
struct Selected<Left, std::tuple<Index, Rest...>, Extents<E, More...>>
    : Selected<typename Joined<Left, decltype(left_of<Index, E>())>::type, std::tuple<Rest...>, Extents<More...>> {};

/// The view that indices select of a tensor or view in the memory of a place, whose elements are at `data` with these
/// strides.
template <class Place, class T, auto... E, class X, class Strides, class Lengths, class... Index>
auto part(const X& whole, T* data, const Strides& strides, const Lengths& lengths, const Index&... index) {
  using View = typename Selected<Extents<>, std::tuple<Index...>, Extents<E...>>::type::template View<Place, T>;
  typename View::Strides kept{};
  std::size_t axis = 0, n = 0;
  std::ptrdiff_t at = 0;
  const auto take = [&](const auto& i) {
    using Given = std::remove_cvref_t<decltype(i)>;
    if constexpr (is_range_v<Given>) {
      at += Given::first(X::shape[int(axis)]) * strides[axis];
      kept[n++] = strides[axis] * Given::step;
    } else {
      at += position(whole, int(axis), std::int64_t(i)) * strides[axis];
    }
    ++axis;
  };
  (take(index), ...);
  for (; axis < sizeof...(E); ++axis) kept[n++] = strides[axis];
  View view(data == nullptr ? data : data + at, kept);  // a tensor may have no memory
  for (int i = 0; i < View::shape.rank; ++i)
    if (View::shape.symbol(i) != 0) view.set_length(View::shape.symbol(i), lengths.get(View::shape.symbol(i)));
  return view;
}
}  // namespace sinter::tensor_detail
