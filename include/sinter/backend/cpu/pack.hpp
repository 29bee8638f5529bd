// Packs panels of a matrix in the order in which the contraction's inner loop reads them: [K, width].
//
// Rows, columns and the contracted axis of a contraction may each be several loops over memory (a convolution's windows
// are), so a panel is given by the offsets of its lines and the loops of its contracted axis.
#pragma once
#include <algorithm>
#include <array>
#include <cstdint>

#include "../../compile/program/kernel.hpp"
#include "access.hpp"

#if defined(__AVX__)
#include <immintrin.h>
#endif

namespace sinter::inline SINTER_ABI::cpu {

/// Loops over memory as one counted in row-major order; strides in elements.
struct Nest {
  int loops = 0;
  Array<std::int64_t, compile::max_loops> extent{}, stride{};

  /// One more loop, innermost; one that continues where the loop before it steps to is merged with it.
  constexpr void add(std::int64_t n, std::int64_t by) {
    if (loops > 0 && stride[loops - 1] == n * by && by != 0) {
      extent[loops - 1] *= n;
      stride[loops - 1] = by;
      return;
    }
    extent[loops] = n;
    stride[loops++] = by;
  }
  constexpr std::int64_t count() const { return points(0, loops); }
  std::int64_t offset(std::int64_t i) const {
    std::int64_t at = 0;
    for (int l = loops - 1; l > 0; --l) {
      at += i % extent[l] * stride[l];
      i /= extent[l];
    }
    return at + i * stride[0];
  }
  /// How many points from i on are on the innermost loop.
  std::int64_t run(std::int64_t i) const {
    return loops > 1 ? extent[loops - 1] - i % extent[loops - 1] : extent[0] - i;
  }
  constexpr std::int64_t inner_stride() const { return stride[loops - 1]; }
  /// The number of points of loops [first, last).
  constexpr std::int64_t points(int first, int last) const {
    std::int64_t n = 1;
    for (int l = first; l < last; ++l) n *= extent[l];
    return n;
  }
  /// An outer loop along which at least this many points are contiguous, where they are not along the innermost; −1 for
  /// none.
  int outer_neighbours(std::int64_t least) const {
    for (int l = loops - 2; l >= 0 && inner_stride() != 1; --l)
      if (stride[l] == 1 && extent[l] >= least) return l;
    return -1;
  }
};

/// Up to `Most` lines of a panel: their offsets, and which of them are contiguous.
template <int Most> struct Lines {
  Array<std::int64_t, Most> offset;
  Array<int, Most>
      run;  ///< how many from run[i] on are contiguous in memory; at the first of each run
  int count = 0, runs = 0;

  Lines(const Nest& nest, std::int64_t first, int n) : count(n) {
    const std::int64_t step = nest.inner_stride();
    int open = -1;  // the run that may continue
    for (int i = 0; i < n;) {
      const auto length = int(std::min<std::int64_t>(n - i, nest.run(first + i)));
      const std::int64_t at = nest.offset(first + i);
      for (int k = 0; k < length; ++k) offset[i + k] = at + k * step;
      if (step != 1) {
        for (int k = 0; k < length; ++k) run[i + k] = 1;
        runs += length;
      } else if (open >= 0 && at == offset[open] + (i - open)) {
        run[open] += length;
      } else {
        open = i;
        run[i] = length;
        ++runs;
      }
      i += length;
    }
  }
};

#if defined(__AVX__)
/// to[j * ldt + i] = from[row[i] + j] for an 8 × 8 block. Halves of rows i and i + 4 are joined as they are loaded,
/// which takes a third of the work off the one shuffle port.
inline void transpose_8x8(const float* from, const std::int64_t* row, float* to, std::int64_t ldt) {
#pragma GCC unroll 8
  for (int half = 0; half < 8; half += 4) {
    __m256 r[4], t[4];
#pragma GCC unroll 8
    for (int i = 0; i < 4; ++i)
      r[i] = _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(from + row[i] + half)),
                                  _mm_loadu_ps(from + row[i + 4] + half), 1);
#pragma GCC unroll 8
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

/// to[i] = from[i] for i < n; short runs, so without a call.
template <class T> [[gnu::always_inline]] inline void copy_run(T* to, const T* from, int n) {
  int i = 0;
  if constexpr (lanes > 1 && sizeof(T) == 4)
    for (; i + lanes <= n; i += lanes) Lanes<T, lanes>::load(from + i).store(to + i);
#if SINTER_SIMD && defined(__AVX512F__)
  if constexpr (std::is_same_v<T, float>) {
    const auto rest = static_cast<__mmask16>((1u << (n - i)) - 1u);
    if (i < n) _mm512_mask_storeu_ps(to + i, rest, _mm512_maskz_loadu_ps(rest, from + i));
    return;
  }
#endif
  for (; i < n; ++i) to[i] = from[i];
}

/// Prefetches n elements from p on, which need not exist, into the first-level cache.
template <class T>
[[gnu::always_inline]] inline void fetch([[maybe_unused]] const T* p, [[maybe_unused]] std::int64_t n) {
#if defined(__GNUC__)
  for (std::int64_t i = 0; i < n; i += 64 / std::int64_t(sizeof(T))) __builtin_prefetch(p + i);
#endif
}

/// to[k * width + i] = from[line i + k · step] for k < inner; lanes past the lines are left untouched.
template <class T, int Most> inline void pack_run(T* to, std::int64_t width, const T* from, const Lines<Most>& line,
                                                  std::int64_t step, std::int64_t inner) {
  const int n = line.count;
  if (line.runs * 6 <= n || (line.runs * 2 <= n && (step != 1 || inner < 8))) {
    constexpr std::int64_t ahead = 8;  // steps are often too long for the hardware prefetcher
    if constexpr (lanes > 1 && Most % lanes == 0 && sizeof(T) == 4)
      if (line.runs == 1 && n == Most) {
        using Vector = Lanes<T, lanes>;
        const T* at = from + line.offset[0];
        for (std::int64_t k = 0; k < inner; ++k, at += step, to += width) {
          fetch(at + ahead * step, Most);
          PlainArray<Vector, Most / lanes> x;
#pragma GCC unroll 8
          for (int i = 0; i < Most / lanes; ++i) x[i] = Vector::load(at + i * lanes);
#pragma GCC unroll 8
          for (int i = 0; i < Most / lanes; ++i) x[i].store(to + i * lanes);
        }
        return;
      }
    for (std::int64_t k = 0; k < inner; ++k)
      for (int i = 0; i < n; i += line.run[i]) {
        const T* const at = from + line.offset[i] + k * step;
        fetch(at + ahead * step, line.run[i]);
        copy_run(to + k * width + i, at, line.run[i]);
      }
    return;
  }
  std::int64_t k = 0;
#if defined(__AVX__)
  if constexpr (std::is_same_v<T, float> && Most >= 8)
    if (step == 1 && n >= 8)
      for (const int wide : {16, 8})  // whole cache lines first: those of different rows may evict each other
        for (; k + wide <= inner; k += wide)
          for (int i = 0;; i = std::min(i + 8, n - 8)) {  // the last block overlaps the one before it
            for (int part = 0; part < wide; part += 8)
              transpose_8x8(from + k + part, line.offset.data() + i, to + (k + part) * width + i, width);
            if (i == n - 8) break;
          }
#endif
  for (; k < inner; ++k)
    for (int i = 0; i < n; ++i) to[k * width + i] = from[line.offset[i] + k * step];
}

/// Packs points [first, first + depth) of the contracted axis: to[k * width + i] = from[line i + point first + k];
/// lanes n … width get zeros.
template <class T, int Most> inline void pack(T* to, int width, const T* from, const Lines<Most>& line,
                                              const Nest& inner, std::int64_t first, std::int64_t depth) {
  if (line.count < width)
    for (std::int64_t k = 0; k < depth; ++k) std::fill(to + k * width + line.count, to + (k + 1) * width, T(0));
  if (const int l = inner.outer_neighbours(8); l >= 0 && depth == inner.count()) {  // weights after a flattened image
    const std::int64_t within = inner.points(l + 1, inner.loops), run = inner.extent[l];
    for (std::int64_t o = 0; o < depth; o += within * run)
      for (std::int64_t k = o; k < o + within; ++k)
        pack_run(to + k * width, within * width, from + inner.offset(k), line, 1, run);
    return;
  }
  for (std::int64_t k = 0; k < depth;) {
    const std::int64_t run = std::min(depth - k, inner.run(first + k));
    pack_run(to + k * width, width, from + inner.offset(first + k), line, inner.inner_stride(), run);
    k += run;
  }
}

}  // namespace sinter::cpu
