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
#include "../../tensor/half.hpp"

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

namespace sinter::internals::compile {}

namespace sinter::cpu {

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
namespace sinter {

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
/// A mask of N lanes has the form that 32-bit comparisons produce.
using MaskRegister = xsimd::batch_bool<float, Arch>;
template <class Mask> inline constexpr bool is_widest = std::is_same_v<Mask, MaskRegister>;
template <int N> using MaskFor = xsimd::batch_bool<float, typename ArchOf<N * int(sizeof(float))>::type>;

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

// A widest register of int32 or float from as many narrow integers or 16-bit floats: compilers do not vectorise a loop
// like this at -O2. The masked forms leave nothing undefined to warn of.
#if defined(__AVX512F__)
template <class T> inline constexpr bool widens = sizeof(T) < 4 && !std::is_same_v<T, bool>;
template <class T> SINTER_INLINE auto load_widened(const T* p) {
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
#elif defined(__AVX2__)
template <class T>
inline constexpr bool widens = sizeof(T) < 4 && !std::is_same_v<T, bool> && !std::is_same_v<T, float16>;
template <class T> SINTER_INLINE auto load_widened(const T* p) {
  const auto bytes = [&] { return _mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)); };
  const auto pairs = [&] { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p)); };
  if constexpr (std::is_same_v<T, bfloat16>)
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(pairs()), 16));
  else if constexpr (sizeof(T) == 1)
    return std::is_signed_v<T> ? _mm256_cvtepi8_epi32(bytes()) : _mm256_cvtepu8_epi32(bytes());
  else return std::is_signed_v<T> ? _mm256_cvtepi16_epi32(pairs()) : _mm256_cvtepu16_epi32(pairs());
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
