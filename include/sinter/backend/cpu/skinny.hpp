// Skinny products, (M, K) × (K, N) → (M, N) with a small M or N: elements of the large operand are used only a few
// times, so they are read in place, once, in the order of memory.
//
// The layout of the large operand decides between two ways. If all its lines are contiguous along the contracted axis,
// [N, K], the lanes run along it: dot products, four lines at a time. If its lines are contiguous, [K, N], the lanes
// are lines: a strip of sums stays in the first-level cache while eight points of the contracted axis at a time are
// added. The order of each sum does not depend on the number of threads.
#pragma once
#include "parallel.hpp"
#include "product.hpp"

namespace sinter::inline SINTER_ABI::cpu {

template <class T> class SkinnyProducts {
  static constexpr int W = Tile<T>::width;
  using Vector = typename Tile<T>::Vector;
  using Operand = ProductOperand<T>;
  static constexpr int at_once = Tile<T>::rows > 6 ? 4 : 2;  ///< of the few lines, for which there are registers
  static constexpr int most_dots = SkinnyLimits::most_dots, most_streams = SkinnyLimits::most_streams;
  static constexpr int lines_at_once = 4,
                       block = 16;  ///< of the many lines, in dot products and per epilogue
  static constexpr int points = SkinnyLimits::points, strip = 4096 / int(sizeof(T));

 public:
  using Sums = ContractMethod::Sums;
  SkinnyProducts(const Operand& left, const Operand& right, std::byte* scratch, int threads, FinishTile<T> finish,
               const void* context)
      : swapped_(left.lines.count() > right.lines.count()),
        many_(swapped_ ? left : right),
        few_(swapped_ ? right : left),
        lines_(many_.lines.count()),
        inner_(many_.inner.count()),
        n_(int(few_.lines.count())),
        threads_(threads),
        scratch_(reinterpret_cast<T*>(scratch)),
        finish_(finish),
        context_(context) {}

  template <SumsSet Methods> SINTER_OUTLINE void run(Sums how) {
    const bool by_dots = sums_by<Methods & (set_of(Sums::dots) | set_of(Sums::streams)), Sums::dots>(how);
    if (by_dots && !along(few_)) transpose();
    std::int64_t unit = W;
    if (by_dots) unit = block;  // of some types both are the same, of which ?: would warn
    const std::int64_t work = std::max<std::int64_t>(1, inner_ * n_ * unit);
    split((lines_ + unit - 1) / unit, 1, std::max<std::int64_t>(2, 65536 / work), threads_,
          [&](std::int64_t from, std::int64_t to) {
            if constexpr ((Methods & set_of(Sums::dots)) != 0)
              if (by_dots)
                for (std::int64_t b = from; b < to; ++b) dots(b * unit);
            if constexpr ((Methods & set_of(Sums::streams)) != 0)
              if (!by_dots)
                for (std::int64_t at = from * W; at < std::min(lines_, to * W); at += strip)
                  stream(at, int(std::min<std::int64_t>({strip, lines_ - at, to * W - at})));
          });
  }

 private:
  static constexpr bool along(const auto& o) { return o.inner.loops == 1 && o.inner.inner_stride() == 1; }

  // ---- dots ----
  /// Copies the few lines so that they are contiguous along the contracted axis.
  void transpose() {
    for (std::int64_t k = 0; k < inner_; ++k) {
      const T* const from = few_.at + few_.inner.offset(k);
      for (int s = 0; s < n_; ++s) scratch_[s * inner_ + k] = from[few_.lines.offset(s)];
    }
    few_ = {scratch_, {}, {}};
    few_.lines.add(n_, inner_);
    few_.inner.add(inner_, 1);
  }
  /// The sums of lines [first, first + block), as far as they exist: the last line is repeated for those that do not.
  void dots(std::int64_t first) const {
    const int high = int(std::min<std::int64_t>(block, lines_ - first));
    alignas(64) T tile[block * most_dots];
    for (int i = 0; i < high; i += lines_at_once) {
      const T* x[lines_at_once];
      for (int l = 0; l < lines_at_once; ++l) x[l] = many_.at + many_.lines.offset(std::min(lines_ - 1, first + i + l));
      for (int s = 0; s < n_; s += at_once)
        with_count(std::min(at_once, n_ - s), [&]<int S>() { products<S>(x, s, i, tile); });
    }
    if (swapped_) finish_(context_, tile, most_dots, first, high, 0, n_);
    else finish_(context_, tile, block, 0, n_, first, high);
  }
  /// Four of the many lines times S of the few, from `s` on, into the tile.
  template <int S> void products(const T* const* x, int s, int i, T* tile) const {
    constexpr int U = S * lines_at_once <= 8 ? 2 : 1;  // independent sums hide the latency of the multiply-add
    PlainArray<Vector, U, lines_at_once * S> sum;
    PlainArray<const T*, S> y;
#pragma GCC unroll 4
    for (int j = 0; j < S; ++j) y[j] = few_.at + few_.lines.offset(s + j);
#pragma GCC unroll 2
    for (int u = 0; u < U; ++u)
#pragma GCC unroll 4
      for (int l = 0; l < lines_at_once; ++l)
#pragma GCC unroll 4
        for (int j = 0; j < S; ++j) sum[u][l * S + j] = Vector(0);
    const auto term = [&](int u, std::int64_t k, int n) __attribute__((always_inline)) {
      PlainArray<Vector, S> b;
#pragma GCC unroll 4
      for (int j = 0; j < S; ++j) b[j] = load<T, W>(y[j] + k, n);
#pragma GCC unroll 4
      for (int l = 0; l < lines_at_once; ++l) {
        const Vector a = load<T, W>(x[l] + k, n);
#pragma GCC unroll 4
        for (int j = 0; j < S; ++j) sum[u][l * S + j] = fma(a, b[j], sum[u][l * S + j]);
      }
    };
    std::int64_t k = 0;
    for (; k + U * W <= inner_; k += U * W)
#pragma GCC unroll 2
      for (int u = 0; u < U; ++u) term(u, k + u * W, W);
    for (; k < inner_; k += W) term(0, k, int(std::min<std::int64_t>(W, inner_ - k)));
    const auto to = [&](int l, int j) __attribute__((always_inline)) {
      return swapped_ ? (i + l) * most_dots + s + j : (s + j) * block + i + l;
    };
    if constexpr (S * lines_at_once == W && U == 1) {
      alignas(64) PlainArray<T, W> together;
      store(totals(sum[0]), together, W);
      for (int l = 0; l < lines_at_once; ++l)
        for (int j = 0; j < S; ++j) tile[to(l, j)] = together[l * S + j];
    } else {
#pragma GCC unroll 4
      for (int l = 0; l < lines_at_once; ++l)
#pragma GCC unroll 4
        for (int j = 0; j < S; ++j)
          tile[to(l, j)] = all(U == 2 ? sum[0][l * S + j] + sum[U - 1][l * S + j] : sum[0][l * S + j]);
    }
  }
  static T all(const Vector& x) {
    if constexpr (W == 1) return x.v;
    else return total(x);
  }

  // ---- streams ----
  void stream(std::int64_t first, int width) const {
    alignas(64) PlainArray<T, most_streams * strip> sums;
    for (int s = 0; s < n_; ++s) std::fill(sums + s * strip, sums + s * strip + (width + W - 1) / W * W, T(0));
    with_count(n_, [&]<int S>() {
      std::int64_t k = 0;
      for (; k + points <= inner_; k += points) add<S, points>(k, first, width, sums);
      for (; k < inner_; ++k) add<S, 1>(k, first, width, sums);
    });
    if (!swapped_) return finish_(context_, sums, strip, 0, n_, first, width);
    alignas(64) PlainArray<T, strip * most_streams> tile;
    for (int i = 0; i < width; ++i)
      for (int s = 0; s < n_; ++s) tile[i * n_ + s] = sums[s * strip + i];
    finish_(context_, tile, n_, first, width, 0, n_);
  }
  /// Adds K points of the contracted axis to the sums of a strip.
  template <int S, int K> void add(std::int64_t k, std::int64_t first, int width, T* sums) const {
    PlainArray<const T*, K> row;
    PlainArray<T, S, K> x;
    for (int q = 0; q < K; ++q) {
      row[q] = many_.at + many_.inner.offset(k + q) + first;
      for (int s = 0; s < S; ++s) x[s][q] = few_.at[few_.lines.offset(s) + few_.inner.offset(k + q)];
    }
    const auto column = [&](int j, int n) __attribute__((always_inline)) {
      PlainArray<Vector, S> sum;
#pragma GCC unroll 4
      for (int s = 0; s < S; ++s) sum[s] = load<T, W>(sums + s * strip + j, W);
#pragma GCC unroll 8
      for (int q = 0; q < K; ++q) {
        const Vector b = load<T, W>(row[q] + j, n);
#pragma GCC unroll 4
        for (int s = 0; s < S; ++s) sum[s] = fma(Vector(x[s][q]), b, sum[s]);
      }
#pragma GCC unroll 4
      for (int s = 0; s < S; ++s) store(sum[s], sums + s * strip + j, W);
    };
    int j = 0;
    for (; j + W <= width; j += W) column(j, W);
    if (j < width) column(j, width - j);
  }

  /// f.operator()<n>() for n in 1 … 4.
  template <class F> static void with_count(int n, const F& f) {
    switch (n) {
      case 1: return f.template operator()<1>();
      case 2: return f.template operator()<2>();
      case 3: return f.template operator()<3>();
      default: return f.template operator()<4>();
    }
  }

  bool swapped_;  ///< the left operand has more lines
  Operand many_, few_;
  std::int64_t lines_, inner_;
  int n_, threads_;
  T* scratch_;
  FinishTile<T> finish_;
  const void* context_;
};

}  // namespace sinter::cpu
