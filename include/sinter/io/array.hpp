// Tensors from the elements of files.
#pragma once
#include <array>
#include <string>
#include <vector>

#include "../data/file.hpp"
#include "../eager/evaluate.hpp"
#include "element_types.hpp"

namespace sinter::inline SINTER_ABI::io {

/// Strides in elements of row-major tensors of a shape, at its bounds.
constexpr std::array<std::size_t, Shape::max_rank> strides_of(const Shape& shape) {
  std::array<std::size_t, Shape::max_rank> s{};
  std::size_t step = 1;
  for (int i = shape.rank - 1; i >= 0; --i) s[std::size_t(i)] = step, step *= std::size_t(shape[i]);
  return s;
}
/// Calls f(place) for every element of an array, the last axis fastest.
template <class F>
void for_each_place(const std::vector<std::uint64_t>& lengths, const std::array<std::size_t, Shape::max_rank>& stride,
                    const F& f) {
  std::size_t n = 1, place = 0;
  for (const std::uint64_t length : lengths) n *= std::size_t(length);
  std::array<std::uint64_t, Shape::max_rank> at{};
  for (std::size_t k = 0; k < n; ++k) {
    f(place);
    for (std::size_t i = lengths.size(); i-- > 0;) {
      place += stride[i];
      if (++at[i] < lengths[i]) break;
      place -= std::size_t(at[i]) * stride[i];
      at[i] = 0;
    }
  }
}

/// "(2, 3)", for messages.
inline std::string text_of(const std::vector<std::uint64_t>& shape) {
  std::string s = "(";
  for (const std::uint64_t n : shape) s += (s.size() > 1 ? ", " : "") + std::to_string(n);
  return s + ")";
}
/// The number of elements of an array that has the shape of a Tensor<T, E...>, or within its bounds; throws for others.
template <auto... E> std::size_t elements_of(const std::vector<std::uint64_t>& found, const std::string& where) {
  constexpr Shape shape = shape_of<E...>;
  bool fits = found.size() == std::size_t(shape.rank);
  std::size_t n = 1;
  for (int i = 0; fits && i < shape.rank; ++i) {
    const std::uint64_t length = found[std::size_t(i)];
    fits = shape.symbol(i) != 0 ? length <= std::uint64_t(shape[i]) : length == std::uint64_t(shape[i]);
    n *= std::size_t(length);
  }
  if (!fits)
    throw_error(ErrorCode::mismatch, where + ", shape",
                "expected " + sinter::to_string(shape) + ", found " + text_of(found));
  return n;
}
/// The tensor of n stored elements, with the lengths of the array; `by_columns`: the first axis is the fastest.
template <Element T, auto... E>
Tensor<T, E...> tensor_of_elements(const std::vector<std::uint64_t>& lengths, bool by_columns, std::string_view type,
                                   const unsigned char* from, std::size_t n, const std::string& where) {
  if (const std::size_t i = first_not_taken<T>(type, from, n); i < n)
    throw_error(ErrorCode::mismatch, where + ", element " + std::to_string(i),
                "expected a number that " + std::string(name_of(dtype_of<T>)) + " holds, found another as " +
                    std::string(type));
  constexpr Shape shape = shape_of<E...>;
  std::vector<std::conditional_t<std::is_same_v<T, bool>, unsigned char, T>> elements(n);  // no vector of bools
  convert(type, from, n, reinterpret_cast<T*>(elements.data()));
  Tensor<T, E...> tensor;
  std::array<std::size_t, Shape::max_rank> stride{};
  std::size_t step = 1;
  for (int i = 0; i < shape.rank; ++i) {
    const auto axis = std::size_t(by_columns ? i : shape.rank - 1 - i);
    stride[axis] = step;
    step *= std::size_t(lengths[axis]);
    if (shape.symbol(i) != 0) tensor.set_length(shape.symbol(i), std::int64_t(lengths[std::size_t(i)]));
  }
  std::vector<std::size_t> sources;
  sources.reserve(n);
  for_each_place(lengths, stride, [&](std::size_t place) { sources.push_back(place); });
  std::size_t k = 0;
  for_each_place(lengths, strides_of(shape), [&](std::size_t place) {
    tensor.data()[place] = T(elements[sources[k++]]);
  });
  return tensor;
}

}  // namespace sinter::io
