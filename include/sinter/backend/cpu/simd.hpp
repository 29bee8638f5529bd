// Lanes<T, N>: N elements in SIMD registers, with the operators of ops/lanes.hpp.
//
// N is the number of floats in a register of the target (16, 8, 4), the same for every dtype: 16 doubles are two
// registers of AVX-512. Where a register has narrower halves, straight-line programs use those for short rows.
#pragma once
#include "../../ops/elementary.hpp"
#include "../../tensor/array.hpp"
#include "registers.hpp"

namespace sinter::inline SINTER_ABI::cpu { using ops::Lanes; }

#if SINTER_SIMD
namespace sinter::inline SINTER_ABI::ops {
using internals::PlainArray;

/// A mask: registers in the form of float comparisons.
template <int N> requires(N > 1) struct Lanes<bool, N> {
  using element = bool;
  using Mask = cpu::MaskFor<N>;
  using Element = cpu::MaskElement<N>;
  static constexpr int lanes = N, step = int(Mask::size), parts = N / step;
  static_assert(parts * step == N);
  PlainArray<Mask, parts> v;

  SINTER_INLINE Lanes() : Lanes(false) {}
  SINTER_INLINE explicit Lanes(bool x) {
    // folds; xsimd's own constructor does not
    using Register = cpu::RegisterFor<Element, N>;
    for (auto& r : v) r = Register(Element(x ? 1 : 0)) != Register(Element(0));
  }

  SINTER_INLINE static Lanes load(const bool* p) {
    Lanes r;
    for (int i = 0; i < parts; ++i) {
      if constexpr (cpu::is_widest<Mask>) r.v[i] = cpu::load_mask(p + i * step);
      else r.v[i] = Mask::load_unaligned(p + i * step);
    }
    return r;
  }
  SINTER_INLINE void store(bool* p) const {
    for (int i = 0; i < parts; ++i) {
      if constexpr (cpu::is_widest<Mask>) cpu::store_mask(v[i], p + i * step);
      else v[i].store_unaligned(p + i * step);
    }
  }
  SINTER_INLINE bool first() const { return v[0].get(0); }

  SINTER_INLINE friend Lanes operator&&(Lanes a, const Lanes& b) {
    for (int i = 0; i < parts; ++i) a.v[i] = a.v[i] & b.v[i];
    return a;
  }
  SINTER_INLINE friend Lanes operator||(Lanes a, const Lanes& b) {
    for (int i = 0; i < parts; ++i) a.v[i] = a.v[i] | b.v[i];
    return a;
  }
  SINTER_INLINE friend Lanes operator!(Lanes a) {
    for (int i = 0; i < parts; ++i) a.v[i] = ~a.v[i];
    return a;
  }
  SINTER_INLINE friend Lanes operator==(Lanes a, const Lanes& b) {
    for (int i = 0; i < parts; ++i) a.v[i] = ~(a.v[i] ^ b.v[i]);
    return a;
  }
};

/// N elements of a type that has registers of its own: integers of 32 and 64 bits, float, double.
template <class T, int N> requires(N > 1 && sizeof(T) >= 4) struct Lanes<T, N> {
  using element = T;
  using Register = cpu::RegisterFor<T, N>;
  static constexpr int lanes = N, step = int(Register::size), parts = N / step;
  static_assert(parts * step == N);
  PlainArray<Register, parts> v;

  Lanes() = default;
  template <class U> requires std::is_arithmetic_v<U> SINTER_INLINE Lanes(U x) {
    for (auto& r : v) r = Register(element_from<T>(x));
  }

  SINTER_INLINE static Lanes load(const T* p) {
    Lanes r;
    for (int i = 0; i < parts; ++i) r.v[i] = Register::load_unaligned(p + i * step);
    return r;
  }
  SINTER_INLINE void store(T* p) const {
    for (int i = 0; i < parts; ++i) v[i].store_unaligned(p + i * step);
  }
  SINTER_INLINE void stream(T* p) const {
    for (int i = 0; i < parts; ++i) cpu::stream<T>(v[i], p + i * step);
  }
  SINTER_INLINE T first() const { return v[0].get(0); }

  SINTER_INLINE friend Lanes operator+(Lanes a, const Lanes& b) {
    for (int i = 0; i < parts; ++i) a.v[i] = a.v[i] + b.v[i];
    return a;
  }
  SINTER_INLINE friend Lanes operator-(Lanes a, const Lanes& b) {
    for (int i = 0; i < parts; ++i) a.v[i] = a.v[i] - b.v[i];
    return a;
  }
  SINTER_INLINE friend Lanes operator*(Lanes a, const Lanes& b) {
    for (int i = 0; i < parts; ++i) a.v[i] = a.v[i] * b.v[i];
    return a;
  }
  SINTER_INLINE friend Lanes operator/(Lanes a, const Lanes& b) {
    if constexpr (std::is_integral_v<T>) {  // no instruction set divides integers
      alignas(64) PlainArray<T, N> p, q;
      a.store(p);
      b.store(q);
      for (int i = 0; i < N; ++i) p[i] = quotient(p[i], q[i]);
      return load(p);
    } else {
      for (int i = 0; i < parts; ++i) {
#if defined(__aarch64__)  // xsimd 8.1 approximates
        if constexpr (std::is_same_v<T, float>) a.v[i] = vdivq_f32(a.v[i], b.v[i]);
        else
#endif
          a.v[i] = a.v[i] / b.v[i];
      }
      return a;
    }
  }
  SINTER_INLINE friend Lanes operator-(Lanes a) {
    for (int i = 0; i < parts; ++i) a.v[i] = -a.v[i];
    return a;
  }
  SINTER_INLINE friend Lanes<bool, N> operator<(const Lanes& a, const Lanes& b) {
    return compare(
        a, b, [](auto x, auto y) __attribute__((always_inline)) { return x < y; });
  }
  SINTER_INLINE friend Lanes<bool, N> operator>(const Lanes& a, const Lanes& b) {
    return compare(
        a, b, [](auto x, auto y) __attribute__((always_inline)) { return x > y; });
  }
  SINTER_INLINE friend Lanes<bool, N> operator<=(const Lanes& a, const Lanes& b) {
    return compare(
        a, b, [](auto x, auto y) __attribute__((always_inline)) { return x <= y; });
  }
  SINTER_INLINE friend Lanes<bool, N> operator>=(const Lanes& a, const Lanes& b) {
    return compare(
        a, b, [](auto x, auto y) __attribute__((always_inline)) { return x >= y; });
  }
  SINTER_INLINE friend Lanes<bool, N> operator==(const Lanes& a, const Lanes& b) {
    return compare(
        a, b, [](auto x, auto y) __attribute__((always_inline)) { return x == y; });
  }
  // NaN differs from itself, which xsimd 8.1's own operator denies
  SINTER_INLINE friend Lanes<bool, N> operator!=(const Lanes& a, const Lanes& b) { return !(a == b); }

  SINTER_INLINE friend Lanes operator&(Lanes a, const Lanes& b) requires std::is_integral_v<T> {
    for (int i = 0; i < parts; ++i) a.v[i] = a.v[i] & b.v[i];
    return a;
  }
  SINTER_INLINE friend Lanes operator|(Lanes a, const Lanes& b) requires std::is_integral_v<T> {
    for (int i = 0; i < parts; ++i) a.v[i] = a.v[i] | b.v[i];
    return a;
  }
  SINTER_INLINE friend Lanes operator^(Lanes a, const Lanes& b) requires std::is_integral_v<T> {
    for (int i = 0; i < parts; ++i) a.v[i] = a.v[i] ^ b.v[i];
    return a;
  }
  SINTER_INLINE friend Lanes operator<<(Lanes a, int n) requires std::is_integral_v<T> {
    for (auto& r : a.v) r = r << n;
    return a;
  }
  SINTER_INLINE friend Lanes operator>>(Lanes a, int n) requires std::is_integral_v<T> {
    for (auto& r : a.v) r = r >> n;
    return a;
  }

 private:
  SINTER_INLINE static Lanes<bool, N> compare(const Lanes& a, const Lanes& b, auto f) {
    using Element = cpu::MaskElement<N>;
    if constexpr (sizeof(T) == sizeof(Element)) {
      Lanes<bool, N> m;
      for (int i = 0; i < parts; ++i) {
        if constexpr (std::is_same_v<T, Element>) m.v[i] = f(a.v[i], b.v[i]);
        else m.v[i] = cpu::mask_cast<Element>(f(a.v[i], b.v[i]));
      }
      return m;
    } else {  // masks of 64-bit lanes are twice as wide: through memory
      alignas(64) PlainArray<bool, N> bytes;
      for (int i = 0; i < parts; ++i) f(a.v[i], b.v[i]).store_unaligned(bytes + i * step);
      return Lanes<bool, N>::load(bytes);
    }
  }
};

/// Types that registers do not compute with: integers of 8 and 16 bits are int32 in registers, 16-bit floats are float,
/// always of a value that the type has.
template <class T> inline constexpr bool is_narrow = sizeof(T) < 4 && !std::is_same_v<T, bool>;
template <class T, int N> requires(N > 1 && is_narrow<T>) struct Lanes<T, N> {
  using element = T;
  using Wide = element_type<computed_as(dtype_of<T>)>;
  static constexpr int lanes = N;
  Lanes<Wide, N> wide;

  Lanes() = default;
  SINTER_INLINE Lanes(T x) : wide(static_cast<Wide>(x)) {}
  template <class U> requires std::is_arithmetic_v<U> SINTER_INLINE Lanes(U x) : Lanes(static_cast<T>(x)) {}
  /// Rounds, or wraps around, as a store would.
  SINTER_INLINE explicit Lanes(const Lanes<Wide, N>& w) {
    alignas(64) PlainArray<T, N> x;
    narrow(w, x);
    *this = load(x);
  }
  SINTER_INLINE static Lanes load(const T* p) {
    Lanes r;
#if defined(__AVX2__)
    if constexpr (cpu::widens<T, N>) {
#if defined(__AVX512F__)
      if constexpr (N == 16) r.wide.v[0] = cpu::load_16_widened(p);
      else
#endif
        r.wide.v[0] = cpu::load_8_widened(p);
      return r;
    }
#endif
    alignas(64) PlainArray<Wide, N> x;
    for (int i = 0; i < N; ++i) x[i] = static_cast<Wide>(p[i]);
    r.wide = Lanes<Wide, N>::load(x);
    return r;
  }
  SINTER_INLINE void store(T* p) const { narrow(wide, p); }
  SINTER_INLINE T first() const { return static_cast<T>(wide.first()); }

 private:
  SINTER_INLINE static void narrow(const Lanes<Wide, N>& w, T* p) {
#if defined(__AVX2__)
    if constexpr (cpu::narrows<T, N>) {
      const typename Lanes<Wide, N>::Register::register_type x = w.v[0];
#if defined(__AVX512F__)
      if constexpr (N == 16) return cpu::store_16_narrowed(x, p);
      else
#endif
        return cpu::store_8_narrowed(x, p);
    }
#endif
    alignas(64) PlainArray<Wide, N> x;
    w.store(x);
    for (int i = 0; i < N; ++i) p[i] = static_cast<T>(x[i]);
  }
};

template <class T, int N>
requires(N > 1) SINTER_INLINE Lanes<T, N> select(const Lanes<bool, N>& mask, const Lanes<T, N>& a,
                                                 const Lanes<T, N>& b) {
  using Element = cpu::MaskElement<N>;
  if constexpr (sizeof(T) == sizeof(Element)) {
    Lanes<T, N> r;
    for (int i = 0; i < Lanes<T, N>::parts; ++i) {
      if constexpr (std::is_same_v<T, Element>) r.v[i] = xsimd::select(mask.v[i], a.v[i], b.v[i]);
      else r.v[i] = xsimd::select(cpu::mask_cast<T>(mask.v[i]), a.v[i], b.v[i]);
    }
    return r;
  } else if constexpr (sizeof(T) == 8) {
    alignas(64) PlainArray<bool, N> bytes;
    mask.store(bytes);
    Lanes<T, N> r;
    constexpr int step = Lanes<T, N>::step;
    for (int i = 0; i < Lanes<T, N>::parts; ++i)
      r.v[i] = xsimd::select(Lanes<T, N>::Register::batch_bool_type::load_unaligned(bytes + i * step), a.v[i], b.v[i]);
    return r;
  } else if constexpr (std::is_same_v<T, bool>) {
    return (mask && a) || (!mask && b);
  } else {
    Lanes<T, N> r;
    r.wide = select(mask, a.wide, b.wide);
    return r;
  }
}

template <class T, int N>
requires(N > 1) SINTER_INLINE Lanes<T, N> fma(const Lanes<T, N>& a, const Lanes<T, N>& b, const Lanes<T, N>& c) {
  Lanes<T, N> r;
  for (int i = 0; i < Lanes<T, N>::parts; ++i) {
#if defined(__AVX512F__)  // xsimd 8.1 multiplies and adds here, and leaves fusing to the compiler
    constexpr bool widest = std::is_same_v<typename Lanes<T, N>::Register, cpu::Register<T>>;
    if constexpr (widest && std::is_same_v<T, float>) r.v[i] = _mm512_fmadd_ps(a.v[i], b.v[i], c.v[i]);
    else if constexpr (widest && std::is_same_v<T, double>) r.v[i] = _mm512_fmadd_pd(a.v[i], b.v[i], c.v[i]);
    else
#endif
#if defined(__FMA__)
        if constexpr (std::is_same_v<typename Lanes<T, N>::Register, xsimd::batch<float, xsimd::sse4_2>>)
      r.v[i] = _mm_fmadd_ps(a.v[i], b.v[i], c.v[i]);
    else
#endif
      r.v[i] = xsimd::fma(a.v[i], b.v[i], c.v[i]);
  }
  return r;
}
#if XSIMD_WITH_SSE2
/// The sum of a register's elements, and of one more number if there is one: quarters are added to each other with the
/// fewest dependent additions. The number is added while the other quarters are in flight.
SINTER_INLINE __m128 onto(__m128 x) { return x; }
SINTER_INLINE __m128 onto(__m128 x, float y) { return _mm_add_ps(x, _mm_set_ss(y)); }
template <std::same_as<float>... One> SINTER_INLINE float sum_of(__m128 x, One... begin) {
  x = onto(x, begin...);
  x = _mm_add_ps(x, _mm_movehl_ps(x, x));
  return _mm_cvtss_f32(_mm_add_ss(x, _mm_shuffle_ps(x, x, 1)));
}
#if defined(__AVX__)
template <std::same_as<float>... One> SINTER_INLINE float sum_of(__m256 x, One... begin) {
  return sum_of(_mm_add_ps(onto(_mm256_castps256_ps128(x), begin...), _mm256_extractf128_ps(x, 1)));
}
#endif
#if defined(__AVX512F__)
template <std::same_as<float>... One> SINTER_INLINE float sum_of(__m512 x, One... begin) {
  const __m128 low =
      _mm_add_ps(onto(_mm512_castps512_ps128(x), begin...), _mm256_extractf128_ps(_mm512_castps512_ps256(x), 1));
  constexpr auto all = static_cast<__mmask8>(0xff);  // the masked forms leave nothing undefined to warn of
  return sum_of(
      _mm_add_ps(low, _mm_add_ps(_mm512_maskz_extractf32x4_ps(all, x, 2), _mm512_maskz_extractf32x4_ps(all, x, 3))));
}
#endif
#endif
/// The sum of all lanes, and of one more number if there is one, always in the same order.
template <class T, int N, std::same_as<T>... One>
requires(N > 1 && sizeof...(One) <= 1) SINTER_INLINE T total(const Lanes<T, N>& x, One... begin) {
#if XSIMD_WITH_SSE2
  if constexpr (std::is_same_v<T, float> && Lanes<T, N>::parts == 1) return sum_of(x.v[0], begin...);
#endif
  alignas(64) PlainArray<T, N> room;
  x.store(room);
  for (int width = N / 2; width > 0; width /= 2)
    for (int i = 0; i < width; ++i) room[i] = T(room[i] + room[i + width]);
  return T((room[0] + ... + begin));
}
/// The sums of N registers, one per lane: pairs are interleaved as they are added, and no register is folded alone.
template <class T, int N, std::size_t M> requires(N > 1 && M == std::size_t(N))
SINTER_INLINE Lanes<T, N> totals(const Lanes<T, N> (&x)[M]) {
#if defined(__AVX512F__)
  if constexpr (std::is_same_v<T, float> && N == 16) {
    __m512 pair[8], four[4], eight[2];
    for (int i = 0; i < 8; ++i)
      pair[i] = _mm512_add_ps(_mm512_unpacklo_ps(x[2 * i].v[0], x[2 * i + 1].v[0]),
                              _mm512_unpackhi_ps(x[2 * i].v[0], x[2 * i + 1].v[0]));
    for (int i = 0; i < 4; ++i) {
      const __m512d a = _mm512_castps_pd(pair[2 * i]), b = _mm512_castps_pd(pair[2 * i + 1]);
      four[i] = _mm512_add_ps(_mm512_castpd_ps(_mm512_unpacklo_pd(a, b)), _mm512_castpd_ps(_mm512_unpackhi_pd(a, b)));
    }
    for (int i = 0; i < 2; ++i)
      eight[i] = _mm512_add_ps(_mm512_shuffle_f32x4(four[2 * i], four[2 * i + 1], 0x88),
                               _mm512_shuffle_f32x4(four[2 * i], four[2 * i + 1], 0xdd));
    Lanes<T, N> r;
    r.v[0] =
        _mm512_add_ps(_mm512_shuffle_f32x4(eight[0], eight[1], 0x88), _mm512_shuffle_f32x4(eight[0], eight[1], 0xdd));
    return r;
  }
#elif defined(__AVX__)
  if constexpr (std::is_same_v<T, float> && N == 8) {
    __m256 four[2];
    for (int i = 0; i < 2; ++i)
      four[i] = _mm256_hadd_ps(_mm256_hadd_ps(x[4 * i].v[0], x[4 * i + 1].v[0]),
                               _mm256_hadd_ps(x[4 * i + 2].v[0], x[4 * i + 3].v[0]));
    Lanes<T, N> r;
    r.v[0] =
        _mm256_add_ps(_mm256_permute2f128_ps(four[0], four[1], 0x20), _mm256_permute2f128_ps(four[0], four[1], 0x31));
    return r;
  }
#endif
  alignas(64) PlainArray<T, N> room;
  for (int i = 0; i < N; ++i) room[i] = total(x[i]);
  return Lanes<T, N>::load(room);
}
/// The elements as another type.
template <class To, class T, int N> requires(N > 1) SINTER_INLINE Lanes<To, N> convert(const Lanes<T, N>& x) {
  if constexpr (std::is_same_v<To, T>) {
    return x;
  } else if constexpr (std::is_same_v<T, bool>) {
    return select(x, Lanes<To, N>(1), Lanes<To, N>(0));
  } else if constexpr (std::is_same_v<To, bool>) {
    if constexpr (is_narrow<T>) return x.wide != decltype(x.wide)(0);
    else return x != Lanes<T, N>(0);
  } else if constexpr (is_narrow<T>) {
    return convert<To>(x.wide);
  } else if constexpr (is_narrow<To>) {
    return Lanes<To, N>(convert<typename Lanes<To, N>::Wide>(x));
  } else if constexpr (std::is_integral_v<To> && std::is_integral_v<T> && sizeof(To) == sizeof(T)) {  // the same bits
    Lanes<To, N> r;
    for (int i = 0; i < Lanes<T, N>::parts; ++i)
      r.v[i] = xsimd::bitwise_cast<typename Lanes<To, N>::Register>(x.v[i]);
    return r;
  } else if constexpr (sizeof(To) == 4 && sizeof(T) == 4 && std::is_signed_v<To> && std::is_signed_v<T>) {
    Lanes<To, N> r;
    for (int i = 0; i < Lanes<T, N>::parts; ++i) {
      if constexpr (std::is_same_v<To, float>) r.v[i] = xsimd::to_float(x.v[i]);
      else r.v[i] = xsimd::to_int(x.v[i]);
    }
    return r;
  } else {  // between widths: through memory, where the compiler finds the conversion instructions
    alignas(64) PlainArray<T, N> from;
    alignas(64) PlainArray<To, N> to;
    x.store(from);
    for (int i = 0; i < N; ++i) to[i] = converted<To>(from[i]);
    return Lanes<To, N>::load(to);
  }
}

}  // namespace sinter::ops
#endif
