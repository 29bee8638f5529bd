// The contraction kernel: packed panels, register tiles, and the epilogue on each tile while it is in cache.
//
// Nest order: batch loops, further contracted loops, rows, columns, contracted axis. Columns are cut into panels of a tile's width, rows into tiles
// of equal height; a tile sums over the whole contracted axis in registers, so that results do not depend on threads.
#pragma once
#include "body.hpp"
#include "pack.hpp"
#include "parallel.hpp"
#include "tile.hpp"

namespace sinter::cpu {

/// Blocks of the packed operands: what a second-level cache holds.
struct Blocks {
  std::int64_t rows, columns, inner;
};
inline constexpr std::int64_t deepest = 4096;  ///< of the contracted axis in one go
template <class T> inline constexpr std::int64_t block_elements = (std::int64_t(1) << 20) / std::int64_t(sizeof(T));
template <class T> constexpr std::int64_t aligned_bytes(std::int64_t elements) { return (elements * std::int64_t(sizeof(T)) + 63) / 64 * 64; }

template <class T> constexpr Blocks blocks_of(std::int64_t rows, std::int64_t columns, std::int64_t inner) {
  const std::int64_t depth = std::max<std::int64_t>(1, std::min(inner, deepest));
  const auto part = [&](std::int64_t n, std::int64_t unit) {  // a multiple of the unit whose panels fill the cache
    return std::min((n + unit - 1) / unit * unit, std::max<std::int64_t>(1, block_elements<T> / (depth * unit)) * unit);
  };
  return {part(rows, Tile<T>::rows), part(columns, Tile<T>::columns), depth};
}

/// Scratch bytes of a contraction of at most these sizes: both packed blocks, and the sums where the contracted axis is cut.
template <class T> constexpr std::int64_t pack_bytes_of(std::int64_t rows, std::int64_t columns, std::int64_t inner, bool several) {
  const std::int64_t depth = std::max<std::int64_t>(1, std::min(inner, deepest));
  const auto panel = [&](std::int64_t n, std::int64_t unit) {
    return aligned_bytes<T>(std::min((n + unit - 1) / unit * unit * depth, std::max(block_elements<T>, unit * depth)));
  };
  return panel(rows, Tile<T>::rows) + panel(columns, Tile<T>::columns) + (inner > deepest || several ? aligned_bytes<T>(rows * columns) : 0);
}
constexpr std::int64_t pack_bytes(Dtype d, std::int64_t rows, std::int64_t columns, std::int64_t inner, bool several) {
  switch (d) {
    case Dtype::float64: return pack_bytes_of<double>(rows, columns, inner, several);
    case Dtype::int64: return pack_bytes_of<std::int64_t>(rows, columns, inner, several);
    case Dtype::int32: return pack_bytes_of<std::int32_t>(rows, columns, inner, several);
    default: return pack_bytes_of<float>(rows, columns, inner, several);
  }
}

/// rows[i] in [first(i), first(i + 1)): n cut into `pieces` whose sizes differ by one at most.
struct EvenCut {
  std::int64_t n, pieces;
  std::int64_t first(std::int64_t i) const { return i * (n / pieces) + std::min(i, n % pieces); }
};

/// Sums of products of two strided matrices, tile by tile. Shared by all contractions of an element type; what a kernel
/// does with a tile is its own.
template <class T> class Products {
  static constexpr int R = Tile<T>::rows, W = Tile<T>::width, C = Tile<T>::columns;

 public:
  struct Operand {
    const T* at;
    std::int64_t stride, inner_stride;
  };
  /// Contracted loops around the innermost: where point i of them begins in both operands.
  struct Points {
    std::int64_t count = 1;
    int loops = 0;
    std::array<std::int64_t, compile::max_loops> extent{}, left{}, right{};

    void add(std::int64_t n, std::int64_t left_stride, std::int64_t right_stride) {
      extent[std::size_t(loops)] = n;
      left[std::size_t(loops)] = left_stride;
      right[std::size_t(loops++)] = right_stride;
      count *= n;
    }
    std::int64_t offset(std::int64_t i, const std::array<std::int64_t, compile::max_loops>& stride) const {
      std::int64_t at = 0;
      for (int l = loops - 1; l >= 0; --l) {
        at += i % extent[std::size_t(l)] * stride[std::size_t(l)];
        i /= extent[std::size_t(l)];
      }
      return at;
    }
  };
  /// finish(context, tile, ld, row, rows, column, columns): the sums of one tile are complete.
  using Finish = void (*)(const void* context, const T* tile, std::int64_t ld, std::int64_t row, int rows, std::int64_t column, int columns);

  Products(Operand left, Operand right, std::int64_t rows, std::int64_t columns, std::int64_t inner, const Points& points, std::byte* scratch, int threads, Finish finish, const void* context)
      : left_(left), right_(right), rows_(rows), columns_(columns), inner_(points.count > 0 ? inner : 0), points_(points), threads_(threads), finish_(finish), context_(context),
        block_(blocks_of<T>(rows, columns, inner)) {
    const std::int64_t a = aligned_bytes<T>(block_.rows * block_.inner), b = aligned_bytes<T>(block_.columns * block_.inner);
    packed_left_ = reinterpret_cast<T*>(scratch);
    packed_right_ = reinterpret_cast<T*>(scratch + a);
    sums_ = reinterpret_cast<T*>(scratch + a + b);
  }

  SINTER_OUTLINE void run() {
    for (column_ = 0; column_ < columns_; column_ += block_.columns) {
      n_ = std::min(block_.columns, columns_ - column_);
      part_ = 0;
      parts_ = std::max<std::int64_t>(1, points_.count) * std::max<std::int64_t>(1, (inner_ + block_.inner - 1) / block_.inner);
      for (; part_ < parts_; ++part_) {
        const std::int64_t cuts = parts_ / std::max<std::int64_t>(1, points_.count), point = part_ / cuts, k = part_ % cuts * block_.inner;
        depth_ = std::min(block_.inner, inner_ - k);
        left_at_ = left_.at + k * left_.inner_stride + (point > 0 ? points_.offset(point, points_.left) : 0);
        right_at_ = right_.at + k * right_.inner_stride + (point > 0 ? points_.offset(point, points_.right) : 0);
        for (row_ = 0; row_ < rows_; row_ += block_.rows) {
          const std::int64_t m = std::min(block_.rows, rows_ - row_), panels = (n_ + C - 1) / C;
          cut_ = {m, (m + R - 1) / R};
          const std::int64_t tile = std::max<std::int64_t>(1, depth_ * R), panel = std::max<std::int64_t>(1, depth_ * m * C);
          split(cut_.pieces, 1, std::max<std::int64_t>(2, 65536 / tile), threads_, [&](std::int64_t from, std::int64_t to) { pack_rows(from, to); });
          split(panels, 1, std::max<std::int64_t>(2, 262144 / panel), threads_, [&](std::int64_t from, std::int64_t to) { run_panels(from, to); });
        }
      }
    }
  }

 private:
  void pack_rows(std::int64_t from, std::int64_t to) const {
    for (std::int64_t t = from; t < to; ++t) {
      const std::int64_t i = cut_.first(t);
      const int high = int(cut_.first(t + 1) - i);
      pack(packed_left_ + i * depth_, high, left_at_ + (row_ + i) * left_.stride, left_.stride, left_.inner_stride, high, depth_);
    }
  }

  void run_panels(std::int64_t from, std::int64_t to) const {
    alignas(64) T tile[R * C];
    for (std::int64_t p = from; p < to; ++p) {
      const std::int64_t j = p * C;
      const int wide = int(std::min<std::int64_t>(C, n_ - j)), registers = (wide + W - 1) / W, ld = registers * W;
      T* const panel = packed_right_ + j * block_.inner;
      if (row_ == 0) pack(panel, ld, right_at_ + (column_ + j) * right_.stride, right_.stride, right_.inner_stride, wide, depth_);
      for (std::int64_t t = 0; t < cut_.pieces; ++t) {
        const std::int64_t i = cut_.first(t);
        const int high = int(cut_.first(t + 1) - i);
        multiply_for<T>(high, registers)(depth_, packed_left_ + i * depth_, panel, ld, tile, ld);
        if (parts_ > 1) add_up(tile, ld, row_ + i, column_ + j, high, wide);
        if (part_ + 1 == parts_) finish_(context_, tile, ld, row_ + i, high, column_ + j, wide);
      }
    }
  }

  /// Where the contracted axes are cut: adds a tile to the sums so far, and leaves the new sums in the tile.
  void add_up(T* tile, std::int64_t ld, std::int64_t row, std::int64_t column, int high, int wide) const {
    for (int x = 0; x < high; ++x)
      for (int y = 0; y < wide; ++y) {
        T &s = sums_[(row + x) * columns_ + column + y], &t = tile[x * ld + y];
        t = s = part_ == 0 ? t : T(s + t);
      }
  }

  Operand left_, right_;
  std::int64_t rows_, columns_, inner_;
  Points points_;
  int threads_;
  Finish finish_;
  const void* context_;
  Blocks block_;
  T *packed_left_, *packed_right_, *sums_;
  const T *left_at_ = nullptr, *right_at_ = nullptr;
  std::int64_t column_ = 0, n_ = 0, row_ = 0, part_ = 0, parts_ = 1, depth_ = 0;  // the block at hand
  EvenCut cut_{0, 0};
};

/// The operations of one kernel behind the sums of products, on one tile.
template <class K, class T> struct Epilogue {
  static constexpr int L = K::body.loops, P = K::body.pointers, N = lanes;
  const Arguments<L, P>& a;
  const Context& c;
  const Walk<P>& start;  ///< at the first element of the matrix

  static void finish(const void* self, const T* tile, std::int64_t ld, std::int64_t row, int rows, std::int64_t column, int columns) {
    static_cast<const Epilogue*>(self)->run(tile, ld, row, rows, column, columns);
  }

 private:
  [[gnu::flatten]] void run(const T* tile, std::int64_t ld, std::int64_t row, int rows, std::int64_t column, int columns) const {
    const auto stride = [this](int p) { return a.stride[std::size_t(p)][std::size_t(L - 2)]; };
    Walk<P> w = start;
    advance<K>(w, a, L - 3, row);
    RegisterFile<K, N> r;
    for_each_micro<K>([&]<int J>() __attribute__((always_inline)) { if constexpr (micro<K, J>.level == 0) evaluate<K, N, J>(r, w, Span{0, N}, c, stride); });
    for (int i = 0; i < rows; ++i, tile += ld, advance<K>(w, a, L - 3, 1)) {
      for_each_micro<K>([&]<int J>() __attribute__((always_inline)) { if constexpr (micro<K, J>.level == 1) evaluate<K, N, J>(r, w, Span{0, N}, c, stride); });
      for (int j = 0; j < columns; j += N) {
        const Span s{column + j, std::min(N, columns - j)};
        for_each_micro<K>([&]<int J>() __attribute__((always_inline)) {
          constexpr Micro::What what = micro<K, J>.what;
          if constexpr (what == Micro::What::result) at<K, N, J>(r) = load<T, N>(tile + j, s.n);
          else if constexpr (what == Micro::What::store) write<K, N, J>(r, w, s, stride);
          else if constexpr (micro<K, J>.level == 2) evaluate<K, N, J>(r, w, s, c, stride);
        });
      }
    }
  }
};

template <class K> constexpr Dtype dtype_of_result() {
  for (const Micro& m : K::body.micros)
    if (m.what == Micro::What::result) return m.dtype;
  return Dtype::float32;
}

template <class K> inline void contract(const std::int64_t* table, const Context& c) {
  constexpr int L = K::body.loops, P = K::body.pointers;
  using T = element_type<dtype_of_result<K>()>;
  const Arguments<L, P> a(table, c);
  const auto extent = [&](int loop) { return a.extent[std::size_t(loop)]; };
  const auto stride = [&](int p, int loop) { return a.stride[std::size_t(p)][std::size_t(loop)]; };
  constexpr int batch = L - 3 - std::popcount(K::body.folded & ((std::uint64_t(1) << (L - 3)) - 1));
  typename Products<T>::Points further;
  for (int l = batch; l < L - 3; ++l) further.add(extent(l), stride(0, l), stride(1, l));
  for_each_point<K, 0, batch>(a, Walk<P>{a.address, a.origin}, 0, points(a, 0, batch), [&](const Walk<P>& w) {
    const Epilogue<K, T> epilogue{a, c, w};
    Products<T>({reinterpret_cast<const T*>(w.address[0]), stride(0, L - 3), stride(0, L - 1)},
                {reinterpret_cast<const T*>(w.address[1]), stride(1, L - 2), stride(1, L - 1)},
                extent(L - 3), extent(L - 2), extent(L - 1), further, c.scratch, c.threads, &Epilogue<K, T>::finish, &epilogue).run();
  });
}

}  // namespace sinter::cpu
