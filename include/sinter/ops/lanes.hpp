// One element, as the evaluation of a primitive sees it; also the interface of a SIMD register full of them.
//
// `eval` of a primitive is a template over `Lanes<T, N>`: N = 1 here, N = 4, 8, 16 … in backend/cpu/simd.hpp, all with the
// same operators and functions, found by argument-dependent lookup. A primitive is therefore written once.
#pragma once
#include <bit>
#include <cmath>
#include <concepts>
#include <type_traits>

#include "../tensor/dtype.hpp"

namespace sinter {

template <class T, int N> struct Lanes;

template <> struct Lanes<bool, 1> {
  using element = bool;
  static constexpr int lanes = 1;
  bool v = false;

  constexpr Lanes() = default;
  constexpr Lanes(bool x) : v(x) {}

  friend constexpr Lanes operator&&(Lanes a, Lanes b) { return a.v && b.v; }
  friend constexpr Lanes operator||(Lanes a, Lanes b) { return a.v || b.v; }
  friend constexpr Lanes operator!(Lanes a) { return !a.v; }
  friend constexpr Lanes operator==(Lanes a, Lanes b) { return a.v == b.v; }
};

/// a / b, where a processor would stop the program over integers: x / 0 is 0, and the least integer / −1 wraps to itself.
template <class T> constexpr T quotient(T a, T b) {
  if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool>) {
    if (b == 0) return 0;
    if constexpr (std::is_signed_v<T>)
      if (b == T(-1)) return T(std::make_unsigned_t<T>(0) - std::make_unsigned_t<T>(a));
  }
  return T(a / b);
}

template <class T> struct Lanes<T, 1> {
  using element = T;
  static constexpr int lanes = 1;
  T v{};

  constexpr Lanes() = default;
  template <class U> requires std::is_arithmetic_v<U> constexpr Lanes(U x) : v(static_cast<T>(x)) {}

  friend constexpr Lanes operator+(Lanes a, Lanes b) { return T(a.v + b.v); }
  friend constexpr Lanes operator-(Lanes a, Lanes b) { return T(a.v - b.v); }
  friend constexpr Lanes operator*(Lanes a, Lanes b) { return T(a.v * b.v); }
  friend constexpr Lanes operator/(Lanes a, Lanes b) { return quotient(a.v, b.v); }
  friend constexpr Lanes operator-(Lanes a) { return T(-a.v); }
  friend constexpr Lanes<bool, 1> operator<(Lanes a, Lanes b) { return a.v < b.v; }
  friend constexpr Lanes<bool, 1> operator>(Lanes a, Lanes b) { return a.v > b.v; }
  friend constexpr Lanes<bool, 1> operator<=(Lanes a, Lanes b) { return a.v <= b.v; }
  friend constexpr Lanes<bool, 1> operator>=(Lanes a, Lanes b) { return a.v >= b.v; }
  friend constexpr Lanes<bool, 1> operator==(Lanes a, Lanes b) { return a.v == b.v; }
  friend constexpr Lanes<bool, 1> operator!=(Lanes a, Lanes b) { return a.v != b.v; }
};

template <class T> constexpr Lanes<T, 1> select(Lanes<bool, 1> mask, Lanes<T, 1> a, Lanes<T, 1> b) { return mask.v ? a : b; }
/// Fused where the target has an instruction for it, as in its SIMD registers.
template <class T> constexpr Lanes<T, 1> fma(Lanes<T, 1> a, Lanes<T, 1> b, Lanes<T, 1> c) {
#if defined(__FMA__) || defined(__ARM_FEATURE_FMA) || defined(__CUDA_ARCH__)
  if constexpr (std::is_floating_point_v<T>) return Lanes<T, 1>(std::fma(a.v, b.v, c.v));
#endif
  return Lanes<T, 1>(T(a.v * b.v + c.v));
}
template <class T> constexpr Lanes<T, 1> sqrt(Lanes<T, 1> x) { return Lanes<T, 1>(std::sqrt(x.v)); }
/// The element as another type.
template <class To, class T> constexpr Lanes<To, 1> convert(Lanes<T, 1> x) { return Lanes<To, 1>(static_cast<To>(x.v)); }

// Building blocks of the elementary functions (elementary.hpp), which are written for single precision.
constexpr Lanes<std::int32_t, 1> bits(Lanes<float, 1> x) { return std::bit_cast<std::int32_t>(x.v); }
constexpr Lanes<float, 1> from_bits(Lanes<std::int32_t, 1> x) { return std::bit_cast<float>(x.v); }
constexpr Lanes<std::int32_t, 1> operator<<(Lanes<std::int32_t, 1> x, int n) { return std::int32_t(std::uint32_t(x.v) << n); }
constexpr Lanes<std::int32_t, 1> operator>>(Lanes<std::int32_t, 1> x, int n) { return x.v >> n; }
/// x · 2^n for a whole n in [−252, 254].
constexpr Lanes<float, 1> scale(Lanes<float, 1> x, Lanes<float, 1> n) {
  const auto whole = std::int32_t(n.v == n.v ? n.v : 0.f), half = whole >> 1;
  return x.v * std::bit_cast<float>((half + 127) << 23) * std::bit_cast<float>((whole - half + 127) << 23);
}

template <std::same_as<double> T> constexpr Lanes<T, 1> exp(Lanes<T, 1> x) { return std::exp(x.v); }
template <std::same_as<double> T> constexpr Lanes<T, 1> log(Lanes<T, 1> x) { return std::log(x.v); }
template <std::same_as<double> T> constexpr Lanes<T, 1> tanh(Lanes<T, 1> x) { return std::tanh(x.v); }

}  // namespace sinter
