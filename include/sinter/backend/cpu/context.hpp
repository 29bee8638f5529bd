// What a running step sees: addresses, lengths, scratch memory and the number of threads.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>

#include "../../compile/program/table.hpp"

namespace sinter::cpu {

namespace compile = internals::compile;

struct Context {
  std::byte* const* base;       ///< the arena, then inputs, then outputs
  const std::int64_t* lengths;  ///< one per symbolic dimension of the program
  std::byte* scratch;           ///< shared by the threads of a step
  int threads = 1;
};

/// The arguments of a step, read from the program's table
/// (compile/program/table.hpp) for a kernel with L loops and P pointers.
template <int L, int P> struct Arguments {
  std::array<std::int64_t, std::size_t(L)> extent;
  std::array<std::byte*, std::size_t(P)> address;                                  ///< null for pointers without memory
  std::array<std::int64_t, std::size_t(P)> origin;  ///< element offset of pointers without memory
  std::array<std::array<std::int64_t, std::size_t(L)>, std::size_t(P)> stride;     ///< in elements

  [[gnu::always_inline]] inline Arguments(const std::int64_t* table, const Context& c) {
    for (int i = 0; i < L; ++i) {
      extent[std::size_t(i)] = compile::TableExtent::of(table[i]).at(c.lengths);
    }
    table += L;
    for (int p = 0; p < P; ++p, table += 2 + L) {
      address[std::size_t(p)] = table[0] < 0 ? nullptr : c.base[std::uint32_t(table[0])] + table[1];
      origin[std::size_t(p)] = table[0] < 0 ? table[1] : 0;
      for (int i = 0; i < L; ++i) stride[std::size_t(p)][std::size_t(i)] = table[2 + i];
    }
  }
};

}  // namespace sinter::cpu
