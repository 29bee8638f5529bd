// Element types: their names as values, and how two of them combine.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>

namespace sinter {

/// The element type of a tensor as a value; the graph stores this, never a C++ type.
/// The order is the order of promotion: the later of two wins (see `promote`).
enum class Dtype : unsigned char { boolean, uint8, int32, int64, float32, float64 };

template <class T> struct dtype_of_t;
template <> struct dtype_of_t<bool> { static constexpr Dtype value = Dtype::boolean; };
template <> struct dtype_of_t<std::uint8_t> { static constexpr Dtype value = Dtype::uint8; };
template <> struct dtype_of_t<std::int32_t> { static constexpr Dtype value = Dtype::int32; };
template <> struct dtype_of_t<std::int64_t> { static constexpr Dtype value = Dtype::int64; };
template <> struct dtype_of_t<float> { static constexpr Dtype value = Dtype::float32; };
template <> struct dtype_of_t<double> { static constexpr Dtype value = Dtype::float64; };

template <class T>
concept Element = requires { dtype_of_t<std::remove_cv_t<T>>::value; };

template <Element T> inline constexpr Dtype dtype_of = dtype_of_t<std::remove_cv_t<T>>::value;

template <Dtype> struct element_type_t;
template <> struct element_type_t<Dtype::boolean> { using type = bool; };
template <> struct element_type_t<Dtype::uint8> { using type = std::uint8_t; };
template <> struct element_type_t<Dtype::int32> { using type = std::int32_t; };
template <> struct element_type_t<Dtype::int64> { using type = std::int64_t; };
template <> struct element_type_t<Dtype::float32> { using type = float; };
template <> struct element_type_t<Dtype::float64> { using type = double; };
template <Dtype D> using element_type = typename element_type_t<D>::type;

constexpr bool is_floating(Dtype d) { return d == Dtype::float32 || d == Dtype::float64; }
constexpr int bytes_of(Dtype d) {
  constexpr int bytes[]{1, 1, 4, 8, 4, 8};
  return bytes[int(d)];
}
constexpr std::string_view name_of(Dtype d) {
  constexpr std::string_view names[]{"bool", "uint8", "int32", "int64", "float32", "float64"};
  return names[int(d)];
}

/// The element type of an operation on two tensors, as in PyTorch (torch.promote_types): the later of the two in
/// the order bool, uint8, int32, int64, float32, float64.
constexpr Dtype promote(Dtype a, Dtype b) { return a < b ? b : a; }

/// A plain C++ number beside a tensor keeps the tensor's type, as in PyTorch, unless it is of a higher kind: a
/// floating number beside an integer tensor gives float32, an integer beside a bool tensor int64.
constexpr Dtype promote_number(Dtype tensor, Dtype number) {
  if (is_floating(number) && !is_floating(tensor)) return Dtype::float32;
  if (!is_floating(number) && number != Dtype::boolean && tensor == Dtype::boolean) return Dtype::int64;
  return tensor;
}

}  // namespace sinter
