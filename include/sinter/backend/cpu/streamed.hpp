// Skinny products, (M, K) × (K, N) → (M, N) with M ≤ 4, whose right operand the kernel computes: each of its elements
// is evaluated once, between memory and the sums, so that int8 weights cost one byte of traffic each.
#pragma once
#include "parallel.hpp"
#include "prologue.hpp"
#include "product.hpp"

namespace sinter::inline SINTER_ABI::cpu {

template <class K, class T> class Streamed {
  static constexpr int L = K::body.loops, P = K::body.pointers, N = lanes;
  static constexpr compile::ContractLoops loops = compile::ContractLoops::of(K::body);
  static constexpr int J = computed_operand<K, 1>();

 public:
  static constexpr bool possible =
      J >= 0 && computed_operand<K, 0>() < 0 && L - loops.inner == 1 && loops.inner - loops.columns == 1;

  const Arguments<L, P>& a;
  const Context& c;
  const Cursor<P>& start;  ///< at the first element of the matrix
  FinishTile<T> finish;
  const void* context;

  /// The left operand's rows are copied to scratch memory.
  SINTER_OUTLINE void run(const T* left, const Nest& rows, const Nest& inner) const {
    const std::int64_t depth = inner.count(), columns = a.extent[loops.columns];
    T* const x = reinterpret_cast<T*>(c.scratch);
    const auto height = int(rows.count());
    for (int i = 0; i < height; ++i)
      for (std::int64_t k = 0; k < depth; ++k) x[i * depth + k] = left[rows.offset(i) + inner.offset(k)];
    switch (height) {
      case 1: return run_rows<1>(x, depth, columns);
      case 2: return run_rows<2>(x, depth, columns);
      case 3: return run_rows<3>(x, depth, columns);
      case 4: return run_rows<4>(x, depth, columns);
      default: return;
    }
  }

 private:
  using V = Lanes<T, N>;
  using File = RegisterFile<K, N>;
  static constexpr bool along_inner = micro<K, J>.unit == 1;
  static constexpr int vector = along_inner ? loops.inner : loops.columns;
  /// Independent sums, and columns next to each other that share the rows' elements.
  template <int R> static constexpr int chains = R == 1 ? 8 : R == 2 ? 4 : 2;
  template <int R> static constexpr int pairs = R == 1 ? 1 : 2;

  template <int R> void run_rows(const T* x, std::int64_t depth, std::int64_t columns) const {
    constexpr std::int64_t wide = along_inner ? N : chains<R> * N;
    const std::int64_t blocks = (columns + wide - 1) / wide;
    split(blocks, 1, std::max<std::int64_t>(2, 65536 / std::max<std::int64_t>(1, wide * depth)), c.threads,
          [&](std::int64_t from, std::int64_t to) {
            alignas(64) PlainArray<T, R * wide> tile;
            for (std::int64_t b = from; b < to; ++b) {
              const auto width = int(std::min(wide, columns - b * wide));
              if constexpr (along_inner)
                dots<R>(tile, x, depth, b * wide, width);
              else if (width == wide)
                products<R, true>(tile, x, depth, b * wide, width);
              else
                products<R, false>(tile, x, depth, b * wide, width);
              finish(context, tile, wide, 0, R, b * wide, width);
            }
          });
  }

  template <int Level> SINTER_IN_KERNEL void evaluate_level(File& r, const Cursor<P>& w, Span s) const {
    evaluate_operand<K, 1, Level>(r, w, s, c, [this](int p) { return a.stride[p][vector]; });
  }
  SINTER_IN_KERNEL const V& element(const File& r) const { return at<micro<K, J>.a>(r); }

  /// Lanes along the contracted axis.
  template <int R> void dots(T* tile, const T* x, std::int64_t depth, std::int64_t column, int columns) const {
    int j = 0;
    for (; j + pairs<R> <= columns; j += pairs<R>) dots_of<R, pairs<R>>(tile + j, x, depth, column + j);
    for (; j < columns; ++j) dots_of<R, 1>(tile + j, x, depth, column + j);
  }
  template <int R, int Q>
  [[gnu::flatten]] void dots_of(T* tile, const T* x, std::int64_t depth, std::int64_t column) const {
    constexpr int S = chains<R> / Q;
    PlainArray<File, Q> r;
    PlainArray<Cursor<P>, Q> w;
    PlainArray<V, Q, R, S> sum;
#pragma GCC unroll 2
    for (int q = 0; q < Q; ++q) {
      w[q] = start;
      advance<K>(w[q], a, loops.columns, column + q);
      evaluate_level<0>(r[q], start, Span{0, N});
      evaluate_level<1>(r[q], w[q], Span{0, N});
      for (auto& row : sum[q])
        for (V& s : row) s = V(0);
    }
    std::int64_t k = 0;
    for (; k + S * N <= depth; k += S * N)
#pragma GCC unroll 8
      for (int z = 0; z < S; ++z) {
#pragma GCC unroll 2
        for (int q = 0; q < Q; ++q) evaluate_level<2>(r[q], w[q], Span{k + z * N, N});
#pragma GCC unroll 4
        for (int i = 0; i < R; ++i) {
          const V left = load<T, N>(x + i * depth + k + z * N, N);
#pragma GCC unroll 2
          for (int q = 0; q < Q; ++q) sum[q][i][z] = fma(left, element(r[q]), sum[q][i][z]);
        }
      }
    for (; k < depth; k += N) {
      const int n = int(std::min<std::int64_t>(N, depth - k));
#pragma GCC unroll 2
      for (int q = 0; q < Q; ++q) {
        evaluate_level<2>(r[q], w[q], Span{k, n});
        V y = element(r[q]);
        // what an expression yields for lanes past the end is not 0
        if constexpr (N > 1) y = select(ramp<N>(0, 1) < Lanes<std::int32_t, N>(n), y, V(0));
#pragma GCC unroll 4
        for (int i = 0; i < R; ++i) sum[q][i][0] = fma(load<T, N>(x + i * depth + k, n), y, sum[q][i][0]);
      }
    }
#pragma GCC unroll 2
    for (int q = 0; q < Q; ++q)
#pragma GCC unroll 4
      for (int i = 0; i < R; ++i) {
#pragma GCC unroll 8
        for (int z = 1; z < S; ++z) sum[q][i][0] = sum[q][i][0] + sum[q][i][z];
        tile[i * N + q] = fold_lanes<ops::Sum>(sum[q][i][0]);
      }
  }

  /// Lanes along columns; `Whole`: all of the block's.
  template <int R, bool Whole>
  [[gnu::flatten]] void products(T* tile, const T* x, std::int64_t depth, std::int64_t column, int columns) const {
    constexpr int S = chains<R>;
    File r;
    evaluate_level<0>(r, start, Span{0, N});
    PlainArray<V, R, S> sum;
    for (auto& row : sum)
      for (V& s : row) s = V(0);
    Cursor<P> w = start;
    const auto step = steps_along<K>(a, loops.inner, 1);
    for (std::int64_t k = 0; k < depth; ++k) {
      evaluate_level<1>(r, w, Span{0, N});
#pragma GCC unroll 8
      for (int z = 0; z < S; ++z) {
        const int n = Whole ? N : std::min(N, columns - z * N);
        if (!Whole && n <= 0) break;
        evaluate_level<2>(r, w, Span{column + z * N, n});
#pragma GCC unroll 4
        for (int i = 0; i < R; ++i) sum[i][z] = fma(V(x[i * depth + k]), element(r), sum[i][z]);
      }
      advance<K>(w, step);
    }
#pragma GCC unroll 4
    for (int i = 0; i < R; ++i)
#pragma GCC unroll 8
      for (int z = 0; z < S; ++z) store(sum[i][z], tile + (i * S + z) * N, N);
  }
};

}  // namespace sinter::cpu
