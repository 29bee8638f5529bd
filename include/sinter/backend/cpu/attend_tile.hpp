// The inner loops of attention: products of a panel of few lines with a tile whose lanes are queries, and packing of
// panels.
//
// Scores are computed transposed, [key][query]: a running maximum and sum are then registers with one query per lane,
// and lanes never interact.
#pragma once
#include "pack.hpp"
#include "tile.hpp"

namespace sinter::inline SINTER_ABI::cpu {

template <class T> struct AttendTile {
  static constexpr int width = Tile<T>::width, registers = Tile<T>::registers, columns = Tile<T>::columns;
  /// Lines of a panel: with two registers of columns they keep the FMA units busy, and feature counts are multiples of
  /// 8.
#if SINTER_SIMD && (defined(__AVX512F__) || defined(__aarch64__))
  static constexpr int rows = 8;
#else
  static constexpr int rows = 4;
#endif
  using Vector = Lanes<T, width>;
  static constexpr std::int64_t up(std::int64_t n, std::int64_t unit) { return (n + unit - 1) / unit * unit; }
};

enum class Sums : unsigned char { set, add, scale_and_add };

/// c[i * ldc + j] = Σ_k a[k * Next + i * Line] · b[k * ldb + j] for the lines of a panel and V registers of columns, of
/// which the last may end after `last` lanes; or the previous c, times `scale` of the lane, plus the sum.
template <class T, int V, int Next, int Line, Sums How>
[[gnu::always_inline]] inline void panel_products(std::int64_t inner, const T* a, const T* b, std::int64_t ldb, T* c,
                                                  std::int64_t ldc, int last = AttendTile<T>::width,
                                                  const T* scale = nullptr) {
  using Vector = typename AttendTile<T>::Vector;
  constexpr int M = AttendTile<T>::rows, W = AttendTile<T>::width;
  PlainArray<Vector, M, V> sum;
#pragma GCC unroll 8
  for (int i = 0; i < M; ++i)
#pragma GCC unroll 4
    for (int j = 0; j < V; ++j) sum[i][j] = Vector(0);
  for (std::int64_t k = 0; k < inner; ++k) {
    PlainArray<Vector, V> column;
#pragma GCC unroll 4
    for (int j = 0; j < V; ++j) column[j] = load<T, W>(b + j * W, W);
#pragma GCC unroll 8
    for (int i = 0; i < M; ++i) {
      const Vector x(a[i * Line]);
#pragma GCC unroll 4
      for (int j = 0; j < V; ++j) sum[i][j] = fma(x, column[j], sum[i][j]);
    }
    a += Next;
    b += ldb;
  }
#pragma GCC unroll 8
  for (int i = 0; i < M; ++i)
#pragma GCC unroll 4
    for (int j = 0; j < V; ++j) {
      T* const at = c + i * ldc + j * W;
      const int n = j + 1 == V ? last : W;
      if constexpr (How == Sums::add) sum[i][j] = load<T, W>(at, n) + sum[i][j];
      if constexpr (How == Sums::scale_and_add)
        sum[i][j] = fma(load<T, W>(at, n), load<T, W>(scale + j * W, W), sum[i][j]);
      store(sum[i][j], at, n);
    }
}

/// to[j * ldt + i] = from[i * ldf + j] for i < rows, j < columns.
template <class T> inline void transpose(const T* from, std::int64_t ldf, T* to, std::int64_t ldt, std::int64_t rows,
                                         std::int64_t columns) {
  std::int64_t done = 0;
#if defined(__AVX__)
  if constexpr (std::is_same_v<T, float>) {
    const std::int64_t line[8]{0, ldf, 2 * ldf, 3 * ldf, 4 * ldf, 5 * ldf, 6 * ldf, 7 * ldf};
    const std::int64_t whole = columns / 8 * 8;
    done = rows / 8 * 8;
    for (std::int64_t i = 0; i < done; i += 8) {
      for (std::int64_t j = 0; j < whole; j += 8) transpose_8x8(from + i * ldf + j, line, to + j * ldt + i, ldt);
      for (std::int64_t j = whole; j < columns; ++j)
        for (int k = 0; k < 8; ++k) to[j * ldt + i + k] = from[(i + k) * ldf + j];
    }
  }
#endif
  for (std::int64_t i = done; i < rows; ++i)
    for (std::int64_t j = 0; j < columns; ++j) to[j * ldt + i] = from[i * ldf + j];
}

/// A matrix in memory.
template <class T> struct Matrix {
  T* at;
  std::int64_t row, column;  ///< strides

  T& operator()(std::int64_t i, std::int64_t j) const { return at[i * row + j * column]; }
  Matrix from(std::int64_t i) const { return {at + i * row, row, column}; }
};

/// to[j * ldt + i] = from(i, j) for i < rows, zeros for rows ≤ i < width.
template <class T> inline void pack_transposed(Matrix<const T> from, T* to, std::int64_t ldt, std::int64_t rows,
                                               std::int64_t width, std::int64_t columns) {
  if (from.column == 1) {
    transpose(from.at, from.row, to, ldt, rows, columns);
  } else {
    for (std::int64_t j = 0; j < columns; ++j)
      for (std::int64_t i = 0; i < rows; ++i) to[j * ldt + i] = from(i, j);
  }
  if (rows < width)
    for (std::int64_t j = 0; j < columns; ++j) std::fill(to + j * ldt + rows, to + j * ldt + width, T(0));
}
/// to[i * ldt + j] = from(i, j) for j < columns, zeros for columns ≤ j < width.
template <class T> inline void pack_rows(Matrix<const T> from, T* to, std::int64_t ldt, std::int64_t rows,
                                         std::int64_t columns, std::int64_t width) {
  for (std::int64_t i = 0; i < rows; ++i) {
    if (from.column == 1) copy_run(to + i * ldt, from.at + i * from.row, int(columns));
    else
      for (std::int64_t j = 0; j < columns; ++j) to[i * ldt + j] = from(i, j);
    for (std::int64_t j = columns; j < width; ++j) to[i * ldt + j] = 0;
  }
}

/// Panels of lines for products with features contracted: panel p has [feature][line] of lines p · rows …
template <class T> inline void pack_lines(Matrix<const T> from, T* to, std::int64_t lines, std::int64_t features) {
  constexpr int M = AttendTile<T>::rows;
  for (std::int64_t i = 0; i < lines; i += M)
    pack_transposed(from.from(i), to + i * features, M, std::min<std::int64_t>(M, lines - i), M, features);
}
/// Panels of features for products with lines contracted: panel p has [line][feature] of features p · rows …
template <class T> inline void pack_features(Matrix<const T> from, T* to, std::int64_t lines, std::int64_t features) {
  constexpr int M = AttendTile<T>::rows;
  for (std::int64_t j = 0; j < features; j += M) {
    const std::int64_t n = std::min<std::int64_t>(M, features - j);
    pack_rows<T>({from.at + j * from.column, from.row, from.column}, to + j * lines, M, lines, n, M);
  }
}

/// The larger, lane by lane, in one instruction; which one where either is NaN depends on the processor.
template <class T, int N> [[gnu::always_inline]] inline Lanes<T, N> larger(Lanes<T, N> a, const Lanes<T, N>& b) {
  if constexpr (N == 1) {
    a.v = a.v > b.v ? a.v : b.v;
  } else {
    for (int i = 0; i < Lanes<T, N>::parts; ++i) a.v[i] = max(a.v[i], b.v[i]);
  }
  return a;
}

}  // namespace sinter::cpu
