// A std::array whose subscripts are signed, as extents, strides and all counts of this library are.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>

#include "language.hpp"

namespace sinter::inline SINTER_ABI::internals {

template <class T, int N> struct Array : std::array<T, std::size_t(N)> {
  [[gnu::always_inline]] constexpr T& operator[](std::ptrdiff_t i) { return this->data()[i]; }
  [[gnu::always_inline]] constexpr const T& operator[](std::ptrdiff_t i) const { return this->data()[i]; }
};

namespace array_detail {
template <class T, std::int64_t... N> struct PlainArray {
  using type = T;
};
template <class T, std::int64_t First, std::int64_t... Rest> struct PlainArray<T, First, Rest...> {
  using type = typename PlainArray<T, Rest...>::type[std::size_t(First)];
};
}  // namespace array_detail
/// A C array whose extents are signed: PlainArray<float, 4, 8> is float[4][8].
template <class T, std::int64_t... N> using PlainArray = typename array_detail::PlainArray<T, N...>::type;

}  // namespace sinter::internals
