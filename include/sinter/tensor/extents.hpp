// Extents: how a shape is written in a type, and the same shape as a value.
#pragma once
#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <type_traits>

#include "error_named.hpp"
#include "throw.hpp"

namespace sinter::inline SINTER_ABI {

/// An extent whose capacity is fixed and whose length is known only at run time. Write `upto<128, 'B'>`.
/// Memory and strides follow the capacity, work follows the length. Two bounded extents match only if both capacity and
/// symbolic dimension are equal; within one program a symbolic dimension has one length.
///
/// A length may follow from that of another dimension: it is max(0, ⌊(length + shift) / every⌋) with the last two
/// numbers, as is the number of windows along a bounded axis (`windows_of`). 0 stands for an `every` of 1.
struct Upto {
  int capacity;
  char length;
  int shift = 0, every = 0;
  constexpr bool operator==(const Upto&) const = default;
};

/// A bounded extent: `Tensor<float, upto<128, 'B'>, 10>`.
template <int Capacity, char Length = 'N'> inline constexpr Upto upto{Capacity, Length};

template <auto... E> struct an_extent_is_an_int_or_upto_and_never_negative;  // undefined: the name is the error

namespace tensor_detail {
/// A symbolic dimension, and as the number that shapes hold: 0 for none, its character, or more bits for one whose
/// length follows from another's (see Upto).
struct Dimension {
  char name = 0;
  int shift = 0, every = 1;

  static constexpr int most_every = (1 << 10) - 1, most_shift = (1 << 13) - 1;
  constexpr bool has_a_number() const {
    return static_cast<unsigned char>(name) < 127 && every >= 1 && every <= most_every && shift >= -most_shift &&
           shift <= most_shift;
  }
  constexpr int number() const { return int(name) | (every > 1 ? every << 7 : 0) | (shift & 0x3fff) << 17; }
  static constexpr Dimension of(int number) {
    const int every = number >> 7 & most_every;
    return {char(number & 127), ((number >> 17) ^ 0x2000) - 0x2000, every > 1 ? every : 1};
  }
  static constexpr bool is_derived(int number) { return (number & ~127) != 0; }

  constexpr std::int64_t length(std::int64_t of) const { return of + shift < 0 ? 0 : (of + shift) / every; }
  /// Whether this one's length follows from that of d, and it for one of d's.
  constexpr bool follows_from(const Dimension& d) const {
    if (name != d.name || every % d.every != 0 || (shift - d.shift) % d.every != 0) return false;
    return d.then((shift - d.shift) / d.every, every / d.every).number() == number();
  }
  constexpr std::int64_t length_from(const Dimension& d, std::int64_t length_of_d) const {
    return Dimension{name, (shift - d.shift) / d.every, every / d.every}.length(length_of_d);
  }
  /// max(0, ⌊(length + more) / times⌋) of this one's length, as a dimension; without a name where that is none: where
  /// this one's length may be 0 instead of negative, and the other not 0 then.
  constexpr Dimension then(int more, int times) const {
    if (shift < 0 && more >= times) return {};
    const Dimension both{name, shift + more * every, every * times};
    return both.has_a_number() ? both : Dimension{};
  }
};
}  // namespace tensor_detail

namespace extents_detail {
template <auto E> using type_of = std::remove_cvref_t<decltype(E)>;
constexpr tensor_detail::Dimension dimension_of(Upto e) { return {e.length, e.shift, e.every == 0 ? 1 : e.every}; }
template <auto E> consteval bool valid() {
  if constexpr (std::same_as<type_of<E>, int>) return E >= 0;
  else if constexpr (std::same_as<type_of<E>, Upto>)
    return E.capacity >= 0 && E.length != 0 && E.every != 1 && dimension_of(E).has_a_number();
  else return false;
}
}  // namespace extents_detail

/// The capacity of an extent: the number itself, or the bound of an `upto`.
constexpr int capacity_of(int extent) { return extent; }
constexpr int capacity_of(Upto extent) { return extent.capacity; }
/// The symbolic dimension of an extent, 0 if it is static: the character of `upto<128, 'B'>`, or the number of a
/// dimension whose length follows from another's.
constexpr int length_of(int) { return 0; }
constexpr int length_of(Upto extent) { return extents_detail::dimension_of(extent).number(); }

namespace tensor_detail {
/// The bounded extent of this capacity and symbolic dimension.
constexpr Upto upto_of(int capacity, int symbol) {
  const Dimension d = Dimension::of(symbol);
  return {capacity, d.name, d.shift, d.every == 1 ? 0 : d.every};
}
}  // namespace tensor_detail

/// A shape as a value: up to eight extents, each with its symbolic dimension (0 if static).
struct Shape {
  static constexpr int max_rank = 8;

  int rank = 0;
  int extent[max_rank]{};
  int length[max_rank]{};  ///< the symbolic dimensions

  constexpr bool operator==(const Shape& other) const {
    if (rank != other.rank) return false;
    for (int i = 0; i < rank; ++i)
      if (extent[i] != other.extent[i] || length[i] != other.length[i]) return false;
    return true;
  }
  constexpr int operator[](int axis) const { return extent[axis]; }
  constexpr int symbol(int axis) const { return length[axis]; }

  /// Appends one extent.
  constexpr void push(int n, int symbol = 0) {
    if (rank >= max_rank) too_many();
    extent[rank] = n;
    length[rank] = symbol;
    ++rank;
  }
  constexpr void set(int axis, int n, int symbol = 0) {
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

namespace tensor_detail {
/// "'B'", "('T' + 1) / 2", for messages.
inline std::string name_of_dimension(int symbol) {
  const Dimension d = Dimension::of(symbol);
  std::string text = std::string("'") + d.name + "'";
  if (d.shift != 0) text += (d.shift < 0 ? " - " : " + ") + std::to_string(d.shift < 0 ? -d.shift : d.shift);
  if (d.every == 1) return text;
  return (d.shift != 0 ? "(" + text + ")" : text) + " / " + std::to_string(d.every);
}
}  // namespace tensor_detail

/// "(32, upto 128 'B')", for messages.
inline std::string to_string(const Shape& s) {
  std::string text = "(";
  for (int i = 0; i < s.rank; ++i) {
    if (i > 0) text += ", ";
    if (s.symbol(i) != 0) text += "upto ";
    text += std::to_string(s[i]);
    if (s.symbol(i) != 0) text += " " + tensor_detail::name_of_dimension(s.symbol(i));
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
