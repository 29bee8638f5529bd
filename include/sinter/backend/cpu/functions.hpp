// Functions of whole registers: roots, rounding, bits, and the C library's functions lane by lane.
#pragma once
#include "simd.hpp"

namespace sinter::inline SINTER_ABI::cpu {
/// Whether one element of a register can be broadcast to all lanes without memory (`lane` below).
#if SINTER_SIMD && (defined(__AVX__) || defined(__aarch64__))
inline constexpr bool spreads_lanes = true;
#else
inline constexpr bool spreads_lanes = false;
#endif
}  // namespace sinter::cpu

#if SINTER_SIMD
namespace sinter::inline SINTER_ABI::ops {

template <class T, int N> requires(N > 1) SINTER_INLINE Lanes<T, N> sqrt(Lanes<T, N> x) {
  for (auto& r : x.v) {
#if defined(__aarch64__)  // xsimd 8.1 approximates
    if constexpr (std::is_same_v<T, float>) r = vsqrtq_f32(r);
    else
#endif
      r = xsimd::sqrt(r);
  }
  return x;
}

template <class T, int N> requires(N > 1) SINTER_INLINE Lanes<T, N> abs(Lanes<T, N> x) {
  if constexpr (std::is_integral_v<T>) {
    return select(x < Lanes<T, N>(0), -x, x);
  } else {
    for (auto& r : x.v) r = xsimd::abs(r);
    return x;
  }
}
/// As with one lane.
template <class T, int N>
requires(N > 1 && std::is_floating_point_v<T>) SINTER_INLINE Lanes<T, N> as_rounded(Lanes<T, N> x) {
  for (auto& r : x.v) {
    auto raw = static_cast<typename Lanes<T, N>::Register::register_type>(r);
#if defined(__clang__) && defined(__SSE2__)
    raw = __arithmetic_fence(raw);
#elif defined(__ASSOCIATIVE_MATH__) || defined(__FAST_MATH__)
    SINTER_OPAQUE(raw);
#endif
    r = raw;
  }
  return x;
}
template <class T, int N> requires(N > 1) SINTER_INLINE Lanes<bool, N> is_nan(const Lanes<T, N>& x) {
  if constexpr (!finite_math_only || !std::is_floating_point_v<T>) {
    return x != x;
  } else if constexpr (std::is_same_v<T, float>) {
    return (bits(x) & Lanes<std::int32_t, N>(0x7fffffff)) > Lanes<std::int32_t, N>(0x7f800000);
  } else {
    alignas(64) T room[std::size_t(N)];
    alignas(64) bool is[std::size_t(N)];
    x.store(room);
    for (int i = 0; i < N; ++i) is[i] = is_nan(Lanes<T, 1>(room[i])).v;
    return Lanes<bool, N>::load(is);
  }
}
template <class T, int N> requires(N > 1) SINTER_INLINE Lanes<bool, N> is_finite(const Lanes<T, N>& x) {
  if constexpr (!finite_math_only || !std::is_floating_point_v<T>) {
    return x - x == Lanes<T, N>(0);
  } else if constexpr (std::is_same_v<T, float>) {
    return (bits(x) & Lanes<std::int32_t, N>(0x7fffffff)) < Lanes<std::int32_t, N>(0x7f800000);
  } else {
    alignas(64) T room[std::size_t(N)];
    alignas(64) bool is[std::size_t(N)];
    x.store(room);
    for (int i = 0; i < N; ++i) is[i] = is_finite(Lanes<T, 1>(room[i])).v;
    return Lanes<bool, N>::load(is);
  }
}
/// x86 returns the second of two operands where one is NaN, or both are zeros.
template <class T, int N>
requires(N > 1) SINTER_INLINE Lanes<T, N> maximum(const Lanes<T, N>& a, const Lanes<T, N>& b) {
#if defined(__SSE2__)
  if constexpr (std::is_floating_point_v<T>) {
    Lanes<T, N> r;
    for (int i = 0; i < r.parts; ++i) r.v[i] = xsimd::max(a.v[i], b.v[i]);
    if constexpr (finite_math_only) return or_nan(a, or_nan(b, r));
    else return select(a == a, r, a);
  }
#endif
  return or_nan(b, select(a > b || is_nan(a), a, b));
}
template <class T, int N>
requires(N > 1) SINTER_INLINE Lanes<T, N> minimum(const Lanes<T, N>& a, const Lanes<T, N>& b) {
#if defined(__SSE2__)
  if constexpr (std::is_floating_point_v<T>) {
    Lanes<T, N> r;
    for (int i = 0; i < r.parts; ++i) r.v[i] = xsimd::min(a.v[i], b.v[i]);
    if constexpr (finite_math_only) return or_nan(a, or_nan(b, r));
    else return select(a == a, r, a);
  }
#endif
  return or_nan(b, select(a < b || is_nan(a), a, b));
}
template <class T, int N>
requires(N > 1 && std::is_floating_point_v<T>) SINTER_INLINE Lanes<T, N> within(const Lanes<T, N>& x,
                                                                                const Lanes<T, N>& low,
                                                                                const Lanes<T, N>& high) {
#if defined(__SSE2__)
  Lanes<T, N> r;
  for (int i = 0; i < r.parts; ++i) r.v[i] = xsimd::min(high.v[i], xsimd::max(low.v[i], x.v[i]));
  return or_nan(x, r);
#else
  return or_nan(x, select(x < low, low, select(x > high, high, x)));
#endif
}
template <class T, int N>
requires(N > 1 && std::is_floating_point_v<T>) SINTER_INLINE Lanes<T, N> at_most(const Lanes<T, N>& x,
                                                                                 const Lanes<T, N>& high) {
#if defined(__SSE2__)
  Lanes<T, N> r;
  for (int i = 0; i < r.parts; ++i) r.v[i] = xsimd::min(high.v[i], x.v[i]);
  return r;
#else
  return select(x > high, high, x);
#endif
}
/// Rounding to integers: x by one of xsimd's functions. Where there is no instruction for it the sign of zeros is lost.
template <class T, int N> SINTER_INLINE Lanes<T, N> to_whole(Lanes<T, N> x, auto way) {
  if constexpr (std::is_floating_point_v<T>) {
    for (auto& r : x.v) {
#if XSIMD_WITH_SSE4_1
      r = way(r);
#else
      r = way(r) | xsimd::bitofsign(r);
#endif
    }
  }
  return x;
}
template <class T, int N>
requires(N > 1) SINTER_INLINE Lanes<T, N> floor(const Lanes<T, N>& x) {
  return to_whole(
      x, [](auto r) __attribute__((always_inline)) { return xsimd::floor(r); });
}
template <class T, int N>
requires(N > 1) SINTER_INLINE Lanes<T, N> ceil(const Lanes<T, N>& x) {
  return to_whole(
      x, [](auto r) __attribute__((always_inline)) { return xsimd::ceil(r); });
}
template <class T, int N>
requires(N > 1) SINTER_INLINE Lanes<T, N> trunc(const Lanes<T, N>& x) {
  return to_whole(
      x, [](auto r) __attribute__((always_inline)) { return xsimd::trunc(r); });
}
/// To the nearest: where there is no instruction, adding 2^23 or 2^52 rounds.
template <class T, int N> requires(N > 1) SINTER_INLINE Lanes<T, N> round(const Lanes<T, N>& x) {
#if XSIMD_WITH_SSE2 && !XSIMD_WITH_SSE4_1
  if constexpr (std::is_floating_point_v<T>) {
    const Lanes<T, N> whole(sizeof(T) == 4 ? T(0x1p23) : T(0x1p52)), a = abs(x);
    Lanes<T, N> r = select(a < whole, as_rounded(a + whole) - whole, a);
    for (int i = 0; i < r.parts; ++i) r.v[i] = r.v[i] | xsimd::bitofsign(x.v[i]);
    return r;
  }
#endif
  return to_whole(x, [](auto r) __attribute__((always_inline)) { return xsimd::nearbyint(r); });
}
template <int N> requires(N > 1) SINTER_INLINE bool any(const Lanes<bool, N>& mask) {
  bool found = false;
  for (const auto& r : mask.v) found = found || xsimd::any(r);
  return found;
}

#if !defined(__CUDACC__)
/// A register of 32-bit lanes rotated by From lanes.
template <int From, class T, int N>
requires(N > 1 && sizeof(T) == 4) SINTER_INLINE Lanes<T, N> lanes_from(Lanes<T, N> x) {
  typedef T Vector __attribute__((vector_size(4 * N)));
  using Raw = typename Lanes<T, N>::Register::register_type;
  static_assert(sizeof(Raw) == sizeof(Vector));
  [&]<std::size_t... Index>(std::index_sequence<Index...>) __attribute__((always_inline)) {
    const auto v = std::bit_cast<Vector>(static_cast<Raw>(x.v[0]));
    x.v[0] = std::bit_cast<Raw>(__builtin_shufflevector(v, v, int((Index + From) % N)...));
  }(std::make_index_sequence<std::size_t(N)>{});
  return x;
}
#endif
#if defined(__AVX__) || defined(__aarch64__)
/// Broadcasts element K of a widest register to all lanes.
template <int K, int N> requires(N == cpu::lanes) SINTER_INLINE Lanes<float, N> lane(const Lanes<float, N>& x) {
  Lanes<float, N> r;
#if defined(__AVX512F__)
  constexpr auto all = static_cast<__mmask16>(0xffff);
  // the first serves four elements, the second takes one cycle
  r.v[0] = _mm512_maskz_permute_ps(all, _mm512_maskz_shuffle_f32x4(all, x.v[0], x.v[0], K / 4 * 0x55), K % 4 * 0x55);
#elif defined(__AVX__)
  r.v[0] = _mm256_permute_ps(_mm256_permute2f128_ps(x.v[0], x.v[0], K / 4 * 0x11), K % 4 * 0x55);
#else
  r.v[0] = vdupq_laneq_f32(x.v[0], K);
#endif
  return r;
}
#endif
template <int N> requires(N > 1) SINTER_INLINE Lanes<std::int32_t, N> bits(const Lanes<float, N>& x) {
  Lanes<std::int32_t, N> r;
  for (int i = 0; i < r.parts; ++i) r.v[i] = xsimd::bitwise_cast<typename Lanes<std::int32_t, N>::Register>(x.v[i]);
  return r;
}
template <int N> requires(N > 1) SINTER_INLINE Lanes<float, N> from_bits(const Lanes<std::int32_t, N>& x) {
  Lanes<float, N> r;
  for (int i = 0; i < r.parts; ++i) r.v[i] = xsimd::bitwise_cast<typename Lanes<float, N>::Register>(x.v[i]);
  return r;
}
template <int N>
requires(N > 1) SINTER_INLINE Lanes<float, N> scale(const Lanes<float, N>& x, const Lanes<float, N>& n) {
#if defined(__AVX512F__)
  if constexpr (N == cpu::lanes) {
    Lanes<float, N> r;
    r.v[0] = _mm512_scalef_ps(x.v[0], n.v[0]);
    return r;
  }
#endif
#if defined(__AVX512VL__)
  if constexpr (N == 8) {
    Lanes<float, N> r;
    r.v[0] = _mm256_scalef_ps(x.v[0], n.v[0]);
    return r;
  } else if constexpr (N == 4) {
    Lanes<float, N> r;
    r.v[0] = _mm_scalef_ps(x.v[0], n.v[0]);
    return r;
  }
#endif
  const Lanes<std::int32_t, N> whole = convert<std::int32_t>(n), half = whole >> 1, bias(127);
  return as_rounded(x * from_bits((half + bias) << 23)) * from_bits((whole - half + bias) << 23);
}

/// f of each lane, or of each pair of lanes.
template <class T, int N> requires(N > 1) SINTER_INLINE Lanes<T, N> lane_by_lane(const Lanes<T, N>& x, T (*f)(T)) {
  alignas(64) T room[std::size_t(N)];
  x.store(room);
  for (T& e : room) e = f(e);
  return Lanes<T, N>::load(room);
}
template <class T, int N>
requires(N > 1) SINTER_INLINE Lanes<T, N> lane_by_lane(const Lanes<T, N>& x, const Lanes<T, N>& y, T (*f)(T, T)) {
  alignas(64) T a[std::size_t(N)], b[std::size_t(N)];
  x.store(a);
  y.store(b);
  for (int i = 0; i < N; ++i) a[i] = f(a[i], b[i]);
  return Lanes<T, N>::load(a);
}
template <class T, int N>
requires(N > 1) SINTER_INLINE Lanes<T, N> remainder(const Lanes<T, N>& a, const Lanes<T, N>& b) {
  return lane_by_lane(a, b, &remainder_of<T>);
}
template <class T, int N>
requires(N > 1 && !std::is_same_v<T, float>) SINTER_INLINE Lanes<T, N> pow(const Lanes<T, N>& a, const Lanes<T, N>& b) {
  return lane_by_lane(a, b, &power_of<T>);
}

// Double precision uses the C library lane by lane.
template <int N>
requires(N > 1) SINTER_INLINE Lanes<double, N> exp(const Lanes<double, N>& x) {
  return lane_by_lane(
      x, +[](double v) { return std::exp(v); });
}
template <int N>
requires(N > 1) SINTER_INLINE Lanes<double, N> log(const Lanes<double, N>& x) {
  return lane_by_lane(
      x, +[](double v) { return std::log(v); });
}
template <int N>
requires(N > 1) SINTER_INLINE Lanes<double, N> tanh(const Lanes<double, N>& x) {
  return lane_by_lane(
      x, +[](double v) { return std::tanh(v); });
}
template <int N>
requires(N > 1) SINTER_INLINE Lanes<double, N> expm1(const Lanes<double, N>& x) {
  return lane_by_lane(
      x, +[](double v) { return std::expm1(v); });
}
template <int N>
requires(N > 1) SINTER_INLINE Lanes<double, N> log1p(const Lanes<double, N>& x) {
  return lane_by_lane(
      x, +[](double v) { return std::log1p(v); });
}
template <int N>
requires(N > 1) SINTER_INLINE Lanes<double, N> sin(const Lanes<double, N>& x) {
  return lane_by_lane(
      x, +[](double v) { return std::sin(v); });
}
template <int N>
requires(N > 1) SINTER_INLINE Lanes<double, N> cos(const Lanes<double, N>& x) {
  return lane_by_lane(
      x, +[](double v) { return std::cos(v); });
}
template <int N>
requires(N > 1) SINTER_INLINE Lanes<double, N> tan(const Lanes<double, N>& x) {
  return lane_by_lane(
      x, +[](double v) { return std::tan(v); });
}
template <int N>
requires(N > 1) SINTER_INLINE Lanes<double, N> atan(const Lanes<double, N>& x) {
  return lane_by_lane(
      x, +[](double v) { return std::atan(v); });
}
template <int N>
requires(N > 1) SINTER_INLINE Lanes<double, N> erf(const Lanes<double, N>& x) {
  return lane_by_lane(
      x, +[](double v) { return std::erf(v); });
}

}  // namespace sinter::ops
#endif
