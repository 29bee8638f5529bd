// One element, as the evaluation of a primitive sees it; also the interface of a SIMD register full of them.
//
// `eval` of a primitive is a template over `Lanes<T, N>`: N = 1 here, N = 4, 8, 16 … in backend/cpu/simd.hpp, all with
// the same operators and functions, found by argument-dependent lookup. A primitive is therefore written once.
#pragma once
#include <bit>
#include <cmath>
#include <concepts>
#include <limits>
#include <type_traits>

#include "../tensor/attributes.hpp"
#include "../tensor/dtype.hpp"

namespace sinter::inline SINTER_ABI::ops {

template <class T, int N> struct Lanes;

/// Whether the compiler assumes that nothing is NaN or infinite (-ffinite-math-only, -ffast-math).
inline constexpr bool finite_math_only = SINTER_FINITE_MATH_ONLY;

/// From its bits: with such options compilers warn about std::numeric_limits.
template <class T> inline constexpr T infinity = T(std::bit_cast<float>(0x7f800000u));
template <class T> inline constexpr T not_a_number = T(std::bit_cast<float>(0x7fc00000u));

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

/// The unsigned type in which integers of type T wrap; T itself for other types.
template <class T> struct Wrapping { using type = T; };
template <std::integral T> struct Wrapping<T> { using type = std::make_unsigned_t<std::common_type_t<T, int>>; };

/// a / b without the traps of integer division: x / 0 is 0, and the least integer / −1 wraps to itself.
template <class T> constexpr T quotient(T a, T b) {
  if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool>) {
    if (b == 0) return 0;
    if constexpr (std::is_signed_v<T>)
      if (b == T(-1)) return T(std::make_unsigned_t<T>(0) - std::make_unsigned_t<T>(a));
  }
  return T(a / b);
}

/// A number as an element. Numbers beyond an integer's range, such as an infinite identity of a fold, are clamped.
template <class T, class U> constexpr T element_from(U x) {
  if constexpr (std::is_integral_v<T> && std::is_floating_point_v<U> && !std::is_same_v<T, bool>) {
    if (x <= U(std::numeric_limits<T>::lowest())) return std::numeric_limits<T>::lowest();
    if (x >= U(std::numeric_limits<T>::max())) return std::numeric_limits<T>::max();
  }
  return static_cast<T>(x);
}
/// A number as one of another type. Where an integer has none like it, NaN and what is out of range, it is what
/// processors make of it: of the least int32 or int64, whichever holds the type's values, the low bits; for an unsigned
/// type of 64 bits also all ones, above. Negative numbers wrap around in unsigned types.
template <class To, class T> constexpr To converted(T x) {
  if constexpr (std::is_arithmetic_v<To> && !std::is_arithmetic_v<T>) {
    return converted<To>(float(x));
  } else if constexpr (std::is_integral_v<To> && !std::is_same_v<To, bool> && std::is_floating_point_v<T>) {
    using Wide = std::conditional_t<(sizeof(To) < 4 || (sizeof(To) == 4 && std::is_signed_v<To>)), std::int32_t,
                                    std::int64_t>;
    constexpr Wide least = std::numeric_limits<Wide>::min();
    if constexpr (std::is_unsigned_v<To> && sizeof(To) == sizeof(Wide))
      if (x >= -T(least)) return x < -2 * T(least) ? static_cast<To>(x) : std::numeric_limits<To>::max();
    return static_cast<To>(x >= T(least) && x < -T(least) ? static_cast<Wide>(x) : least);
  } else {
    return static_cast<To>(x);
  }
}
/// a modulo b with the sign of b, as in Python and torch.remainder. Integers modulo 0 are themselves.
template <class T> constexpr T remainder_of(T a, T b) {
  if constexpr (std::is_integral_v<T>) {
    using W = typename Wrapping<T>::type;
    const T r = T(W(a) - W(quotient(a, b)) * W(b));
    return b != 0 && r != 0 && (r < 0) != (b < 0) ? T(r + b) : r;
  } else {
    const T r = std::fmod(a, b);
    return r != 0 && (r < 0) != (b < 0) ? r + b : r;
  }
}
/// a to the power b. Integers wrap; to a negative power only 1 and −1 are not 0, as in torch.pow.
template <class T> constexpr T power_of(T a, T b) {
  if constexpr (std::is_integral_v<T>) {
    if constexpr (std::is_signed_v<T>)
      if (b < 0) return a == 1 || (a == -1 && b % 2 == 0) ? T(1) : a == -1 ? T(-1) : T(0);
    std::uint64_t power = 1;
    for (auto base = std::uint64_t(a); b != 0; b = T(b / 2), base *= base)
      if (b % 2 != 0) power *= base;
    return T(power);
  } else {
    return std::pow(a, b);
  }
}

