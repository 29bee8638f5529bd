// The arguments of a step, as its kernel uses them.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>

#include "../compile/program/table.hpp"

namespace sinter::internals::backend {

/// The arguments of a step, read from the program's table
/// (compile/program/table.hpp) for a kernel with L loops and P pointers.
template <int L, int P> struct Arguments {
  std::array<std::int64_t, std::size_t(L)> extent;
  std::array<std::byte*, std::size_t(P)> address;                                  ///< null for pointers without memory
  std::array<std::int64_t, std::size_t(P)> origin;  ///< element offset of pointers without memory
  std::array<std::array<std::int64_t, std::size_t(L)>, std::size_t(P)> stride;     ///< in elements

  template <class Context> [[gnu::always_inline]] inline Arguments(const std::int64_t* table, const Context& c) {
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

}  // namespace sinter::internals::backend
