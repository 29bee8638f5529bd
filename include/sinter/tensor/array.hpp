// A std::array whose subscripts are signed, as extents, strides and all counts of this library are.
#pragma once
#include <array>
#include <cstddef>

#include "language.hpp"

namespace sinter::internals {

template <class T, int N> struct Array : std::array<T, std::size_t(N)> {
  [[gnu::always_inline]] constexpr T& operator[](std::ptrdiff_t i) { return this->data()[i]; }
  [[gnu::always_inline]] constexpr const T& operator[](std::ptrdiff_t i) const { return this->data()[i]; }
};

}  // namespace sinter::internals
