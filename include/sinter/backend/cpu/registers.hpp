// The registers of the target: which instruction set, how wide, and how masks and streaming stores access memory.
// Supports xsimd 8.1 and newer; without xsimd or a known instruction set there is one lane, and the compiler's own
// vectoriser does what it can.
#pragma once
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>

#include "../../tensor/attributes.hpp"
#include "../../tensor/dtype.hpp"

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

namespace sinter::inline SINTER_ABI::internals::compile {}

namespace sinter::inline SINTER_ABI::cpu {

namespace compile = internals::compile;

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

/// Lane counts of the narrower registers that the target has, in ascending order.
#if SINTER_SIMD && XSIMD_WITH_AVX512DQ && XSIMD_WITH_FMA3_AVX2 && XSIMD_WITH_SSE4_2 && defined(__AVX512VL__)
inline constexpr std::array<int, 2> narrow_lanes{4, 8};
#elif SINTER_SIMD && !XSIMD_WITH_AVX512F && XSIMD_WITH_FMA3_AVX2 && XSIMD_WITH_SSE4_2
inline constexpr std::array<int, 1> narrow_lanes{4};
#else
inline constexpr std::array<int, 0> narrow_lanes{};
#endif

}  // namespace sinter::cpu

#if SINTER_SIMD
namespace sinter::inline SINTER_ABI {

namespace cpu {
template <class T> using Register = xsimd::batch<T, Arch>;
template <class T> inline constexpr int register_lanes = int(Register<T>::size);

/// The instruction set for registers of this many bytes.
template <int Bytes> struct ArchOf { using type = Arch; };
#if XSIMD_WITH_SSE4_2
template <> struct ArchOf<16> { using type = std::conditional_t<(narrow_lanes.size() > 0), xsimd::sse4_2, Arch>; };
#endif
#if XSIMD_WITH_FMA3_AVX2
template <> struct ArchOf<32> {
  using type = std::conditional_t<(narrow_lanes.size() > 0), xsimd::fma3<xsimd::avx2>, Arch>;
};
#endif
/// The registers of N lanes: the widest that are full.
template <class T, int N> using RegisterFor = xsimd::batch<T, typename ArchOf<N * int(sizeof(T))>::type>;
/// Whether the target has registers of N elements, one or several.
template <class T, int N> inline constexpr bool has_lanes = N % int(RegisterFor<T, N>::size) == 0;
/// A mask of N lanes has the form that 32-bit comparisons produce; where N floats do not fill a register and N doubles
/// do, as on SSE2 and NEON, that of 64-bit comparisons.
using MaskRegister = xsimd::batch_bool<float, Arch>;
template <class Mask> inline constexpr bool is_widest = std::is_same_v<Mask, MaskRegister>;
template <int N> using MaskElement = std::conditional_t<has_lanes<float, N>, float, double>;
template <int N> using MaskFor = typename RegisterFor<MaskElement<N>, N>::batch_bool_type;

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
// Registers as template arguments lose their alignment, which they do not need here.
#pragma GCC diagnostic ignored "-Wignored-attributes"
#endif
/// A mask of 32-bit lanes as that of another 32-bit type.
template <class To, class From, class In>
SINTER_INLINE xsimd::batch_bool<To, In> mask_cast(const xsimd::batch_bool<From, In>& m) {
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
/// A mask from as many bytes; xsimd 8.1 goes byte by byte.
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
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p),
                   _mm512_cvtepi32_epi8(_mm512_maskz_set1_epi32(static_cast<__mmask16>(m), 1)));
#elif defined(__AVX2__)
  const __m256i ones = _mm256_srli_epi32(_mm256_castps_si256(m), 31);
  const __m128i words = _mm_packs_epi32(_mm256_castsi256_si128(ones), _mm256_extracti128_si256(ones, 1));
  _mm_storel_epi64(reinterpret_cast<__m128i*>(p), _mm_packs_epi16(words, words));
#else
  m.store_unaligned(p);
#endif
}

// A register of N int32 or float from as many narrow integers or 16-bit floats, and back, rounded or wrapped around:
// compilers do not vectorise a loop like this at -O2. The masked forms leave nothing undefined to warn of.
#if defined(__AVX2__)
template <class T, int N> inline constexpr bool is_converted =
    sizeof(T) < 4 && !std::is_same_v<T, bool> && N <= lanes && (N == lanes || narrow_lanes.size() > 0);
#if defined(__F16C__)
inline constexpr bool converts_float16 = true;
#else
inline constexpr bool converts_float16 = false;
#endif
template <class T, int N> inline constexpr bool widens =
    is_converted<T, N> && (N == 16 || (N == 8 && (!std::is_same_v<T, float16> || converts_float16)));
