// A std::vector whose counts and subscripts are of any integer type, most often signed ones.
#pragma once
#include <concepts>
#include <cstddef>
#include <initializer_list>
#include <iterator>
#include <vector>

#include "language.hpp"

namespace sinter::inline SINTER_ABI::internals {

template <class T> struct Vector : std::vector<T> {
  Vector() = default;
  explicit Vector(std::integral auto n) : std::vector<T>(std::size_t(n)) {}
  Vector(std::integral auto n, const T& value) : std::vector<T>(std::size_t(n), value) {}
  template <std::input_iterator Iterator> Vector(Iterator first, Iterator last) : std::vector<T>(first, last) {}
  Vector(std::initializer_list<T> list) : std::vector<T>(list) {}

  decltype(auto) operator[](std::integral auto i) { return std::vector<T>::operator[](std::size_t(i)); }
  decltype(auto) operator[](std::integral auto i) const { return std::vector<T>::operator[](std::size_t(i)); }
  void resize(std::integral auto n) { std::vector<T>::resize(std::size_t(n)); }
  void assign(std::integral auto n, const T& value) { std::vector<T>::assign(std::size_t(n), value); }
};

}  // namespace sinter::internals
