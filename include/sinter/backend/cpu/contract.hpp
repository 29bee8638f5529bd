// The contraction kernel: packed panels, register tiles, and the epilogue on each tile while it is in cache.
//
// Nest order: batch loops, rows, columns, contracted axis; each of the last three may be several loops. Columns are cut into panels of a tile's width, rows into tiles
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
inline constexpr std::int64_t deepest = 2048, shallowest = 256;  ///< of the contracted axis in one go
template <class T> inline constexpr std::int64_t block_elements = (std::int64_t(1) << 20) / std::int64_t(sizeof(T));
template <class T> constexpr std::int64_t aligned_bytes(std::int64_t elements) { return (elements * std::int64_t(sizeof(T)) + 63) / 64 * 64; }

/// How much of the contracted axis is packed at once: all of it where it is short. A long one has to be cut, and then into pieces of which
/// all rows and all columns fit, so that nothing is packed twice.
template <class T> constexpr std::int64_t depth_of(std::int64_t rows, std::int64_t columns, std::int64_t inner) {
  if (inner <= deepest) return std::max<std::int64_t>(1, inner);
  const std::int64_t all = block_elements<T> / (std::max(rows, columns) + std::max(Tile<T>::rows, Tile<T>::columns));
  return std::min(deepest, std::max(all, shallowest));
}
template <class T> constexpr Blocks blocks_of(std::int64_t rows, std::int64_t columns, std::int64_t inner) {
  const std::int64_t depth = depth_of<T>(rows, columns, inner);
  const auto part = [&](std::int64_t n, std::int64_t unit) {  // a multiple of the unit whose panels fill the cache
    return std::min((n + unit - 1) / unit * unit, std::max<std::int64_t>(1, block_elements<T> / (depth * unit)) * unit);
  };
  return {part(rows, Tile<T>::rows), part(columns, Tile<T>::columns), depth};
}

/// Scratch bytes of a contraction of at most these sizes: both packed blocks, and the sums where the contracted axis is cut. Fewer rows and columns
/// make deeper blocks, but never larger ones.
template <class T> constexpr std::int64_t pack_bytes_of(std::int64_t rows, std::int64_t columns, std::int64_t inner) {
  const std::int64_t most = std::max<std::int64_t>(1, std::min(inner, deepest));
  const auto panel = [&](std::int64_t n, std::int64_t unit) {
    return aligned_bytes<T>(std::min((n + unit - 1) / unit * unit * most, std::max(block_elements<T>, unit * most)));
  };
  return panel(rows, Tile<T>::rows) + panel(columns, Tile<T>::columns) + (inner > depth_of<T>(rows, columns, inner) ? aligned_bytes<T>(rows * columns) : 0);
}
constexpr std::int64_t pack_bytes(Dtype d, std::int64_t rows, std::int64_t columns, std::int64_t inner) {
  switch (d) {
    case Dtype::float64: return pack_bytes_of<double>(rows, columns, inner);
    case Dtype::int64: return pack_bytes_of<std::int64_t>(rows, columns, inner);
    case Dtype::int32: return pack_bytes_of<std::int32_t>(rows, columns, inner);
    default: return pack_bytes_of<float>(rows, columns, inner);
  }
}

/// rows[i] in [first(i), first(i + 1)): n cut into `pieces` whose sizes differ by one at most.
struct EvenCut {
  std::int64_t n, pieces;
  std::int64_t first(std::int64_t i) const { return i * (n / pieces) + std::min(i, n % pieces); }
};