template <class T> struct Lanes<T, 1> {
  using element = T;
  static constexpr int lanes = 1;
  T v{};

  constexpr Lanes() = default;
  constexpr Lanes(T x) requires(!std::is_arithmetic_v<T>) : v(x) {}
  template <class U> requires std::is_arithmetic_v<U> constexpr Lanes(U x) : v(element_from<T>(x)) {}

  using W = typename Wrapping<T>::type;
  friend constexpr Lanes operator+(Lanes a, Lanes b) { return T(W(a.v) + W(b.v)); }
  friend constexpr Lanes operator-(Lanes a, Lanes b) { return T(W(a.v) - W(b.v)); }
  friend constexpr Lanes operator*(Lanes a, Lanes b) { return T(W(a.v) * W(b.v)); }
  friend constexpr Lanes operator/(Lanes a, Lanes b) { return quotient(a.v, b.v); }
  friend constexpr Lanes operator-(Lanes a) {
    if constexpr (std::is_integral_v<T>) return T(W(0) - W(a.v));
    else return T(-a.v);
  }
  friend constexpr Lanes<bool, 1> operator<(Lanes a, Lanes b) { return a.v < b.v; }
  friend constexpr Lanes<bool, 1> operator>(Lanes a, Lanes b) { return a.v > b.v; }
  friend constexpr Lanes<bool, 1> operator<=(Lanes a, Lanes b) { return a.v <= b.v; }
  friend constexpr Lanes<bool, 1> operator>=(Lanes a, Lanes b) { return a.v >= b.v; }
  friend constexpr Lanes<bool, 1> operator==(Lanes a, Lanes b) { return a.v == b.v; }
  friend constexpr Lanes<bool, 1> operator!=(Lanes a, Lanes b) { return a.v != b.v; }

  // Integers as bits. A shift to the right keeps the sign.
  friend constexpr Lanes operator&(Lanes a, Lanes b) requires std::integral<T> { return T(a.v & b.v); }
  friend constexpr Lanes operator|(Lanes a, Lanes b) requires std::integral<T> { return T(a.v | b.v); }
  friend constexpr Lanes operator^(Lanes a, Lanes b) requires std::integral<T> { return T(a.v ^ b.v); }
  friend constexpr Lanes operator<<(Lanes a, int n) requires std::integral<T> {
    return T(std::make_unsigned_t<T>(a.v) << n);
  }
  friend constexpr Lanes operator>>(Lanes a, int n) requires std::integral<T> { return T(a.v >> n); }
};

