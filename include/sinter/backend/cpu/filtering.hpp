// The transforms of Winograd's minimal filtering, F(m × m, k × k), along one axis (Lavin and Gray, "Fast algorithms for
// convolutional neural networks", 2015).
#pragma once
#include "pack.hpp"
#include "winograd_plan.hpp"

namespace sinter::inline SINTER_ABI::cpu {

namespace winograd_detail {

using Vector = Lanes<float, W>;

/// Transforms of registers with stride `s` in an array, for M results of K weights: M + K − 1 positions.
template <int M, int K> struct Filtering;
/// What the forms with six positions share: the points 0, 1, −1, 2, −2, ∞.
struct SixPoints {
  [[gnu::always_inline]] static void image(Vector* d, int s) {
    const Vector d0 = d[0], d1 = d[s], d2 = d[2 * s], d3 = d[3 * s], d4 = d[4 * s], d5 = d[5 * s];
    const Vector a = fma(d2, Vector(-4.f), d4), b = fma(d1, Vector(-4.f), d3), c = d4 - d2, e = (d3 - d1) * Vector(2.f);
    d[0] = fma(d0, Vector(4.f), fma(d2, Vector(-5.f), d4));
    d[s] = a + b;
    d[2 * s] = a - b;
    d[3 * s] = c + e;
    d[4 * s] = c - e;
    d[5 * s] = fma(d1, Vector(4.f), fma(d3, Vector(-5.f), d5));
  }
};
template <> struct Filtering<4, 3> : SixPoints {
  [[gnu::always_inline]] static void weights(const Vector* g, int s, Vector* to, int t) {
    const Vector sixth(1 / 6.f), a = (g[0] + g[2 * s]) * sixth, b = g[s] * sixth;
    const Vector c = fma(g[0], Vector(1 / 24.f), g[2 * s] * sixth), e = g[s] * Vector(1 / 12.f);
    to[0] = g[0] * Vector(.25f);
    to[t] = -(a + b);
    to[2 * t] = b - a;
    to[3 * t] = c + e;
    to[4 * t] = c - e;
    to[5 * t] = g[2 * s];
  }
  [[gnu::always_inline]] static void result(const Vector* m, int s, Vector* to, int t) {
    const Vector a = m[s] + m[2 * s], b = m[s] - m[2 * s], c = m[3 * s] + m[4 * s], e = m[3 * s] - m[4 * s];
    to[0] = m[0] + a + c;
    to[t] = fma(e, Vector(2.f), b);
    to[2 * t] = fma(c, Vector(4.f), a);
    to[3 * t] = fma(e, Vector(8.f), b) + m[5 * s];
  }
  /// The transposes of the last two: what a cotangent of results becomes, and the cotangent of the weights.
  [[gnu::always_inline]] static void result_transposed(const Vector* y, int s, Vector* to, int t) {
    const Vector even = y[0] + y[2 * s], odd = y[s] + y[3 * s];
    const Vector far_even = fma(y[2 * s], Vector(4.f), y[0]), far_odd = fma(y[3 * s], Vector(8.f), y[s] + y[s]);
    to[0] = y[0];
    to[t] = even + odd;
    to[2 * t] = even - odd;
    to[3 * t] = far_even + far_odd;
    to[4 * t] = far_even - far_odd;
    to[5 * t] = y[3 * s];
  }
  [[gnu::always_inline]] static void weights_transposed(const Vector* m, int s, Vector* to, int t) {
    const Vector inner = m[s] + m[2 * s], outer = m[3 * s] + m[4 * s];
    to[0] = fma(m[0], Vector(.25f), fma(inner, Vector(-1 / 6.f), outer * Vector(1 / 24.f)));
    to[t] = fma(m[2 * s] - m[s], Vector(1 / 6.f), (m[3 * s] - m[4 * s]) * Vector(1 / 12.f));
    to[2 * t] = fma(outer - inner, Vector(1 / 6.f), m[5 * s]);
  }
};
template <> struct Filtering<2, 5> : SixPoints {
  [[gnu::always_inline]] static void weights(const Vector* g, int s, Vector* to, int t) {
    const Vector sixth(1 / 6.f), a = (g[0] + g[2 * s] + g[4 * s]) * sixth, b = (g[s] + g[3 * s]) * sixth;
    const Vector c = fma(g[4 * s], Vector(2 / 3.f), fma(g[2 * s], sixth, g[0] * Vector(1 / 24.f))),
                 e = fma(g[3 * s], Vector(1 / 3.f), g[s] * Vector(1 / 12.f));
    to[0] = g[0] * Vector(.25f);
    to[t] = -(a + b);
    to[2 * t] = b - a;
    to[3 * t] = c + e;
    to[4 * t] = c - e;
    to[5 * t] = g[4 * s];
  }
  [[gnu::always_inline]] static void result(const Vector* m, int s, Vector* to, int t) {
    to[0] = m[0] + (m[s] + m[2 * s]) + (m[3 * s] + m[4 * s]);
    to[t] = fma(m[3 * s] - m[4 * s], Vector(2.f), m[s] - m[2 * s]) + m[5 * s];
  }
  [[gnu::always_inline]] static void result_transposed(const Vector* y, int s, Vector* to, int t) {
    const Vector twice = y[s] + y[s];
    to[0] = y[0];
    to[t] = y[0] + y[s];
    to[2 * t] = y[0] - y[s];
    to[3 * t] = y[0] + twice;
    to[4 * t] = y[0] - twice;
    to[5 * t] = y[s];
  }
  [[gnu::always_inline]] static void weights_transposed(const Vector* m, int s, Vector* to, int t) {
    const Vector inner = (m[s] + m[2 * s]) * Vector(-1 / 6.f), outer = m[3 * s] + m[4 * s],
                 odd = (m[2 * s] - m[s]) * Vector(1 / 6.f), far_odd = m[3 * s] - m[4 * s];
    to[0] = fma(m[0], Vector(.25f), fma(outer, Vector(1 / 24.f), inner));
    to[t] = fma(far_odd, Vector(1 / 12.f), odd);
    to[2 * t] = fma(outer, Vector(1 / 6.f), inner);
    to[3 * t] = fma(far_odd, Vector(1 / 3.f), odd);
    to[4 * t] = fma(outer, Vector(2 / 3.f), inner) + m[5 * s];
  }
};
template <> struct Filtering<2, 3> {
  [[gnu::always_inline]] static void image(Vector* d, int s) {
    const Vector d0 = d[0], d1 = d[s], d2 = d[2 * s], d3 = d[3 * s];
    d[0] = d0 - d2;
    d[s] = d1 + d2;
    d[2 * s] = d2 - d1;
    d[3 * s] = d1 - d3;
  }
  [[gnu::always_inline]] static void weights(const Vector* g, int s, Vector* to, int t) {
    const Vector half(.5f), a = (g[0] + g[2 * s]) * half, b = g[s] * half;
    to[0] = g[0];
    to[t] = a + b;
    to[2 * t] = a - b;
    to[3 * t] = g[2 * s];
  }
  [[gnu::always_inline]] static void result(const Vector* m, int s, Vector* to, int t) {
    to[0] = m[0] + m[s] + m[2 * s];
    to[t] = m[s] - m[2 * s] - m[3 * s];
  }
};


inline constexpr int most_adjacent = 8;  ///< tiles of a row of the image that are transformed together

/// The positions of `count` adjacent tiles, with stride `tile`, for `n` channels from `corner` on; zeros past `rows`
/// and `columns`. Tiles overlap: each column of positions is transformed once, for all tiles that it belongs to.
template <int M, int K>
[[gnu::always_inline]] inline void transform_tiles(const float* corner, std::int64_t row, std::int64_t pixel, int rows,
                                                   int columns, int n, int count, float* to, std::int64_t tile,
                                                   std::int64_t position_stride) {
  constexpr int A = M + K - 1;
  alignas(64) PlainArray<float, (most_adjacent * M + K - 1) * A * W> half;
  const bool full = rows >= A && n >= W;
  for (int x = 0; x < count * M + K - 1; ++x) {
    const float* const from = corner + x * pixel;
    PlainArray<Vector, A> d;
    if (full && x < columns) {
#pragma GCC unroll 8
      for (int y = 0; y < A; ++y) d[y] = load<float, W>(from + y * row, W);
    } else {
#pragma GCC unroll 8
      for (int y = 0; y < A; ++y) d[y] = y < rows && x < columns ? load<float, W>(from + y * row, n) : Vector(0.f);
    }
    Filtering<M, K>::image(d, 1);
#pragma GCC unroll 8
    for (int y = 0; y < A; ++y) store(d[y], half + (x * A + y) * W, W);
  }
  for (int t = 0; t < count; ++t, to += tile)
    for (int y = 0; y < A; ++y) {
      PlainArray<Vector, A> d;
#pragma GCC unroll 8
      for (int x = 0; x < A; ++x) d[x] = load<float, W>(half + ((t * M + x) * A + y) * W, W);
      Filtering<M, K>::image(d, 1);
#pragma GCC unroll 8
      for (int x = 0; x < A; ++x) store(d[x], to + (y * A + x) * position_stride, W);
    }
}

/// Weights in place; strides in elements.
struct Weights {
  const float* at;
  std::int64_t filter, channel, row, tap;