/// Sums of products of two matrices, tile by tile. Shared by all contractions of an element type; what a kernel
/// does with a tile is its own.
template <class T> class Products {
  static constexpr int R = Tile<T>::rows, W = Tile<T>::width, C = Tile<T>::columns;

 public:
  /// One operand: the lines of it that meet those of the other, and the contracted axis along each.
  struct Operand {
    const T* at;
    Nest lines, inner;
  };
  /// finish(context, tile, ld, row, rows, column, columns): the sums of one tile are complete.
  using Finish = void (*)(const void* context, const T* tile, std::int64_t ld, std::int64_t row, int rows, std::int64_t column, int columns);

  Products(const Operand& left, const Operand& right, std::byte* scratch, int threads, Finish finish, const void* context)
      : left_(left), right_(right), rows_(left.lines.count()), columns_(right.lines.count()), inner_(left.inner.count()), threads_(threads), finish_(finish), context_(context),
        block_(blocks_of<T>(rows_, columns_, inner_)) {
    const std::int64_t a = aligned_bytes<T>(block_.rows * block_.inner), b = aligned_bytes<T>(block_.columns * block_.inner);
    packed_left_ = reinterpret_cast<T*>(scratch);
    packed_right_ = reinterpret_cast<T*>(scratch + a);
    sums_ = reinterpret_cast<T*>(scratch + a + b);
  }

  SINTER_OUTLINE void run() {
    for (column_ = 0; column_ < columns_; column_ += block_.columns) {
      n_ = std::min(block_.columns, columns_ - column_);
      parts_ = std::max<std::int64_t>(1, (inner_ + block_.inner - 1) / block_.inner);
      for (part_ = 0; part_ < parts_; ++part_) {
        first_ = part_ * block_.inner;
        depth_ = std::min(block_.inner, inner_ - first_);
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
      pack(packed_left_ + i * depth_, high, left_.at, Lines<R>(left_.lines, row_ + i, high), left_.inner, first_, depth_);
    }
  }

  void run_panels(std::int64_t from, std::int64_t to) const {
    alignas(64) T tile[R * C];
    for (std::int64_t p = from; p < to; ++p) {
      const std::int64_t j = p * C;
      const int wide = int(std::min<std::int64_t>(C, n_ - j)), registers = (wide + W - 1) / W, ld = registers * W;
      T* const panel = packed_right_ + j * block_.inner;
      if (row_ == 0) pack(panel, ld, right_.at, Lines<C>(right_.lines, column_ + j, wide), right_.inner, first_, depth_);
      for (std::int64_t t = 0; t < cut_.pieces; ++t) {
        const std::int64_t i = cut_.first(t);
        const int high = int(cut_.first(t + 1) - i);
        multiply_for<T>(high, registers)(depth_, packed_left_ + i * depth_, panel, ld, tile, ld);
        if (parts_ > 1) add_up(tile, ld, row_ + i, column_ + j, high, wide);
        if (part_ + 1 == parts_) finish_(context_, tile, ld, row_ + i, high, column_ + j, wide);
      }
    }
  }

  /// Where the contracted axis is cut: adds a tile to the sums so far, and leaves the new sums in the tile.
  void add_up(T* tile, std::int64_t ld, std::int64_t row, std::int64_t column, int high, int wide) const {
    for (int x = 0; x < high; ++x)
      for (int y = 0; y < wide; ++y) {
        T &s = sums_[(row + x) * columns_ + column + y], &t = tile[x * ld + y];
        t = s = part_ == 0 ? t : T(s + t);
      }
  }

  Operand left_, right_;
  std::int64_t rows_, columns_, inner_;
  int threads_;
  Finish finish_;
  const void* context_;
  Blocks block_;
  T *packed_left_, *packed_right_, *sums_;
  std::int64_t column_ = 0, n_ = 0, row_ = 0, part_ = 0, parts_ = 1, first_ = 0, depth_ = 0;  // the block at hand
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
  static constexpr compile::ContractLoops loops = compile::ContractLoops::of(K::body);
  static constexpr int last = loops.inner - 1;  ///< the loop along which lanes run

  /// Moves a walk to point i of loops [First, Last), counted in row-major order; returns the index along the last of them, which is left at 0.
  template <int First, int Last> [[gnu::always_inline]] void move(Walk<P>& w, std::int64_t i) const {
    for (int l = Last - 1; l > First; --l) {
      advance<K>(w, a, l, i % a.extent[std::size_t(l)]);
      i /= a.extent[std::size_t(l)];
    }
    advance<K>(w, a, First, i);
  }

  /// Columns come in pieces that lie on the last loop; a piece of a row is what level 1 holds for.
  [[gnu::flatten]] void run(const T* tile, std::int64_t ld, std::int64_t row, int rows, std::int64_t column, int columns) const {
    const auto stride = [this](int p) { return a.stride[std::size_t(p)][std::size_t(last)]; };
    RegisterFile<K, N> r;
    for_each_micro<K>([&]<int J>() __attribute__((always_inline)) { if constexpr (micro<K, J>.level == 0) evaluate<K, N, J>(r, start, Span{0, N}, c, stride); });
    for (int done = 0; done < columns;) {
      constexpr bool nested = loops.inner - loops.columns > 1;
      const std::int64_t extent = a.extent[std::size_t(last)], outer = nested ? (column + done) / extent : 0, at_column = column + done - outer * extent;
      const int length = nested ? int(std::min<std::int64_t>(columns - done, extent - at_column)) : columns;
      Walk<P> corner = start;
      if constexpr (nested) move<loops.columns, last>(corner, outer);
      for (int i = 0; i < rows; ++i) {
        Walk<P> w = corner;
        move<loops.rows, loops.columns>(w, row + i);
        for_each_micro<K>([&]<int J>() __attribute__((always_inline)) { if constexpr (micro<K, J>.level == 1) evaluate<K, N, J>(r, w, Span{0, N}, c, stride); });
        for (int j = 0; j < length; j += N) {
          const Span s{at_column + j, std::min(N, length - j)};
          for_each_micro<K>([&]<int J>() __attribute__((always_inline)) {
            constexpr Micro::What what = micro<K, J>.what;
            if constexpr (what == Micro::What::result) at<K, N, J>(r) = load<T, N>(tile + i * ld + done + j, s.n);
            else if constexpr (what == Micro::What::store) write<K, N, J>(r, w, s, stride);
            else if constexpr (micro<K, J>.level == 2) evaluate<K, N, J>(r, w, s, c, stride);
          });
        }
      }
      done += length;
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
  constexpr auto loops = compile::ContractLoops::of(K::body);
  using T = element_type<dtype_of_result<K>()>;
  const Arguments<L, P> a(table, c);
  const auto nest = [&](int p, int first, int last) {
    Nest n;
    for (int l = first; l < last; ++l) n.add(a.extent[std::size_t(l)], a.stride[std::size_t(p)][std::size_t(l)]);
    return n;
  };
  const Nest rows = nest(0, loops.rows, loops.columns), columns = nest(1, loops.columns, loops.inner), left_inner = nest(0, loops.inner, L), right_inner = nest(1, loops.inner, L);
  for_each_point<K, 0, loops.rows>(a, Walk<P>{a.address, a.origin}, 0, points(a, 0, loops.rows), [&](const Walk<P>& w) {
    const Epilogue<K, T> epilogue{a, c, w};
    Products<T>({reinterpret_cast<const T*>(w.address[0]), rows, left_inner}, {reinterpret_cast<const T*>(w.address[1]), columns, right_inner}, c.scratch, c.threads, &Epilogue<K, T>::finish, &epilogue).run();
  });
}

}  // namespace sinter::cpu
