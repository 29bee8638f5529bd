// Lanes<T, N>: N elements in SIMD registers, with the operators of ops/lanes.hpp. The one place that knows xsimd.
//
// N is the number of floats in a register of the target (16, 8, 4), the same for every dtype of a kernel: 16 doubles are
// two registers of AVX-512. Where a register has narrower halves (AVX-512, AVX2), straight-line programs use those for short rows. Supports
// xsimd 8.1 and newer; without xsimd or a known instruction set N is 1 and the compiler's
// own vectoriser does what it can.
#pragma once
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>

#include "../../ops/elementary.hpp"
#include "../../tensor/attributes.hpp"

#if !defined(SINTER_NO_SIMD) && __has_include(<xsimd/xsimd.hpp>)
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpedantic"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif
#include <xsimd/xsimd.hpp>
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif
#if XSIMD_WITH_SSE2 || XSIMD_WITH_NEON || XSIMD_WITH_NEON64
#define SINTER_SIMD 1
#endif
#endif

namespace sinter::cpu {

#if SINTER_SIMD
// The byte-wise select of xsimd 8.1's avx512bw does not compile without optimisation; nothing here works on bytes.
#if XSIMD_WITH_AVX512DQ
using Arch = xsimd::avx512dq;
#else
using Arch = xsimd::default_arch;
#endif
/// Floats in one register: the lanes of every kernel.
inline constexpr int lanes = int(xsimd::batch<float, Arch>::size);
#else
inline constexpr int lanes = 1;
#endif
static_assert(lanes <= 16);

/// Lanes of the narrower registers that the target has, in ascending order.
#if SINTER_SIMD && XSIMD_WITH_AVX512DQ && XSIMD_WITH_FMA3_AVX2 && XSIMD_WITH_SSE4_2 && defined(__AVX512VL__)
inline constexpr std::array<int, 2> narrow_lanes{4, 8};
#elif SINTER_SIMD && !XSIMD_WITH_AVX512F && XSIMD_WITH_FMA3_AVX2 && XSIMD_WITH_SSE4_2
inline constexpr std::array<int, 1> narrow_lanes{4};
#else
inline constexpr std::array<int, 0> narrow_lanes{};
#endif

}  // namespace sinter::cpu

#if SINTER_SIMD
namespace sinter {

namespace cpu {
template <class T> using Register = xsimd::batch<T, Arch>;
template <class T> inline constexpr int register_lanes = int(Register<T>::size);

/// The instruction set for registers of so many bytes.
template <int Bytes> struct ArchOf { using type = Arch; };
#if XSIMD_WITH_SSE4_2
template <> struct ArchOf<16> { using type = std::conditional_t<(narrow_lanes.size() > 0), xsimd::sse4_2, Arch>; };
#endif
#if XSIMD_WITH_FMA3_AVX2
template <> struct ArchOf<32> { using type = std::conditional_t<(narrow_lanes.size() > 0), xsimd::fma3<xsimd::avx2>, Arch>; };
#endif
/// The registers of N lanes: the widest that are full.
template <class T, int N> using RegisterFor = xsimd::batch<T, typename ArchOf<N * int(sizeof(T))>::type>;
/// A mask of N lanes has the form that 32-bit comparisons produce.
using MaskRegister = xsimd::batch_bool<float, Arch>;
template <class Mask> inline constexpr bool is_widest = std::is_same_v<Mask, MaskRegister>;
template <int N> using MaskFor = xsimd::batch_bool<float, typename ArchOf<N * int(sizeof(float))>::type>;

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wignored-attributes"  // registers as template arguments lose their alignment, which they do not need here
#endif
/// A mask of 32-bit lanes as that of another 32-bit type.
template <class To, class From, class In> SINTER_INLINE xsimd::batch_bool<To, In> mask_cast(const xsimd::batch_bool<From, In>& m) {
  using A = typename xsimd::batch_bool<From, In>::register_type;
  using B = typename xsimd::batch_bool<To, In>::register_type;
  static_assert(sizeof(From) == sizeof(To));
  const A mask = m;
  if constexpr (std::is_same_v<A, B>) return xsimd::batch_bool<To, In>(mask);
  else return xsimd::batch_bool<To, In>(std::bit_cast<B>(mask));
}
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif
/// A mask and as many bytes; xsimd 8.1 goes byte by byte.
inline MaskRegister load_mask(const bool* p) {
#if defined(__AVX512F__)
  const __m512i wide = _mm512_cvtepi8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
  return MaskRegister(_mm512_test_epi32_mask(wide, wide));
#elif defined(__AVX2__)
  const __m256i wide = _mm256_cvtepi8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)));
  return MaskRegister(_mm256_castsi256_ps(_mm256_cmpgt_epi32(wide, _mm256_setzero_si256())));
#else
  return MaskRegister::load_unaligned(p);
