// How much the kernels of a CPU hold in registers, buffers and caches, where it does not depend on the instruction set.
#pragma once
#include "../../tensor/language.hpp"

#include <algorithm>
#include <cstdint>

namespace sinter::inline SINTER_ABI::cpu {

/// Bytes of a core's own cache, roughly.
inline constexpr std::int64_t own_cache = std::int64_t(1) << 20;

/// Row values that more than one pass needs stay in a buffer of this many bytes on the stack of the kernel; larger rows
/// are computed again.
inline constexpr std::int64_t row_buffer_bytes = 32768;

/// Up to this many rows, a contraction computes the other operand while streaming it from memory (streamed.hpp).
inline constexpr int skinny_rows = 4;

// Large reductions are cut into parts, which threads may share. The parts depend on the extents alone, so that results
// do not depend on the number of threads. Sums of columns (the innermost loop is not folded) are kept in one table per
// part, in scratch memory.
inline constexpr int fold_chunks = 32, fold_columns = 256;
inline constexpr std::int64_t fold_bytes = 8;  ///< of one sum in a table

/// Number of parts into which each of `outer` reductions is cut, [outer, row, columns] → [outer, columns]. 1 where
/// there are enough outer iterations and columns for threads to share.
constexpr std::int64_t chunks_of(std::int64_t outer, std::int64_t row, std::int64_t columns) {
  constexpr std::int64_t shared_otherwise = 8, elements_a_chunk = 32768;
  if (outer * ((columns + fold_columns - 1) / fold_columns) >= shared_otherwise) return 1;
  return std::clamp<std::int64_t>(row * columns / elements_a_chunk, 1,
                                  std::min<std::int64_t>(fold_chunks, std::max<std::int64_t>(row, 1)));
}

/// How many lines of a tile, `stride` bytes from each other, may share one set of a first-level cache, whose sets
/// repeat with every page of addresses: more would evict each other before they have been read completely.
constexpr int most_in_one_set(std::int64_t stride, int lines) {
  constexpr std::int64_t page = 4096, line = 64;
  int count = 0;
  for (int i = 1 - lines; i < lines; ++i) {
    const std::int64_t distance = i * stride;  // less than a page is another set, or the same line
    count +=
        i == 0 || ((distance >= page || distance <= -page) && (distance % page + page) % page <= line) ? 1 : 0;
  }
  return count;
}

}  // namespace sinter::cpu
