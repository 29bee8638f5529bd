// Extents: how a shape is written in a type, and the same shape as a value.
#pragma once
#include <array>
#include <concepts>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <type_traits>

#include "error_named.hpp"
#include "throw.hpp"

namespace sinter::inline SINTER_ABI {

/// An extent whose capacity is fixed and whose length is known only at run time. Write `upto<128, 'B'>`.
/// Memory and strides follow the capacity, work follows the length. Two bounded extents match only if both capacity and
/// symbolic dimension are equal; within one program a symbolic dimension has one length.
struct Upto {
  int capacity;
  char length;
  constexpr bool operator==(const Upto&) const = default;
};

/// A bounded extent: `Tensor<float, upto<128, 'B'>, 10>`.
template <int Capacity, char Length = 'N'> inline constexpr Upto upto{Capacity, Length};

template <auto... E> struct an_extent_is_an_int_or_upto_and_never_negative;  // undefined: the name is the error

namespace extents_detail {
template <auto E> using type_of = std::remove_cvref_t<decltype(E)>;
template <auto E> consteval bool valid() {
  if constexpr (std::same_as<type_of<E>, int>) return E >= 0;
  else if constexpr (std::same_as<type_of<E>, Upto>) return E.capacity >= 0 && E.length != 0;
  else return false;
}
}  // namespace extents_detail

/// The capacity of an extent: the number itself, or the bound of an `upto`.
constexpr int capacity_of(int extent) { return extent; }
constexpr int capacity_of(Upto extent) { return extent.capacity; }
/// The symbolic dimension of an extent, 0 if it is static.
constexpr char length_of(int) { return 0; }
constexpr char length_of(Upto extent) { return extent.length; }

/// A shape as a value: up to eight extents, each with its symbolic dimension (0 if static).
struct Shape {
  static constexpr int max_rank = 8;

  int rank = 0;
  int extent[max_rank]{};
  char length[max_rank]{};

  constexpr bool operator==(const Shape& other) const {
    if (rank != other.rank) return false;
    for (int i = 0; i < rank; ++i)
      if (extent[i] != other.extent[i] || length[i] != other.length[i]) return false;
    return true;
  }
  constexpr int operator[](int axis) const { return extent[axis]; }
  constexpr char symbol(int axis) const { return length[axis]; }

  /// Appends one extent.
  constexpr void push(int n, char symbol = 0) {
    if (rank >= max_rank) too_many();
    extent[rank] = n;
    length[rank] = symbol;
    ++rank;
  }
  constexpr void set(int axis, int n, char symbol = 0) {
    extent[axis] = n;
    length[axis] = symbol;
  }
  /// The capacity in elements.
  constexpr std::ptrdiff_t size() const {
    std::ptrdiff_t n = 1;
    for (int i = 0; i < rank; ++i) n *= extent[i];
    return n;
  }
  [[noreturn]] static void too_many() { tensor_detail::raise(std::length_error("a tensor has at most eight extents")); }
  constexpr bool bounded() const {
    for (int i = 0; i < rank; ++i)
      if (length[i] != 0) return true;
    return false;
  }
};

/// "(32, upto 128 'B')", for messages.
inline std::string to_string(const Shape& s) {
  std::string text = "(";
  for (int i = 0; i < s.rank; ++i) {
    if (i > 0) text += ", ";
    if (s.symbol(i) != 0) text += "upto ";
    text += std::to_string(s[i]);
    if (s.symbol(i) != 0) text += std::string(" '") + s.symbol(i) + "'";
  }
  return text + ")";
}

namespace extents_detail {
/// The value of a list of extents; a designed error for anything that is not an extent.
template <auto... E> consteval Shape make_shape() {
  static_assert(sizeof...(E) <= Shape::max_rank, "a tensor has at most eight extents");
  if constexpr ((valid<E>() && ...)) {
    Shape s;
    (s.push(capacity_of(E), length_of(E)), ...);
    return s;
  } else {
    static_assert(tensor_detail::ErrorNamed<an_extent_is_an_int_or_upto_and_never_negative<E...>>::absent);
    return {};
  }
}
}  // namespace extents_detail

/// The value of a list of extents: `shape_of<3, upto<8, 'B'>>`.
template <auto... E> inline constexpr Shape shape_of = extents_detail::make_shape<E...>();

namespace tensor_detail {
/// Of a row-major tensor, in elements.
template <auto... E> constexpr std::array<std::ptrdiff_t, sizeof...(E)> row_major_strides() {
  std::array<std::ptrdiff_t, sizeof...(E)> strides{};
  std::ptrdiff_t step = 1;
  for (int i = int(sizeof...(E)) - 1; i >= 0; --i) {
    strides[std::size_t(i)] = step;
    step *= shape_of<E...>[i];
  }
  return strides;
}
}  // namespace tensor_detail

}  // namespace sinter