template <class T> constexpr Lanes<T, 1> select(Lanes<bool, 1> mask, Lanes<T, 1> a, Lanes<T, 1> b) {
  return mask.v ? a : b;
}
#if defined(__FMA__) || defined(__ARM_FEATURE_FMA) || defined(__CUDA_ARCH__)
inline constexpr bool fused_multiply_add = true;
#else
inline constexpr bool fused_multiply_add = false;
#endif
/// Fused if the target has an instruction for it, as on its SIMD registers.
template <class T> constexpr Lanes<T, 1> fma(Lanes<T, 1> a, Lanes<T, 1> b, Lanes<T, 1> c) {
  if constexpr (fused_multiply_add && std::is_floating_point_v<T>) return Lanes<T, 1>(std::fma(a.v, b.v, c.v));
  return a * b + c;
}
template <class T> constexpr Lanes<T, 1> sqrt(Lanes<T, 1> x) { return Lanes<T, 1>(std::sqrt(x.v)); }
template <class T> constexpr Lanes<T, 1> abs(Lanes<T, 1> x) {
  if constexpr (std::is_same_v<T, float>) return std::bit_cast<float>(std::bit_cast<std::int32_t>(x.v) & 0x7fffffff);
  else if constexpr (std::is_same_v<T, double>)
    return std::bit_cast<double>(std::bit_cast<std::int64_t>(x.v) & 0x7fffffffffffffff);
  else return select(x < 0, -x, x);
}
/// x, rounded. Compilers that may reassociate (-ffast-math, or -fassociative-math alone) simplify (x + c) − c to x, and
/// so break what depends on the rounding: the reduction of an argument, an exact difference. This is opaque to them,
/// and no code in other builds.
template <class T> constexpr Lanes<T, 1> as_rounded(Lanes<T, 1> x) {
  static_assert(std::is_floating_point_v<T>);
#if defined(__CUDACC__)
  return x;
#elif defined(__clang__) && defined(__SSE2__)
  return __arithmetic_fence(x.v);
#else
#if defined(__ASSOCIATIVE_MATH__) || defined(__FAST_MATH__)
  if (!std::is_constant_evaluated()) SINTER_OPAQUE(x.v);
#endif
  return x;
#endif
}
/// Whether an element is NaN, and whether it is neither NaN nor infinite: by its bits where the compiler would drop the
/// test.
template <class T> constexpr Lanes<bool, 1> is_nan(Lanes<T, 1> x) {
  if constexpr (!finite_math_only || !std::is_floating_point_v<T>) return x != x;
  else if constexpr (std::is_same_v<T, double>) return (std::bit_cast<std::uint64_t>(x.v) << 1) > 0xffe0000000000000u;
  else return (std::bit_cast<std::uint32_t>(x.v) << 1) > 0xff000000u;
}
template <class T> constexpr Lanes<bool, 1> is_finite(Lanes<T, 1> x) {
  if constexpr (!finite_math_only || !std::is_floating_point_v<T>) return x - x == Lanes<T, 1>(0);
  else if constexpr (std::is_same_v<T, double>) return (std::bit_cast<std::uint64_t>(x.v) << 1) < 0xffe0000000000000u;
  else return (std::bit_cast<std::uint32_t>(x.v) << 1) < 0xff000000u;
}
/// A number that may be ∞ or NaN. A compiler that assumes there are none must not see one: it would remove the branch
/// that selects it.
template <class T> [[gnu::always_inline]] constexpr T unforeseen(T x) {
#if !defined(__CUDACC__)
  if constexpr (finite_math_only && std::is_floating_point_v<T>)
    if (!std::is_constant_evaluated() && __builtin_constant_p(x) && !is_finite(Lanes<T, 1>(x)).v) SINTER_OPAQUE(x);
#endif
  return x;
}
/// f(x), and NaN for NaN, also if comparisons in f lose it.
template <class V> [[gnu::always_inline]] constexpr V or_nan(V x, V result) {
  if constexpr (finite_math_only) return select(is_nan(x), x, result);
  else return result;
}
/// The same for an f that compares x with a number by <, > and ==: from two false results the compiler concludes that
/// the third holds, and then knows x. So the test for NaN must come first:
/// `const KeepsNan keep(x); … return keep(result);`.
template <class V> struct KeepsNan {
  [[gnu::always_inline]] constexpr explicit KeepsNan([[maybe_unused]] V x) {
#if !defined(__CUDACC__)
    if constexpr (finite_math_only) {
      if constexpr (V::lanes == 1)
        if (!std::is_constant_evaluated()) asm volatile("" : "+m"(x.v));
      x_ = x, nan_ = is_nan(x);
    }
#endif
  }
  [[gnu::always_inline]] constexpr V operator()(V result) const {
    if constexpr (finite_math_only) return select(nan_, x_, result);
    else return result;
  }

 private:
  struct Nothing {};
  [[no_unique_address]] std::conditional_t<finite_math_only, V, Nothing> x_{};
  [[no_unique_address]] std::conditional_t<finite_math_only, Lanes<bool, V::lanes>, Nothing> nan_{};
};

