// Element types of files, and their conversion to those of tensors.
#pragma once
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string_view>
#include <type_traits>
#include <utility>

#include "../ops/lanes.hpp"

namespace sinter::inline SINTER_ABI {

namespace io {

/// The name of an element type in safetensors files.
constexpr std::string_view safetensors_name(Dtype d) { return dtype_detail::row(d).in_safetensors; }

/// Eight-bit floats: so many bits of exponent and fraction, the exponent's bias; FN formats have no infinity and one
/// NaN per sign, FNUZ formats no infinity and a single NaN instead of −0. PyTorch: torch.float8_e4m3fn and the like.
template <int Exponent, int Fraction, int Bias, bool UnsignedZero> struct Float8 {
  std::uint8_t bits;

  operator float() const {
    const int exponent = bits >> Fraction & ((1 << Exponent) - 1), fraction = bits & ((1 << Fraction) - 1),
              largest = (1 << Exponent) - 1;
    if (UnsignedZero && bits == 0x80) return ops::not_a_number<float>;
    if (!UnsignedZero && exponent == largest) {
      const bool has_infinity = Fraction == 2;
      if (has_infinity ? fraction != 0 : fraction == (1 << Fraction) - 1)
        return ops::not_a_number<float>;
      if (has_infinity)
        return (bits & 0x80) != 0 ? -ops::infinity<float> : ops::infinity<float>;
    }
    const float x = exponent == 0 ? std::ldexp(float(fraction), 1 - Bias - Fraction)
                                  : std::ldexp(float((1 << Fraction) + fraction), exponent - Bias - Fraction);
    return (bits & 0x80) != 0 ? -x : x;
  }
};
/// A power of two, the scale of a block of narrow numbers.
struct Power8 {
  std::uint8_t bits;
  operator float() const { return bits == 255 ? ops::not_a_number<float> : std::ldexp(1.f, bits - 127); }
};
/// One byte, which is 0 or 1.
struct Bool8 {
  std::uint8_t bits;
  operator std::uint8_t() const { return bits; }
};

/// Calls f(T()) with the type of this name; false if it is unknown or its elements are not numbers by themselves.
template <class F> bool with_stored_type(std::string_view name, F&& f) {
  bool known = true;
  if (name == "F8_E4M3")
    f(Float8<4, 3, 7, false>());
  else if (name == "F8_E5M2")
    f(Float8<5, 2, 15, false>());
  else if (name == "F8_E4M3FNUZ")
    f(Float8<4, 3, 8, true>());
  else if (name == "F8_E5M2FNUZ")
    f(Float8<5, 2, 16, true>());
  else if (name == "F8_E8M0")
    f(Power8());
  else
    known = false;
  for_each_dtype([&]<Dtype D>() {
    if (known || name != safetensors_name(D)) return;
    if constexpr (D == Dtype::boolean) f(Bool8());
    else f(element_type<D>());
    known = true;
  });
  return known;
}

/// The bits of an element of a type by its name in safetensors files; 0 for unknown names.
inline int bits_of(std::string_view type) {
  int bits = type == "F4" ? 4 : type == "F6_E2M3" || type == "F6_E3M2" ? 6 : type == "C64" ? 64 : 0;
  with_stored_type(type, [&](auto x) { bits = 8 * int(sizeof x); });
  return bits;
}

/// Whether x converts to To: floating-point types round any number; integers and bool take only numbers that they
/// represent exactly.
template <class To, class From> bool takes(From x) {
  if constexpr (std::is_same_v<From, Bool8>) {
    return x.bits <= 1;
  } else if constexpr (is_floating(dtype_of<To>)) {
    return true;
  } else if constexpr (std::is_same_v<To, bool>) {
    return double(x) == 0 || double(x) == 1;
  } else if constexpr (std::is_integral_v<From>) {
    return std::in_range<To>(x);
  } else {
    constexpr double low = double(std::numeric_limits<To>::min()),
                     above = 2 * double(std::numeric_limits<To>::max() / 2 + 1);
    return double(x) >= low && double(x) < above && double(x) == std::trunc(double(x));
  }
}
/// A number of one element type as one of another; as a bool it is true unless it is 0. PyTorch: Tensor.to.
template <class To, class From> To converted(From x) {
  if constexpr (std::is_same_v<To, bool>)
    return double(x) != 0;
  else if constexpr (std::is_arithmetic_v<From>)
    return static_cast<To>(x);
  else if constexpr (std::is_same_v<From, Bool8>)
    return static_cast<To>(x.bits);
  else
    return static_cast<To>(float(x));  // 8 or 16 bits
}

/// The index of the first of n stored elements that does not convert to To; n if there is none.
template <class To>
SINTER_COLD std::size_t first_not_taken(std::string_view type, const unsigned char* from, std::size_t n) {
  std::size_t i = 0;
  with_stored_type(type, [&](auto x) {
    constexpr bool takes_all = is_floating(dtype_of<To>) && !std::is_same_v<decltype(x), Bool8>;
    for (i = takes_all ? n : 0; i < n; ++i) {
      std::memcpy(&x, from + i * sizeof x, sizeof x);
      if (!takes<To>(x)) return;
    }
  });
  return i;
}
/// Converts stored elements, each of which converts to To.
template <class To> SINTER_COLD void convert(std::string_view type, const unsigned char* from, std::size_t n, To* to) {
  if (type == safetensors_name(dtype_of<To>)) {
    std::memcpy(to, from, n * sizeof(To));
    return;
  }
  with_stored_type(type, [&](auto x) {
    if constexpr (sizeof x == 1) {
      To all[256];
      for (int byte = 0; byte < 256; ++byte) {
        const auto bits = std::uint8_t(byte);
        std::memcpy(&x, &bits, 1);
        all[byte] = takes<To>(x) ? converted<To>(x) : To();
      }
      for (std::size_t i = 0; i < n; ++i) to[i] = all[from[i]];
    } else {
      for (std::size_t i = 0; i < n; ++i) {
        std::memcpy(&x, from + i * sizeof x, sizeof x);
        to[i] = converted<To>(x);
      }
    }
  });
}

}  // namespace io
}  // namespace sinter
