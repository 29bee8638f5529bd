// Copies panels of a matrix into the order in which the contraction's inner loop reads them.
#pragma once
#include <algorithm>
#include <cstdint>

#include "access.hpp"

#if defined(__AVX__)
#include <immintrin.h>
#endif

namespace sinter::cpu {

#if defined(__AVX__)
/// to[j * ldt + i] = from[i * ldf + j] for an 8 × 8 block. Halves of rows i and i + 4 are joined as they are loaded, which
/// leaves the one port that shuffles a third less to do.
inline void transpose_8x8(const float* from, std::int64_t ldf, float* to, std::int64_t ldt) {
  for (int half = 0; half < 8; half += 4) {
    __m256 r[4], t[4];
    for (int i = 0; i < 4; ++i) r[i] = _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(from + i * ldf + half)), _mm_loadu_ps(from + (i + 4) * ldf + half), 1);
    for (int i = 0; i < 4; i += 2) {
      t[i] = _mm256_unpacklo_ps(r[i], r[i + 1]);
      t[i + 1] = _mm256_unpackhi_ps(r[i], r[i + 1]);
    }
    _mm256_storeu_ps(to + (half + 0) * ldt, _mm256_shuffle_ps(t[0], t[2], 0x44));
    _mm256_storeu_ps(to + (half + 1) * ldt, _mm256_shuffle_ps(t[0], t[2], 0xee));
    _mm256_storeu_ps(to + (half + 2) * ldt, _mm256_shuffle_ps(t[1], t[3], 0x44));
    _mm256_storeu_ps(to + (half + 3) * ldt, _mm256_shuffle_ps(t[1], t[3], 0xee));
  }
}
#endif

/// to[k * width + i] = from[i * stride + k * inner_stride] for i < n, k < inner; lanes n … width get zeros.
template <class T> inline void pack(T* to, int width, const T* from, std::int64_t stride, std::int64_t inner_stride, int n, std::int64_t inner) {
  if (n < width)
    for (std::int64_t k = 0; k < inner; ++k) std::fill(to + k * width + n, to + (k + 1) * width, T(0));
  if (stride == 1) {
    constexpr int step = lanes;
    for (std::int64_t k = 0; k < inner; ++k) {
      const T* p = from + k * inner_stride;
      T* q = to + k * width;
      int i = 0;
      if constexpr (step > 1 && sizeof(T) == 4)
        for (; i + step <= n; i += step) Lanes<T, step>::load(p + i).store(q + i);
      for (; i < n; ++i) q[i] = p[i];
    }
    return;
  }
#if defined(__AVX__)
  if constexpr (std::is_same_v<T, float>) {
    if (inner_stride == 1 && n >= 8) {
      std::int64_t k = 0;
      for (; k + 8 <= inner; k += 8)
        for (int i = 0;; i = std::min(i + 8, n - 8)) {  // the last block overlaps the one before it
          transpose_8x8(from + i * stride + k, stride, to + k * width + i, width);
          if (i == n - 8) break;
        }
      for (; k < inner; ++k)
        for (int i = 0; i < n; ++i) to[k * width + i] = from[i * stride + k];
      return;
    }
  }
#endif
  for (std::int64_t k = 0; k < inner; ++k)
    for (int i = 0; i < n; ++i) to[k * width + i] = from[i * stride + k * inner_stride];
}

}  // namespace sinter::cpu
