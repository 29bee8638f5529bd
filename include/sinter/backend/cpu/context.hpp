// What a running step sees on a CPU: addresses, lengths, scratch memory and the number of threads.
#pragma once
#include <cstddef>
#include <cstdint>

#include "../arguments.hpp"

namespace sinter::inline SINTER_ABI::cpu {

namespace compile = internals::compile;
using namespace internals::backend;

struct Context {
  std::byte* const* base;       ///< the arena, then inputs, then outputs
  const std::int64_t* lengths;  ///< one per symbolic dimension of the program
  std::byte* scratch;           ///< shared by the threads of a step
  int threads = 1;
};

}  // namespace sinter::cpu
