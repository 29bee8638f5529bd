// The transforms of Winograd's minimal filtering, F(m × m, 3 × 3), along one axis (Lavin and Gray, "Fast algorithms for convolutional neural networks", 2015).
#pragma once
#include "../../compile/winograd.hpp"
#include "access.hpp"
#include "tile.hpp"

namespace sinter::cpu {

/// Defining SINTER_NO_WINOGRAD, in all translation units, keeps to sums of products as they are written.
#if defined(SINTER_NO_WINOGRAD)
inline constexpr bool use_winograd = false;
#else
inline constexpr bool use_winograd = lanes >= 4;
#endif

namespace winograd_detail {

inline constexpr int W = Tile<float>::width, C = Tile<float>::columns, R = Tile<float>::rows;
using Vector = Lanes<float, W>;
constexpr std::int64_t rounded(std::int64_t n, std::int64_t unit) { return (n + unit - 1) / unit * unit; }

/// An image's results cut into tiles of m × m, those at the edges smaller.
struct TileGrid {
  std::int64_t m = 1, across = 0, down = 0, count = 0;

  constexpr TileGrid() = default;
  constexpr TileGrid(std::int64_t images, std::int64_t height, std::int64_t width, std::int64_t side) : m(side), across((width + side - 1) / side), down((height + side - 1) / side), count(images * across * down) {}

  struct Place {
    std::int64_t n, y, x;  ///< image, and the first result of the tile
  };
  constexpr Place place(std::int64_t tile) const { return {tile / (across * down), tile / across % down * m, tile % across * m}; }
};

/// Transforms of registers that lie `s` apart in an array.
template <int M> struct Filtering;
template <> struct Filtering<4> {
  static constexpr int size = 6;
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
    const Vector near = m[s] + m[2 * s], far = m[3 * s] + m[4 * s];
    to[0] = fma(m[0], Vector(.25f), fma(near, Vector(-1 / 6.f), far * Vector(1 / 24.f)));
    to[t] = fma(m[2 * s] - m[s], Vector(1 / 6.f), (m[3 * s] - m[4 * s]) * Vector(1 / 12.f));
    to[2 * t] = fma(far - near, Vector(1 / 6.f), m[5 * s]);
  }
};
template <> struct Filtering<2> {
  static constexpr int size = 4;
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


/// The six by six or four by four places of one tile, for `n` channels from `corner` on; zeros behind `rows` and `columns`.
template <int M> [[gnu::always_inline]] inline void transform_tile(const float* corner, std::int64_t row, std::int64_t place, int rows, int columns, int n, float* to, std::int64_t apart) {
  constexpr int A = M + 2;
  Vector d[A * A];
  for (int y = 0; y < A; ++y)
    for (int x = 0; x < A; ++x) d[y * A + x] = y < rows && x < columns ? load<float, W>(corner + y * row + x * place, n) : Vector(0.f);
  for (int x = 0; x < A; ++x) Filtering<M>::image(d + x, A);
  for (int y = 0; y < A; ++y) Filtering<M>::image(d + y * A, 1);
  for (int e = 0; e < A * A; ++e) store(d[e], to + e * apart, W);
}
}  // namespace winograd_detail
}  // namespace sinter::cpu
