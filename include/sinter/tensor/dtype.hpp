// Element types: their names as values, and how two of them combine.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>

#include "half.hpp"

namespace sinter {

/// The element type of a tensor as a value; the graph stores this, never a C++ type.
enum class Dtype : unsigned char { boolean, uint8, int8, int32, int64, float16, bfloat16, float32, float64 };
/// How many there are: the size of tables by dtype.
inline constexpr int number_of_dtypes = 9;

/// What `dtype_of` looks up.
template <class T> struct dtype_of_t;
template <> struct dtype_of_t<bool> { static constexpr Dtype value = Dtype::boolean; };
template <> struct dtype_of_t<std::uint8_t> { static constexpr Dtype value = Dtype::uint8; };
template <> struct dtype_of_t<std::int8_t> { static constexpr Dtype value = Dtype::int8; };
template <> struct dtype_of_t<std::int32_t> { static constexpr Dtype value = Dtype::int32; };
template <> struct dtype_of_t<std::int64_t> { static constexpr Dtype value = Dtype::int64; };
template <> struct dtype_of_t<float16> { static constexpr Dtype value = Dtype::float16; };
template <> struct dtype_of_t<bfloat16> { static constexpr Dtype value = Dtype::bfloat16; };
template <> struct dtype_of_t<float> { static constexpr Dtype value = Dtype::float32; };
template <> struct dtype_of_t<double> { static constexpr Dtype value = Dtype::float64; };

/// A C++ type that can be an element of tensors.
template <class T>
concept Element = requires { dtype_of_t<std::remove_cv_t<T>>::value; };

/// The dtype of a C++ type: `dtype_of<float>` is `Dtype::float32`.
template <Element T> inline constexpr Dtype dtype_of = dtype_of_t<std::remove_cv_t<T>>::value;

/// What `element_type` looks up.
template <Dtype> struct element_type_t;
template <> struct element_type_t<Dtype::boolean> { using type = bool; };
template <> struct element_type_t<Dtype::uint8> { using type = std::uint8_t; };
template <> struct element_type_t<Dtype::int8> { using type = std::int8_t; };
template <> struct element_type_t<Dtype::int32> { using type = std::int32_t; };
template <> struct element_type_t<Dtype::int64> { using type = std::int64_t; };
template <> struct element_type_t<Dtype::float16> { using type = float16; };
template <> struct element_type_t<Dtype::bfloat16> { using type = bfloat16; };
template <> struct element_type_t<Dtype::float32> { using type = float; };
template <> struct element_type_t<Dtype::float64> { using type = double; };
/// The C++ type of a dtype: `element_type<Dtype::float32>` is float.
template <Dtype D> using element_type = typename element_type_t<D>::type;

/// Calls f(T()) with the element type of a dtype known at run time.
template <class F> constexpr decltype(auto) with_element_type(Dtype d, F&& f) {
  switch (d) {
    case Dtype::boolean: return f(bool());
    case Dtype::uint8: return f(std::uint8_t());
    case Dtype::int8: return f(std::int8_t());
    case Dtype::int32: return f(std::int32_t());
    case Dtype::int64: return f(std::int64_t());
    case Dtype::float16: return f(float16());
    case Dtype::bfloat16: return f(bfloat16());
    case Dtype::float32: return f(float());
    default: return f(double());
  }
}

/// Kinds of dtypes: of 16 bits, and of floating point. PyTorch: torch.is_floating_point.
constexpr bool is_half(Dtype d) { return d == Dtype::float16 || d == Dtype::bfloat16; }
constexpr bool is_floating(Dtype d) { return d >= Dtype::float16; }
/// The bytes of one element. PyTorch: dtype.itemsize.
constexpr int bytes_of(Dtype d) {
  constexpr int bytes[]{1, 1, 1, 4, 8, 2, 2, 4, 8};
  return bytes[int(d)];
}
/// PyTorch's and NumPy's name, "float32".
constexpr std::string_view name_of(Dtype d) {
  constexpr std::string_view names[]{"bool",    "uint8",    "int8",    "int32",  "int64",
                                     "float16", "bfloat16", "float32", "float64"};
  return names[int(d)];
}

/// The element type of an operation on two tensors, as in PyTorch (torch.promote_types): the later of the two in the
/// order bool, uint8, int8, int32, int64, float16, bfloat16, float32, float64; but float16 with bfloat16 makes float32,
/// and uint8 with int8 int32 (PyTorch's int16 does not exist here).
constexpr Dtype promote(Dtype a, Dtype b) {
  const Dtype low = a < b ? a : b, high = a < b ? b : a;
  if (low == Dtype::float16 && high == Dtype::bfloat16) return Dtype::float32;
  if (low == Dtype::uint8 && high == Dtype::int8) return Dtype::int32;
  return high;
}

/// The element type in which arithmetic on a type is done: 8-bit integers and
/// bool count as int32, 16-bit floats as float32.
constexpr Dtype computed_as(Dtype d) { return d < Dtype::int32 ? Dtype::int32 : is_half(d) ? Dtype::float32 : d; }

/// A plain C++ number with a tensor keeps the tensor's type, as in PyTorch, unless it is of a higher kind: a
/// floating-point number with an integer tensor gives float32, an integer with a bool tensor int64.
constexpr Dtype promote_number(Dtype tensor, Dtype number) {
  if (is_floating(number) && !is_floating(tensor)) return Dtype::float32;
  if (!is_floating(number) && number != Dtype::boolean && tensor == Dtype::boolean) return Dtype::int64;
  return tensor;
}

}  // namespace sinter
