// What a graph is compiled to: steps as data, the distinct kernels, and one arena.
#pragma once
#include <cstdint>

#include "../../graph/list.hpp"

namespace sinter::inline SINTER_ABI::internals::compile {

using graph::List;

/// A compiled graph. Its table is a sequence of steps (table.hpp). Base 0 is the arena, 1 … the inputs, then the
/// outputs; −1 a pointer without memory.
struct Plan {
  List<std::int64_t> table;
  List<std::uint64_t> words;  ///< the identities of the distinct kernels, one after another
  List<int> kernel;           ///< where each begins in words; one more at the end
  List<int> symbols;          ///< the symbolic dimensions that the program takes, in order
  List<std::int64_t> output_bytes;  ///< of each output, aligned
  List<int> takes_over;       ///< for each output the input whose memory it takes over, or −1
  List<int> buffer;  ///< the node that owns the memory of each pointer of each step, −1 for none
  List<std::int64_t> chains;  ///< steps that run tile by tile, one chain after another (ChainHead)
  int steps = 0, nodes = 0, inputs = 0;
  int expectations = 0;       ///< what the graph expects of its inputs, see ops/expect.hpp
  List<const char*> refused;  ///< lengths with which it does not run: why, and
  List<std::int64_t> refused_symbols;  ///< the set of symbolic dimensions, by index, that are all 1 then
  std::int64_t arena_bytes = 0, scratch_bytes = 0;  ///< scratch is after the arena
  std::int64_t straight_line_scratch_bytes = 0;     ///< the same, of a straight-line program
  double flops = 0, bytes_moved = 0;
  double small_flops = 0;  ///< of small products, however many, that a straight-line program computes in place
  List<Plan> bodies;       ///< of steps that are loops, which name theirs by its number; they take the same lengths
};

inline constexpr std::int64_t alignment = 64;
constexpr std::int64_t aligned(std::int64_t bytes) { return (bytes + alignment - 1) / alignment * alignment; }

/// What a graph is compiled to: `prepare` computes what depends on parameters alone, and runs when they change; `run`
/// is for every call, and its last inputs are the outputs of `prepare`.
struct Compiled {
  Plan prepare, run;
};

}  // namespace sinter::internals::compile
