// Blocking of a matrix product, (M, K) × (K, N) → (M, N), and the scratch memory that it takes.
#pragma once
#include <algorithm>

#include "sizes.hpp"
#include "tile.hpp"

namespace sinter::inline SINTER_ABI::cpu {

/// Blocks of the operands: what a second-level cache holds.
struct Blocks {
  std::int64_t rows, columns, inner;
};
/// Of the contracted axis at a time, where the left operand is packed, and where it is read in place.
inline constexpr std::int64_t deepest = 2048, deepest_in_place = 8192, shallowest = 256;
template <class T> inline constexpr std::int64_t block_elements = (std::int64_t(1) << 20) / std::int64_t(sizeof(T));
/// Of the packed operands at a time: rows stay in the second-level cache, columns in the next one.
template <class T> inline constexpr std::int64_t left_elements = block_elements<T> / 2;
template <class T> inline constexpr std::int64_t right_elements = 4 * block_elements<T>;
template <class T> constexpr std::int64_t aligned_bytes(std::int64_t elements) {
  return (elements * std::int64_t(sizeof(T)) + 63) / 64 * 64;
}

/// How much of the contracted axis is summed at once: all of it if it is short. A long one has to be cut, into chunks
/// for which all rows and all columns fit, so that nothing is packed twice.
template <class T>
constexpr std::int64_t depth_of(std::int64_t rows, std::int64_t columns, std::int64_t inner, bool in_place = false) {
  if (inner <= (in_place ? deepest_in_place : deepest)) return std::max<std::int64_t>(1, inner);
  const std::int64_t all = block_elements<T> / (std::max(rows, columns) + std::max(Tile<T>::rows, Tile<T>::columns));
  return std::min(deepest, std::max(all, shallowest));
}
template <class T>
constexpr Blocks blocks_of(std::int64_t rows, std::int64_t columns, std::int64_t inner, bool in_place = false) {
  const std::int64_t depth = depth_of<T>(rows, columns, inner, in_place);
  // a multiple of the unit whose panels fill the cache
  const auto part = [&](std::int64_t n, std::int64_t unit, std::int64_t elements) {
    return std::min((n + unit - 1) / unit * unit, std::max<std::int64_t>(1, elements / (depth * unit)) * unit);
  };
  return {in_place ? std::max<std::int64_t>(1, rows) : part(rows, Tile<T>::rows, left_elements<T>),
          part(columns, Tile<T>::columns, right_elements<T>), depth};
}

// Which operands tiles read in place, rather than from panels into which they are packed. The compiler asks of the axes
// of a tensor, the kernel of its loops.

/// Lines of a left operand, [M, K], that are contiguous, `stride` bytes from each other: they are not too long, and the
/// lines of a tile do not evict each other from the cache.
template <class T>
constexpr bool left_stays_in_place(std::int64_t lines, std::int64_t stride, std::int64_t depth) {
  constexpr int ways = 4;
  return depth <= deepest_in_place &&
         most_in_one_set(stride, int(std::min<std::int64_t>(lines, Tile<T>::rows))) <= ways;
}
/// Contiguous columns of a right operand, [K, N], that are multiplied by `rows`: only whole registers can be read from
/// memory, and packing is cheap where many rows use it.
template <class T> constexpr bool right_stays_in_place(std::int64_t columns, std::int64_t rows) {
  constexpr std::int64_t tiles = 8;
  return columns % Tile<T>::width == 0 && rows <= tiles * Tile<T>::rows;
}

/// A contracted axis that is long compared with rows and columns is cut into chunks, which threads share: each packs
/// its own blocks and sums into a table of its own, and the tables are added in order. The number of chunks depends on
/// the extents alone, so that results do not depend on the number of threads.
struct LongSums {
  static constexpr std::int64_t least = 4096, most_results = 65536, most_lines = 1024, shortest = 1024;
  static constexpr std::int64_t
      most = 8,
      workers = 4;  ///< chunks, and how many are summed at once, each in scratch memory of its own

  static constexpr std::int64_t chunks(std::int64_t rows, std::int64_t columns, std::int64_t inner) {
    if (inner < least || rows + columns > most_lines || rows * columns > most_results) return 1;
    return std::min(most, inner / shortest);
  }
  /// What a worker packs at a time: at most `depth` of a chunk.
  template <class T> static constexpr Blocks blocks(std::int64_t rows, std::int64_t columns, std::int64_t depth) {
    const std::int64_t high = (rows + Tile<T>::rows - 1) / Tile<T>::rows * Tile<T>::rows,
                       wide = (columns + Tile<T>::columns - 1) / Tile<T>::columns * Tile<T>::columns;
    return {high, wide, std::min(depth, block_elements<T> / std::max<std::int64_t>(1, high + wide))};
  }
  template <class T> static constexpr std::int64_t worker_bytes(const Blocks& b) {
    return aligned_bytes<T>(b.rows * b.inner) + aligned_bytes<T>(b.columns * b.inner);
  }
  /// The most bytes that contractions of up to these sizes use.
  template <class T> static constexpr std::int64_t bytes(std::int64_t rows, std::int64_t columns, std::int64_t inner) {
    if (inner < least) return 0;
    return workers * (block_elements<T> * std::int64_t(sizeof(T)) + 128) +
           most * aligned_bytes<T>(std::min(rows * columns, most_results));
  }
};

/// The most rows that are swapped with columns that are windows (products.hpp).
inline constexpr std::int64_t most_swapped_rows = 128;

/// Scratch bytes of a contraction of at most these sizes: both packed blocks, the left one alone if the right operand
/// is in panels already, and the sums where the contracted axis is cut. Operands may be swapped if the columns are
/// windows. Fewer rows and columns make deeper blocks, but never larger ones.
template <class T> constexpr std::int64_t pack_bytes_of(std::int64_t rows, std::int64_t columns, std::int64_t inner,
                                                        bool in_panels = false, bool windows = false) {
  const auto panel = [&](std::int64_t n, std::int64_t unit, std::int64_t most, std::int64_t elements) {
    most = std::max<std::int64_t>(1, std::min(inner, most));
    return aligned_bytes<T>(std::min((n + unit - 1) / unit * unit * most, std::max(elements, unit * most)));
  };
  const std::int64_t right = in_panels ? 0 : panel(columns, Tile<T>::columns, deepest_in_place, right_elements<T>);
  const std::int64_t swapped =
      windows && !in_panels ? panel(std::min(rows, most_swapped_rows), Tile<T>::columns, deepest, right_elements<T>)
                            : 0;
  const std::int64_t packed = std::max(panel(rows, Tile<T>::rows, deepest, left_elements<T>) + right, swapped);
  const std::int64_t sums = inner > depth_of<T>(rows, columns, inner) ? aligned_bytes<T>(rows * columns) : 0;
  return std::max(packed + sums, LongSums::bytes<T>(rows, columns, inner));
}
}  // namespace sinter::cpu