/// The larger and the smaller of two; NaN if either is.
template <class T> constexpr Lanes<T, 1> maximum(Lanes<T, 1> a, Lanes<T, 1> b) {
  return or_nan(b, select(a > b || is_nan(a), a, b));
}
template <class T> constexpr Lanes<T, 1> minimum(Lanes<T, 1> a, Lanes<T, 1> b) {
  return or_nan(b, select(a < b || is_nan(a), a, b));
}
/// x, but not below one bound or above the other; NaN stays NaN.
template <class T> constexpr Lanes<T, 1> within(Lanes<T, 1> x, Lanes<T, 1> low, Lanes<T, 1> high) {
  return or_nan(x, select(x < low, low, select(x > high, high, x)));
}
/// The smaller of x and a bound; either of them for NaN.
template <class T> constexpr Lanes<T, 1> at_most(Lanes<T, 1> x, Lanes<T, 1> high) { return select(x > high, high, x); }
/// Rounds down, up, towards 0, to the nearest (ties to even). Integers are unchanged.
template <class T> constexpr Lanes<T, 1> floor(Lanes<T, 1> x) {
  if constexpr (std::is_integral_v<T>) return x;
  else return std::floor(x.v);
}
template <class T> constexpr Lanes<T, 1> ceil(Lanes<T, 1> x) {
  if constexpr (std::is_integral_v<T>) return x;
  else return std::ceil(x.v);
}
template <class T> constexpr Lanes<T, 1> trunc(Lanes<T, 1> x) {
  if constexpr (std::is_integral_v<T>) return x;
  else return std::trunc(x.v);
}
template <class T> constexpr Lanes<T, 1> round(Lanes<T, 1> x) {
  if constexpr (std::is_integral_v<T>) return x;
  else return std::nearbyint(x.v);
}
template <class T> constexpr Lanes<T, 1> remainder(Lanes<T, 1> a, Lanes<T, 1> b) { return remainder_of(a.v, b.v); }
/// Whether any lane is true.
constexpr bool any(Lanes<bool, 1> mask) { return mask.v; }
/// The element as another type.
template <class To, class T> constexpr Lanes<To, 1> convert(Lanes<T, 1> x) {
  return Lanes<To, 1>(converted<To>(x.v));
}

// Building blocks of the elementary functions (elementary/), which are written for single precision.
constexpr Lanes<std::int32_t, 1> bits(Lanes<float, 1> x) { return std::bit_cast<std::int32_t>(x.v); }
constexpr Lanes<float, 1> from_bits(Lanes<std::int32_t, 1> x) { return std::bit_cast<float>(x.v); }
/// |magnitude| with the sign of `sign`; written once for all lane counts.
template <int N>
[[gnu::always_inline]] constexpr Lanes<float, N> copysign(Lanes<float, N> magnitude, Lanes<float, N> sign) {
  using Int = Lanes<std::int32_t, N>;
  return from_bits((bits(magnitude) & Int(0x7fffffff)) | (bits(sign) & Int(std::int32_t(0x80000000))));
}
template <class T> constexpr Lanes<T, 1> lane_by_lane(Lanes<T, 1> x, T (*f)(T)) { return f(x.v); }
/// x · 2^n for an integer n in [−252, 254].
constexpr Lanes<float, 1> scale(Lanes<float, 1> x, Lanes<float, 1> n) {
  const auto whole = std::int32_t(n.v == n.v ? n.v : 0.f), half = whole >> 1;
  return as_rounded(x * Lanes<float, 1>(std::bit_cast<float>((half + 127) << 23))) *
         Lanes<float, 1>(std::bit_cast<float>((whole - half + 127) << 23));
}

template <std::same_as<double> T> constexpr Lanes<T, 1> exp(Lanes<T, 1> x) { return std::exp(x.v); }
template <std::same_as<double> T> constexpr Lanes<T, 1> log(Lanes<T, 1> x) { return std::log(x.v); }
template <std::same_as<double> T> constexpr Lanes<T, 1> tanh(Lanes<T, 1> x) { return std::tanh(x.v); }
template <std::same_as<double> T> constexpr Lanes<T, 1> expm1(Lanes<T, 1> x) { return std::expm1(x.v); }
template <std::same_as<double> T> constexpr Lanes<T, 1> log1p(Lanes<T, 1> x) { return std::log1p(x.v); }
template <std::same_as<double> T> constexpr Lanes<T, 1> sin(Lanes<T, 1> x) { return std::sin(x.v); }
template <std::same_as<double> T> constexpr Lanes<T, 1> cos(Lanes<T, 1> x) { return std::cos(x.v); }
template <std::same_as<double> T> constexpr Lanes<T, 1> tan(Lanes<T, 1> x) { return std::tan(x.v); }
template <std::same_as<double> T> constexpr Lanes<T, 1> atan(Lanes<T, 1> x) { return std::atan(x.v); }
template <std::same_as<double> T> constexpr Lanes<T, 1> erf(Lanes<T, 1> x) { return std::erf(x.v); }
template <class T>
requires(!std::same_as<T, float>) constexpr Lanes<T, 1> pow(Lanes<T, 1> a, Lanes<T, 1> b) { return power_of(a.v, b.v); }

}  // namespace sinter::ops
