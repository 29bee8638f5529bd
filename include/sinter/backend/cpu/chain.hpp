// Steps that run tile by tile (compile/chains.hpp): the same kernels, with one loop shorter and other addresses.
//
// Each thread takes tiles of its own, one step after another, so that what a step writes is in that core's cache when
// the next one reads it, without synchronisation in between. Where tiles depend on earlier ones, or there are fewer
// than would keep all threads busy, or memory for fewer, the threads share the steps of one tile after another instead.
// Tiles are the same either way, and so is every result.
#pragma once
#include "../../compile/chains.hpp"
#include "context.hpp"
#include "parallel.hpp"

namespace sinter::inline SINTER_ABI::cpu {

using StepFunction = void (*)(const std::int64_t* arguments, const Context&);

/// `functions`: of the program's kernels; `Most`: integers of a step in the table at most.
template <int Most> SINTER_OUTLINE inline void run_chain(const std::int64_t* chain, const std::int64_t* table,
                                                         const StepFunction* functions, const Context& c) {
  const auto head = compile::ChainHead::of(chain);
  const std::int64_t units = head.length(c.lengths), tiles = (units + head.grain - 1) / head.grain;
  const auto run = [&](std::int64_t first, std::int64_t last, std::int64_t worker, const Context& context) {
    std::array<std::int64_t, std::size_t(Most)> room;
    for (std::int64_t k = first; k < last; ++k)
      compile::for_each_step_of_tile(
          chain, table, room.data(), units, k, worker,
          [&](std::int64_t kernel, const std::int64_t* arguments) { functions[kernel](arguments, context); });
  };
  const std::int64_t threads = c.threads, rounds = (tiles + threads - 1) / threads;
  const bool even = rounds * threads * 7 <= tiles * 8;  // nobody waits for more than an eighth
  if (threads == 1 || threads > head.workers || !even) return run(0, tiles, 0, c);
  split(threads, 1, 2, c.threads, [&](std::int64_t from, std::int64_t to) {
    for (std::int64_t w = from; w < to; ++w)
      run(w * tiles / threads, (w + 1) * tiles / threads, w,
          Context{c.base, c.lengths, c.scratch + w * head.scratch, 1});
  });
}

}  // namespace sinter::cpu
