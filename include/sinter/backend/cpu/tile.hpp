// The register tile: the inner loop of every contraction, (M, K) × (K, N) → (M, N) for one tile.
#pragma once
#include "access.hpp"

namespace sinter::inline SINTER_ABI::cpu {

/// Rows and registers of columns of a tile, so that accumulators, one row of columns and one element fill the
/// registers: 14 × 2 of AVX-512's 32, 6 × 2 of AVX2's 16, 12 × 2 of NEON's 32, 6 × 2 of SSE's 16.
template <class T> struct Tile {
#if SINTER_SIMD
  static constexpr int width = register_lanes<T>;
  static constexpr int registers = 2;
#if defined(__AVX512F__)
  static constexpr int rows = 14;
#elif defined(__aarch64__)
  static constexpr int rows = 12;
#else
  static constexpr int rows = 6;
#endif
#else
  static constexpr int width = 1, registers = 4, rows = 4;
#endif
  static constexpr int columns = width * registers;
  using Vector = Lanes<T, width>;
};

/// A stretch of the contracted axis along which each operand has a constant stride: where it begins in each, in units
/// that the operand defines, and its length.
struct Stretch {
  std::int64_t a, b, n;
};
/// The contracted axis, as a tile iterates over it.
struct Stretches {
  const Stretch* from;
  const Stretch* to;
};

/// An operand as a tile reads it: element k of line i (a row of the left operand, a column of the right one) of a
/// stretch that begins at s is at[s * unit + i * line + k * step]. Of the left operand either `line` is 1 (packed, or
/// transposed in memory) or `step` is; of the right one `line` is 1.
template <class T> struct Side {
  const T* at;
  std::int64_t unit, line, step;
};

/// c[i * ldc + j] = Σ_k a(i, k) · b(k, j) for M rows and V registers of columns. `Along`: the left operand's step is 1,
/// else its line is.
template <class T, int M, int V, bool Along>
inline void multiply(Stretches inner, const Side<T>& left, const Side<T>& right, T* c, std::int64_t ldc) {
  using Vector = typename Tile<T>::Vector;
  constexpr int W = Tile<T>::width;
  // three lines share a pointer: a register and twice it as an index address them all
  constexpr int pointers = Along ? (M + 2) / 3 : 1;
  PlainArray<Vector, M, V> sum;
#pragma GCC unroll 16
  for (int i = 0; i < M; ++i)
#pragma GCC unroll 4
    for (int j = 0; j < V; ++j) sum[i][j] = Vector(0);
  const std::int64_t bs = right.step;
  for (const Stretch* s = inner.from; s != inner.to; ++s) {
    const T* b = right.at + s->b * right.unit;
    const std::int64_t line = left.line;
    PlainArray<const T*, pointers> a;
#pragma GCC unroll 8
    for (int p = 0; p < pointers; ++p) a[p] = left.at + s->a * left.unit + 3 * p * line;
    for (std::int64_t k = 0; k < s->n; ++k) {
      PlainArray<Vector, V> column;
#pragma GCC unroll 4
      for (int j = 0; j < V; ++j) column[j] = load<T, W>(b + j * W, W);
#pragma GCC unroll 16
      for (int i = 0; i < M; ++i) {
        const Vector x(Along ? a[Along ? i / 3 : 0][i % 3 * line + k] : a[0][i]);
#pragma GCC unroll 4
        for (int j = 0; j < V; ++j) sum[i][j] = fma(x, column[j], sum[i][j]);
      }
      if constexpr (!Along) a[0] += left.step;
      b += bs;
    }
  }
#pragma GCC unroll 16
  for (int i = 0; i < M; ++i)
#pragma GCC unroll 4
    for (int j = 0; j < V; ++j) store(sum[i][j], c + i * ldc + j * W, W);
}

template <class T> using Multiply = void (*)(Stretches, const Side<T>&, const Side<T>&, T*, std::int64_t);

/// The tile for m ≤ Tile<T>::rows rows and v registers of columns.
template <class T> inline Multiply<T> multiply_for(int m, int v, bool along) {
  static constexpr auto table = []<std::size_t... Index>(std::index_sequence<Index...>) {
    constexpr int R = Tile<T>::registers;
    return std::array<Multiply<T>, sizeof...(Index)>{
        &multiply<T, int(Index) / 2 / R + 1, int(Index) / 2 % R + 1, int(Index) % 2 == 1>...};
  }(std::make_index_sequence<std::size_t(2 * Tile<T>::rows * Tile<T>::registers)>{});
  return table[std::size_t(((m - 1) * Tile<T>::registers + v - 1) * 2 + (along ? 1 : 0))];
}

}  // namespace sinter::cpu