template <class T, int N> inline constexpr bool narrows =
    is_converted<T, N> && (N == 16 || (N == 8 && is_half(dtype_of<T>) && widens<T, N>));

template <class T> SINTER_INLINE auto load_8_widened(const T* p) {
  const auto bytes = [&] { return _mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)); };
  const auto pairs = [&] { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p)); };
  if constexpr (std::is_same_v<T, bfloat16>)
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(pairs()), 16));
#if defined(__F16C__)
  else if constexpr (std::is_same_v<T, float16>) return _mm256_cvtph_ps(pairs());
#endif
  else if constexpr (sizeof(T) == 1)
    return std::is_signed_v<T> ? _mm256_cvtepi8_epi32(bytes()) : _mm256_cvtepu8_epi32(bytes());
  else return std::is_signed_v<T> ? _mm256_cvtepi16_epi32(pairs()) : _mm256_cvtepu16_epi32(pairs());
}
#if defined(__F16C__)
SINTER_INLINE void store_8_narrowed(__m256 x, float16* p) {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm256_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}
#endif
SINTER_INLINE void store_8_narrowed(__m256 x, bfloat16* p) {  // as bfloat16(float)
  const __m256i b = _mm256_castps_si256(x), high = _mm256_srli_epi32(b, 16);
  const __m256i half = _mm256_add_epi32(_mm256_set1_epi32(0x7fff), _mm256_and_si256(high, _mm256_set1_epi32(1)));
  const __m256i rounded = _mm256_srli_epi32(_mm256_add_epi32(b, half), 16);
  const __m256i nan = _mm256_cmpgt_epi32(_mm256_and_si256(b, _mm256_set1_epi32(0x7fffffff)),
                                         _mm256_set1_epi32(0x7f800000));
  const __m256i all = _mm256_blendv_epi8(rounded, _mm256_or_si256(high, _mm256_set1_epi32(0x40)), nan);
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p),
                   _mm_packus_epi32(_mm256_castsi256_si128(all), _mm256_extracti128_si256(all, 1)));
}
#endif
#if defined(__AVX512F__)
template <class T> SINTER_INLINE auto load_16_widened(const T* p) {
  const auto all = static_cast<__mmask16>(0xffff);
  const auto bytes = [&] { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p)); };
  const auto pairs = [&] { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)); };
  if constexpr (std::is_same_v<T, float16>) return _mm512_maskz_cvtph_ps(all, pairs());
  else if constexpr (std::is_same_v<T, bfloat16>)
    return _mm512_castsi512_ps(_mm512_maskz_slli_epi32(all, _mm512_maskz_cvtepu16_epi32(all, pairs()), 16));
  else if constexpr (sizeof(T) == 1)
    return std::is_signed_v<T> ? _mm512_maskz_cvtepi8_epi32(all, bytes()) : _mm512_maskz_cvtepu8_epi32(all, bytes());
  else
    return std::is_signed_v<T> ? _mm512_maskz_cvtepi16_epi32(all, pairs()) : _mm512_maskz_cvtepu16_epi32(all, pairs());
}
template <class T, class R> SINTER_INLINE void store_16_narrowed(const R& x, T* p) {
  const auto all = static_cast<__mmask16>(0xffff);
  const auto store = [p](__m256i pairs) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), pairs); };
  if constexpr (std::is_same_v<T, float16>) {
    store(_mm512_maskz_cvtps_ph(all, x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
  } else if constexpr (std::is_same_v<T, bfloat16>) {  // as bfloat16(float)
    const __m512i b = _mm512_castps_si512(x), high = _mm512_maskz_srli_epi32(all, b, 16), ones = _mm512_set1_epi32(1);
    const __m512i half = _mm512_add_epi32(_mm512_set1_epi32(0x7fff), _mm512_and_si512(high, ones));
    const __m512i rounded = _mm512_maskz_srli_epi32(all, _mm512_add_epi32(b, half), 16);
    const __mmask16 nan = _mm512_cmpgt_epi32_mask(_mm512_and_si512(b, _mm512_set1_epi32(0x7fffffff)),
                                                  _mm512_set1_epi32(0x7f800000));
    store(_mm512_maskz_cvtepi32_epi16(all, _mm512_mask_or_epi32(rounded, nan, high, _mm512_set1_epi32(0x40))));
  } else if constexpr (sizeof(T) == 1) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm512_maskz_cvtepi32_epi8(all, x));
  } else {
    store(_mm512_maskz_cvtepi32_epi16(all, x));
  }
}
#endif

#if defined(__SSE2__)
/// A store that bypasses the caches, to an aligned address.
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

}  // namespace sinter
#endif
