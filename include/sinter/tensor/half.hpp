// The two 16-bit floating-point formats. They are storage formats; arithmetic on them is done in float.
#pragma once
#include <bit>
#include <cstdint>
#include <type_traits>

#include "attributes.hpp"

namespace sinter::inline SINTER_ABI {

/// The upper half of a float: 8 bits of exponent, 7 of fraction. Rounds to
/// nearest, ties to even. PyTorch: torch.bfloat16.
struct bfloat16 {
  std::uint16_t bits = 0;

  constexpr bfloat16() = default;
  /// Through float, as PyTorch does.
  template <class T>
    requires(std::is_arithmetic_v<T> && !std::is_same_v<T, float>)
  constexpr explicit bfloat16(T x) : bfloat16(static_cast<float>(x)) {}
  constexpr explicit bfloat16(float x) {
    const auto b = std::bit_cast<std::uint32_t>(x);
    const bool nan = SINTER_FINITE_MATH_ONLY ? (b & 0x7fffffffu) > 0x7f800000u : x != x;
    bits = std::uint16_t(nan ? (b >> 16 | 0x40u) : (b + 0x7fffu + (b >> 16 & 1u)) >> 16);
  }
  constexpr operator float() const { return std::bit_cast<float>(std::uint32_t(bits) << 16); }
};

/// IEEE 754 binary16: 5 bits of exponent, 10 of fraction. Rounds to nearest,
/// ties to even; beyond 65504 is infinity. PyTorch: torch.float16.
struct float16 {
  std::uint16_t bits = 0;

  constexpr float16() = default;
  /// Through float, as PyTorch does.
  template <class T>
    requires(std::is_arithmetic_v<T> && !std::is_same_v<T, float>)
  constexpr explicit float16(T x) : float16(static_cast<float>(x)) {}
  constexpr explicit float16(float x) {
    const auto b = std::bit_cast<std::uint32_t>(x);
    const std::uint32_t sign = b >> 16 & 0x8000u, magnitude = b & 0x7fffffffu;
    std::uint32_t h;
    if (magnitude > 0x7f800000u) h = 0x7e00u | (magnitude >> 13 & 0x3ffu);     // NaN
    else if (magnitude >= 0x477ff000u) h = 0x7c00u;                            // rounds to infinity
    else if (magnitude >= 0x38800000u) h = (magnitude - 0x38000000u + 0xfffu + (magnitude >> 13 & 1u)) >> 13;
    // subnormal: the sum rounds
    else h = std::bit_cast<std::uint32_t>(std::bit_cast<float>(magnitude) + 0.5f) - 0x3f000000u;
    bits = std::uint16_t(sign | h);
  }
  constexpr operator float() const {
    const std::uint32_t sign = std::uint32_t(bits & 0x8000u) << 16, exponent = bits >> 10 & 0x1fu,
                        fraction = bits & 0x3ffu;
    if (exponent == 0) {
      const float tiny = float(std::int32_t(fraction)) * 0x1p-24f;
      return sign != 0 ? -tiny : tiny;
    }
    return std::bit_cast<float>(sign | (exponent == 31 ? 0x7f800000u : (exponent + 112u) << 23) | fraction << 13);
  }
};

}  // namespace sinter