#endif
}
inline void store_mask(const MaskRegister& m, bool* p) {
#if defined(__AVX512F__)
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm512_cvtepi32_epi8(_mm512_maskz_set1_epi32(static_cast<__mmask16>(m), 1)));
#elif defined(__AVX2__)
  const __m256i ones = _mm256_srli_epi32(_mm256_castps_si256(m), 31);
  const __m128i words = _mm_packs_epi32(_mm256_castsi256_si128(ones), _mm256_extracti128_si256(ones, 1));
  _mm_storel_epi64(reinterpret_cast<__m128i*>(p), _mm_packs_epi16(words, words));
#else
  m.store_unaligned(p);
#endif
}

#if defined(__SSE2__)
/// A store past the caches, to an aligned address.
template <class T, class R> SINTER_INLINE void stream(const R& x, T* p) {
  const typename R::register_type raw = x;
  if constexpr (sizeof(raw) == 16) _mm_stream_si128(reinterpret_cast<__m128i*>(p), std::bit_cast<__m128i>(raw));
#if defined(__AVX__)
  if constexpr (sizeof(raw) == 32) _mm256_stream_si256(reinterpret_cast<__m256i*>(p), std::bit_cast<__m256i>(raw));
#endif
#if defined(__AVX512F__)
  if constexpr (sizeof(raw) == 64) _mm512_stream_si512(reinterpret_cast<__m512i*>(p), std::bit_cast<__m512i>(raw));
#endif
}
#else
template <class T> SINTER_INLINE void stream(const Register<T>& x, T* p) { x.store_unaligned(p); }
#endif
}  // namespace cpu

/// A mask: registers as float comparisons make them.
template <int N> requires(N > 1) struct Lanes<bool, N> {
  using element = bool;
  using Mask = cpu::MaskFor<N>;
  static constexpr int lanes = N, step = int(Mask::size), parts = N / step;
  Mask v[parts];

  SINTER_INLINE Lanes() : Lanes(false) {}
  SINTER_INLINE explicit Lanes(bool x) {
    for (auto& r : v) r = cpu::RegisterFor<float, N>(x ? 1.f : 0.f) != cpu::RegisterFor<float, N>(0.f);  // folds; xsimd's own constructor does not
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

/// N elements of a type that has registers of its own: int32, int64, float, double.
template <class T, int N> requires(N > 1 && sizeof(T) >= 4) struct Lanes<T, N> {
  using element = T;
  using Register = cpu::RegisterFor<T, N>;
  static constexpr int lanes = N, step = int(Register::size), parts = N / step;
  Register v[parts];

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
      alignas(64) T p[N], q[N];
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
  SINTER_INLINE friend Lanes<bool, N> operator<(const Lanes& a, const Lanes& b) { return compare(a, b, [](auto x, auto y) __attribute__((always_inline)) { return x < y; }); }
  SINTER_INLINE friend Lanes<bool, N> operator>(const Lanes& a, const Lanes& b) { return compare(a, b, [](auto x, auto y) __attribute__((always_inline)) { return x > y; }); }
  SINTER_INLINE friend Lanes<bool, N> operator<=(const Lanes& a, const Lanes& b) { return compare(a, b, [](auto x, auto y) __attribute__((always_inline)) { return x <= y; }); }
  SINTER_INLINE friend Lanes<bool, N> operator>=(const Lanes& a, const Lanes& b) { return compare(a, b, [](auto x, auto y) __attribute__((always_inline)) { return x >= y; }); }
  SINTER_INLINE friend Lanes<bool, N> operator==(const Lanes& a, const Lanes& b) { return compare(a, b, [](auto x, auto y) __attribute__((always_inline)) { return x == y; }); }
  SINTER_INLINE friend Lanes<bool, N> operator!=(const Lanes& a, const Lanes& b) { return !(a == b); }  // NaN differs from itself, which xsimd 8.1's own denies

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
    if constexpr (sizeof(T) == 4) {
      Lanes<bool, N> m;
      for (int i = 0; i < parts; ++i) {
        if constexpr (std::is_same_v<T, float>) m.v[i] = f(a.v[i], b.v[i]);
        else m.v[i] = cpu::mask_cast<float>(f(a.v[i], b.v[i]));
      }
      return m;
    } else {  // masks of 64-bit lanes are twice as wide: through memory
      alignas(64) bool bytes[N];
      for (int i = 0; i < parts; ++i) f(a.v[i], b.v[i]).store_unaligned(bytes + i * step);
      return Lanes<bool, N>::load(bytes);
    }
  }
};

/// Types that registers do not compute with: 8-bit integers are int32 in registers, 16-bit floats float, always of a value that the type has.
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
    alignas(64) T x[N];
    narrow(w, x);
    *this = load(x);
  }
  SINTER_INLINE static Lanes load(const T* p) {
    alignas(64) Wide x[N];
    for (int i = 0; i < N; ++i) x[i] = static_cast<Wide>(p[i]);
    Lanes r;
    r.wide = Lanes<Wide, N>::load(x);
    return r;
  }
  SINTER_INLINE void store(T* p) const { narrow(wide, p); }
  SINTER_INLINE T first() const { return static_cast<T>(wide.first()); }

 private:
  SINTER_INLINE static void narrow(const Lanes<Wide, N>& w, T* p) {
    alignas(64) Wide x[N];
    w.store(x);
    for (int i = 0; i < N; ++i) p[i] = static_cast<T>(x[i]);
  }
};