  /// The matrices' parts of channels [from, last) and `n` filters from `first` on: one register per channel and
  /// position, with stride `position_stride` between positions and C between channels. Windows with contiguous weights,
  /// in order or in reverse, are transposed into registers of filters by blocks.
  template <int M, int K> [[gnu::always_inline]] void transform(std::int64_t first, int n, std::int64_t from,
                                                                std::int64_t last, float* to,
                                                                std::int64_t position_stride) const {
    constexpr int taps = K * K, at_once = 8;
    const bool neighbours = n > 0 && row == K * tap && (tap == 1 || tap == -1);
    const float* const corner = at + first * filter + (neighbours && tap < 0 ? (K - 1) * (row + tap) : 0);
    Nest filters;
    filters.add(std::max(n, 1), filter);
    const Lines<W> lines(filters, 0, n);
    alignas(64) PlainArray<float, at_once * taps * W> block;
    if (neighbours && n < W) std::fill(block, block + at_once * taps * W, 0.f);
    for (std::int64_t c = from; c < last; c += at_once) {
      const auto channels = int(std::min<std::int64_t>(at_once, last - c));
      const int runs = !neighbours ? 0 : channel == taps ? 1 : channels;
      for (int i = 0; i < runs; ++i)
        pack_run(block + i * taps * W, W, corner + (c + i) * channel, lines, 1,
                 std::int64_t(taps) * (runs == 1 ? channels : 1));
      for (int i = 0; i < channels; ++i, to += C)
        transform_window<M, K>(corner + (c + i) * channel, n, neighbours ? block + i * taps * W : nullptr, to,
                               position_stride);
    }
  }

