// Element types: their names as values, and how two of them combine.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>
#include <utility>

#include "array.hpp"
#include "half.hpp"

namespace sinter::inline SINTER_ABI {

// All element types. A new one is one more row, at the end: its number is part of kernels' identities, in four bits.
// Everything else here follows from this table, and what other rooms have one of for each dtype they make with
// `for_each_dtype`.
//
//    enumerator, C++ type,      its arithmetic is done in, name in safetensors files
#define SINTER_DTYPES(ROW)                       \
  ROW(boolean,  bool,          int32,   "BOOL") \
  ROW(uint8,    std::uint8_t,  int32,   "U8")   \
  ROW(int8,     std::int8_t,   int32,   "I8")   \
  ROW(int32,    std::int32_t,  int32,   "I32")  \
  ROW(int64,    std::int64_t,  int64,   "I64")  \
  ROW(float16,  float16,       float32, "F16")  \
  ROW(bfloat16, bfloat16,      float32, "BF16") \
  ROW(float32,  float,         float32, "F32")  \
  ROW(float64,  double,        float64, "F64")  \
  ROW(int16,    std::int16_t,  int32,   "I16")  \
  ROW(uint16,   std::uint16_t, int32,   "U16")  \
  ROW(uint32,   std::uint32_t, uint32,  "U32")  \
  ROW(uint64,   std::uint64_t, uint64,  "U64")

/// The element type of a tensor as a value; the graph stores this, never a C++ type.
enum class Dtype : unsigned char {
#define SINTER_ROW(name, ...) name,
  SINTER_DTYPES(SINTER_ROW)
#undef SINTER_ROW
};

namespace dtype_detail {

template <class T> struct DtypeOf;
template <Dtype> struct ElementType;
#define SINTER_ROW(name, T, ...)                                                 \
  template <> struct DtypeOf<T> { static constexpr Dtype value = Dtype::name; }; \
  template <> struct ElementType<Dtype::name> { using type = T; };
SINTER_DTYPES(SINTER_ROW)
#undef SINTER_ROW

}  // namespace dtype_detail

/// A C++ type that can be an element of tensors.
template <class T>
concept Element = requires { dtype_detail::DtypeOf<std::remove_cv_t<T>>::value; };

/// The dtype of a C++ type: `dtype_of<float>` is `Dtype::float32`.
template <Element T> inline constexpr Dtype dtype_of = dtype_detail::DtypeOf<std::remove_cv_t<T>>::value;
/// The C++ type of a dtype: `element_type<Dtype::float32>` is float.
template <Dtype D> using element_type = typename dtype_detail::ElementType<D>::type;

namespace dtype_detail {

enum class Kind : unsigned char { boolean, unsigned_integer, signed_integer, floating };
template <class T> constexpr Kind kind_of() {
  if constexpr (std::is_same_v<T, bool>) return Kind::boolean;
  else if constexpr (!std::is_integral_v<T>) return Kind::floating;
  else return std::is_signed_v<T> ? Kind::signed_integer : Kind::unsigned_integer;
}

struct Row {
  std::string_view name, in_safetensors;
  int bytes;
  Kind kind;
  Dtype computed_as;
};
inline constexpr Row rows[]{
#define SINTER_ROW(name, T, wide, stored) \
  {Dtype::name == Dtype::boolean ? "bool" : #name, stored, int(sizeof(T)), kind_of<T>(), Dtype::wide},
    SINTER_DTYPES(SINTER_ROW)
#undef SINTER_ROW
};
constexpr const Row& row(Dtype d) { return rows[int(d)]; }

}  // namespace dtype_detail

/// Calls f(T()) with the element type of a dtype known at run time.
template <class F> constexpr decltype(auto) with_element_type(Dtype d, F&& f) {
  switch (d) {
#define SINTER_ROW(name, T, ...) \
  case Dtype::name: return f(T());
    SINTER_DTYPES(SINTER_ROW)
#undef SINTER_ROW
  }
  return f(bool());  // no dtype has another number
}
#undef SINTER_DTYPES

/// How many there are: the size of tables by dtype.
inline constexpr int number_of_dtypes = int(std::size(dtype_detail::rows));
static_assert(number_of_dtypes < 16, "identities of kernels have four bits for a dtype (compile/program/kernel.hpp)");

namespace internals {
/// One value for each dtype.
template <class T> struct PerDtype : Array<T, number_of_dtypes> {
  using Array<T, number_of_dtypes>::operator[];
  constexpr T& operator[](Dtype d) { return this->data()[int(d)]; }
  constexpr const T& operator[](Dtype d) const { return this->data()[int(d)]; }
};
}  // namespace internals

/// Calls f.operator()<D>() for every dtype D.
template <class F> constexpr void for_each_dtype(F&& f) {
  [&]<std::size_t... Index>(std::index_sequence<Index...>) {
    (f.template operator()<Dtype(Index)>(), ...);
  }(std::make_index_sequence<std::size_t(number_of_dtypes)>{});
}

namespace dtype_detail {

/// A small number of every row, four bits each: constant evaluation pays for each element of a table that it reads, and
/// passes ask for these most of all.
template <class F> consteval std::uint64_t packed(F number) {
  std::uint64_t all = 0;
  for (int d = 0; d < number_of_dtypes; ++d) all |= std::uint64_t(number(rows[d])) << 4 * d;
  return all;
}
inline constexpr std::uint64_t floating = packed([](const Row& r) { return r.kind == Kind::floating; }),
                               half = packed([](const Row& r) { return r.kind == Kind::floating && r.bytes == 2; }),
                               bytes = packed([](const Row& r) { return r.bytes; }),
                               computed = packed([](const Row& r) { return int(r.computed_as); });

}  // namespace dtype_detail

/// Whether a dtype holds floating-point numbers. PyTorch: torch.is_floating_point.
constexpr bool is_floating(Dtype d) { return (dtype_detail::floating >> 4 * int(d) & 1) != 0; }
/// Whether a dtype holds integers; bool is none.
constexpr bool is_integer(Dtype d) { return !is_floating(d) && d != Dtype::boolean; }
/// Whether a dtype holds negative numbers. PyTorch: dtype.is_signed.
constexpr bool is_signed(Dtype d) {
  return is_floating(d) || dtype_detail::row(d).kind == dtype_detail::Kind::signed_integer;
}
/// Floating point of 16 bits.
constexpr bool is_half(Dtype d) { return (dtype_detail::half >> 4 * int(d) & 1) != 0; }
/// The bytes of one element. PyTorch: dtype.itemsize.
constexpr int bytes_of(Dtype d) { return int(dtype_detail::bytes >> 4 * int(d) & 15); }
/// PyTorch's and NumPy's name, "float32".
constexpr std::string_view name_of(Dtype d) { return dtype_detail::row(d).name; }

/// The element type in which arithmetic on a type is done: bool and narrow integers count as int32, 16-bit floats as
/// float32.
constexpr Dtype computed_as(Dtype d) { return Dtype(dtype_detail::computed >> 4 * int(d) & 15); }

/// Calls f(T()) with the element type in which arithmetic on a dtype is done.
template <class F> constexpr decltype(auto) with_computed_type(Dtype d, F&& f) {
  return with_element_type(computed_as(d), [&]<class T>(T) {
    if constexpr (computed_as(dtype_of<T>) == dtype_of<T>) return f(T());
    else return f(float());  // not called
  });
}

namespace dtype_detail {

/// The narrowest signed integer that holds this many bytes, the widest where none does.
constexpr Dtype signed_integer(int size) {
  int best = -1;
  for (int d = 0; d < number_of_dtypes; ++d)
    if (rows[d].kind == Kind::signed_integer &&
        (best < 0 || (rows[best].bytes < size ? rows[d].bytes > rows[best].bytes
                                               : rows[d].bytes >= size && rows[d].bytes < rows[best].bytes)))
      best = d;
  return Dtype(best);
}
/// Of two that differ, neither of them bool.
constexpr Dtype common(Dtype a, Dtype b) {
  const Row &x = row(a), &y = row(b);
  if (x.kind != y.kind && (x.kind == Kind::floating || y.kind == Kind::floating))
    return x.kind == Kind::floating ? a : b;
  if (x.kind == y.kind) return x.bytes > y.bytes ? a : x.bytes < y.bytes ? b : Dtype::float32;
  const int with_sign = 2 * (x.kind == Kind::unsigned_integer ? x : y).bytes,
            at_least = (x.kind == Kind::signed_integer ? x : y).bytes;
  return signed_integer(with_sign > at_least ? with_sign : at_least);
}

}  // namespace dtype_detail

/// The element type of an operation on two tensors, as torch.promote_types: the floating one of a floating type and an
/// integer, else the narrowest type that holds both, float32 for the two of 16 bits. No integer holds uint64 and
/// negative numbers: those two make int64.
constexpr Dtype promote(Dtype a, Dtype b) {
  if (a == b || b == Dtype::boolean) return a;
  return a == Dtype::boolean ? b : dtype_detail::common(a, b);
}

/// A plain C++ number with a tensor keeps the tensor's type, as in PyTorch, unless it is of a higher kind: a
/// floating-point number with an integer tensor gives float32, an integer with a bool tensor int64.
constexpr Dtype promote_number(Dtype tensor, Dtype number) {
  if (is_floating(number) && !is_floating(tensor)) return Dtype::float32;
  if (!is_floating(number) && number != Dtype::boolean && tensor == Dtype::boolean) return Dtype::int64;
  return tensor;
}

}  // namespace sinter
