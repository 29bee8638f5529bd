// The register tile: the inner loop of every contraction.
#pragma once
#include "access.hpp"

namespace sinter::cpu {

/// Rows and registers of columns of a tile, so that accumulators, one row of columns and one element fill the registers:
/// 14 × 2 of AVX-512's 32, 6 × 2 of AVX2's 16, 12 × 2 of NEON's 32, 6 × 2 of SSE's 16.
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

/// c[i * ldc + j] = Σ_k a[k * M + i] · b[k * ldb + j] for M rows and V registers of columns.
template <class T, int M, int V>
inline void multiply(std::int64_t inner, const T* a, const T* b, std::int64_t ldb, T* c, std::int64_t ldc) {
  using Vector = typename Tile<T>::Vector;
  constexpr int W = Tile<T>::width;
  Vector sum[M][V];
#pragma GCC unroll 16
  for (int i = 0; i < M; ++i)
#pragma GCC unroll 4
    for (int j = 0; j < V; ++j) sum[i][j] = Vector(0);
  for (std::int64_t k = 0; k < inner; ++k) {
    Vector column[V];
#pragma GCC unroll 4
    for (int j = 0; j < V; ++j) column[j] = load<T, W>(b + j * W, W);
#pragma GCC unroll 16
    for (int i = 0; i < M; ++i) {
      const Vector x(a[i]);
#pragma GCC unroll 4
      for (int j = 0; j < V; ++j) sum[i][j] = fma(x, column[j], sum[i][j]);
    }
    a += M;
    b += ldb;
  }
#pragma GCC unroll 16
  for (int i = 0; i < M; ++i)
#pragma GCC unroll 4
    for (int j = 0; j < V; ++j) store(sum[i][j], c + i * ldc + j * W, W);
}

template <class T> using Multiply = void (*)(std::int64_t, const T*, const T*, std::int64_t, T*, std::int64_t);

/// The tile for m ≤ Tile<T>::rows rows and v registers of columns.
template <class T> inline Multiply<T> multiply_for(int m, int v) {
  static constexpr auto table = []<std::size_t... I>(std::index_sequence<I...>) {
    constexpr int R = Tile<T>::registers;
    return std::array<Multiply<T>, sizeof...(I)>{&multiply<T, int(I) / R + 1, int(I) % R + 1>...};
  }(std::make_index_sequence<std::size_t(Tile<T>::rows * Tile<T>::registers)>{});
  return table[std::size_t((m - 1) * Tile<T>::registers + v - 1)];
}

}  // namespace sinter::cpu