  /// The same weights as they are, after the positions.
  template <int M, int K>
  void keep(std::int64_t first, int n, std::int64_t from, std::int64_t last, float* to,
            std::int64_t point_stride) const {
    constexpr int points = (M + K - 1) * (M + K - 1);
    for (std::int64_t c = from; c < last; ++c, to += C)
      for (int e = 0; e < K * K; ++e) {
        const float* const corner = at + first * filter + c * channel + e / K * row + e % K * tap;
        store(n > 0 ? gather<float, W>(corner, filter, n) : Vector(0.f), to + (points + e) * point_stride, W);
      }
  }

 private:
  template <int M, int K> [[gnu::always_inline]] void transform_window(const float* from, int n, const float* packed,
                                                                       float* to, std::int64_t position_stride) const {
    constexpr int A = M + K - 1;
    PlainArray<Vector, K * K> g;
    PlainArray<Vector, K * A> half;
    PlainArray<Vector, A * A> u;
    for (int e = 0; e < K * K; ++e)
      g[e] = packed != nullptr ? load<float, W>(packed + (tap < 0 ? K * K - 1 - e : e) * W, W)
             : n > 0           ? gather<float, W>(from + e / K * row + e % K * tap, filter, n)
                               : Vector(0.f);
#pragma GCC unroll 8
    for (int x = 0; x < K; ++x) Filtering<M, K>::weights(g + x, K, half + x, K);
#pragma GCC unroll 8
    for (int y = 0; y < A; ++y) Filtering<M, K>::weights(half + y * K, 1, u + y * A, 1);
#pragma GCC unroll 40
    for (int e = 0; e < A * A; ++e) store(u[e], to + e * position_stride, W);
  }
};
}  // namespace winograd_detail
}  // namespace sinter::cpu
