// Tensors as text.
#pragma once
#include <cstdio>
#include <iosfwd>
#include <string>

#include "decimal.hpp"
#include "view.hpp"

namespace sinter::inline SINTER_ABI {
namespace tensor_detail {

template <class T> std::string element_text(T x) {
  if constexpr (std::is_same_v<T, bool>) return x ? "true" : "false";
  else if constexpr (is_floating(dtype_of<T>))
    return general_text(double(x));
  else if constexpr (std::is_signed_v<T>) return std::to_string(static_cast<long long>(x));
  else return std::to_string(static_cast<unsigned long long>(x));
}

/// Nested brackets as NumPy prints them; long axes show their first and last three items.
template <class T> void append_text(std::string& out, const T& x, int axis, std::ptrdiff_t offset,
                                    const internals::Array<std::ptrdiff_t, Shape::max_rank>& stride) {
  if (axis == T::shape.rank) {
    out += element_text(x.data()[offset]);
    return;
  }
  const std::int64_t n = x.length_of_axis(axis);
  const bool innermost = axis + 1 == T::shape.rank;
  out += '[';
  for (std::int64_t i = 0; i < n; ++i) {
    if (i > 0) out += innermost ? ", " : ",\n" + std::string(std::size_t(axis) + 1, ' ');
    if (n > 8 && i == 3) {
      out += "…";
      i = n - 4;
      continue;
    }
    append_text(out, x, axis + 1, offset + i * stride[axis], stride);
  }
  out += ']';
}

}  // namespace tensor_detail

/// The elements in nested brackets; bounded extents up to their length.
template <class T> requires requires(const T& t) { t.length_of_axis(0); t.data(); }
std::string to_string(const T& tensor) {
  internals::Array<std::ptrdiff_t, Shape::max_rank> stride{};
  std::ptrdiff_t step = 1;
  for (int i = T::shape.rank - 1; i >= 0; --i) {
    stride[i] = step;
    step *= T::shape[i];
  }
  if constexpr (requires { tensor.strides(); })
    for (int i = 0; i < T::shape.rank; ++i) stride[std::size_t(i)] = tensor.strides()[std::size_t(i)];
  std::string out;
  tensor_detail::append_text(out, tensor, 0, 0, stride);
  return out;
}

namespace tensor_detail {

/// What is printed of a tensor, or of the value of an expression.
template <class T> std::string printed_text(const T& x) {
  if constexpr (Expression<T>) return printed_text(eval(x));
  else return to_string(x) + "\n" + std::string(name_of(dtype_of<typename T::element>)) + " " + to_string(T::shape);
}

}  // namespace tensor_detail

/// Prints a tensor, or the value of an expression, with its dtype and shape.
template <class T> requires requires { typename T::symbol; } void print(const T& x, std::FILE* out = stdout) {
  std::fprintf(out, "%s\n", tensor_detail::printed_text(x).c_str());
}

/// The same to a stream, `std::cout << x`, without the end of the last line, as PyTorch's C++ interface prints. One of
/// rank 0 is written as its number.
template <class Traits, class T> requires(requires { typename T::symbol; } && T::symbol::shape.rank > 0)
std::basic_ostream<char, Traits>& operator<<(std::basic_ostream<char, Traits>& out, const T& x) {
  return out << tensor_detail::printed_text(x).c_str();
}
template <class Traits>
std::basic_ostream<char, Traits>& operator<<(std::basic_ostream<char, Traits>& out, const Shape& shape) {
  return out << to_string(shape).c_str();
}
template <class Traits>
std::basic_ostream<char, Traits>& operator<<(std::basic_ostream<char, Traits>& out, Dtype dtype) {
  return out << std::string(name_of(dtype)).c_str();
}

}  // namespace sinter