template <class T, int N> requires(N > 1) SINTER_INLINE Lanes<T, N> select(const Lanes<bool, N>& mask, const Lanes<T, N>& a, const Lanes<T, N>& b) {
  if constexpr (sizeof(T) == 4) {
    Lanes<T, N> r;
    for (int i = 0; i < Lanes<T, N>::parts; ++i) {
      if constexpr (std::is_same_v<T, float>) r.v[i] = xsimd::select(mask.v[i], a.v[i], b.v[i]);
      else r.v[i] = xsimd::select(cpu::mask_cast<T>(mask.v[i]), a.v[i], b.v[i]);
    }
    return r;
  } else if constexpr (sizeof(T) == 8) {
    alignas(64) bool bytes[N];
    mask.store(bytes);
    Lanes<T, N> r;
    constexpr int step = Lanes<T, N>::step;
    for (int i = 0; i < Lanes<T, N>::parts; ++i) r.v[i] = xsimd::select(Lanes<T, N>::Register::batch_bool_type::load_unaligned(bytes + i * step), a.v[i], b.v[i]);
    return r;
  } else if constexpr (std::is_same_v<T, bool>) {
    return (mask && a) || (!mask && b);
  } else {
    Lanes<T, N> r;
    r.wide = select(mask, a.wide, b.wide);
    return r;
  }
}

template <class T, int N> requires(N > 1) SINTER_INLINE Lanes<T, N> fma(const Lanes<T, N>& a, const Lanes<T, N>& b, const Lanes<T, N>& c) {
  Lanes<T, N> r;
  for (int i = 0; i < Lanes<T, N>::parts; ++i) {
#if defined(__AVX512F__)  // xsimd 8.1 multiplies and adds here, and leaves the rest to the compiler's mood
    constexpr bool widest = std::is_same_v<typename Lanes<T, N>::Register, cpu::Register<T>>;
    if constexpr (widest && std::is_same_v<T, float>) r.v[i] = _mm512_fmadd_ps(a.v[i], b.v[i], c.v[i]);
    else if constexpr (widest && std::is_same_v<T, double>) r.v[i] = _mm512_fmadd_pd(a.v[i], b.v[i], c.v[i]);
    else
#endif
#if defined(__FMA__)
    if constexpr (std::is_same_v<typename Lanes<T, N>::Register, xsimd::batch<float, xsimd::sse4_2>>) r.v[i] = _mm_fmadd_ps(a.v[i], b.v[i], c.v[i]);
    else
#endif
      r.v[i] = xsimd::fma(a.v[i], b.v[i], c.v[i]);
  }
  return r;
}
#if XSIMD_WITH_SSE2
/// The sum of a register's elements: halves onto each other.
SINTER_INLINE float sum_of(__m128 x) {
  x = _mm_add_ps(x, _mm_movehl_ps(x, x));
  return _mm_cvtss_f32(_mm_add_ss(x, _mm_shuffle_ps(x, x, 1)));
}
#if defined(__AVX__)
SINTER_INLINE float sum_of(__m256 x) { return sum_of(_mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1))); }
#endif
#if defined(__AVX512F__)
SINTER_INLINE float sum_of(__m512 x) { return sum_of(_mm256_add_ps(_mm512_castps512_ps256(x), _mm256_castpd_ps(_mm512_extractf64x4_pd(_mm512_castps_pd(x), 1)))); }
#endif
#endif
/// The sum of all lanes, always in the same order.
template <class T, int N> requires(N > 1) SINTER_INLINE T total(const Lanes<T, N>& x) {
#if XSIMD_WITH_SSE2
  if constexpr (std::is_same_v<T, float> && Lanes<T, N>::parts == 1) return sum_of(x.v[0]);
#endif
  alignas(64) T room[N];
  x.store(room);
  for (int width = N / 2; width > 0; width /= 2)
    for (int i = 0; i < width; ++i) room[i] = T(room[i] + room[i + width]);
  return room[0];
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
  } else if constexpr (sizeof(To) == 4 && sizeof(T) == 4) {
    Lanes<To, N> r;
    for (int i = 0; i < Lanes<T, N>::parts; ++i) {
      if constexpr (std::is_same_v<To, float>) r.v[i] = xsimd::to_float(x.v[i]);
      else r.v[i] = xsimd::to_int(x.v[i]);
    }
    return r;
  } else {  // between widths: through memory, where the compiler finds the conversion instructions
    alignas(64) T from[N];
    alignas(64) To to[N];
    x.store(from);
    for (int i = 0; i < N; ++i) to[i] = static_cast<To>(from[i]);
    return Lanes<To, N>::load(to);
  }
}

}  // namespace sinter
#endif
