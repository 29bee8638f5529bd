// The arguments of a step, as its kernel uses them.
#pragma once
#include <cstddef>
#include <cstdint>

#include "../compile/program/table.hpp"
#include "../tensor/array.hpp"

namespace sinter::internals::backend {

/// The arguments of a step, read from the program's table
/// (compile/program/table.hpp) for a kernel with L loops and P pointers.
template <int L, int P> struct Arguments {
  Array<std::int64_t, L> extent;
  Array<std::byte*, P> address;             ///< null for pointers without memory
  Array<std::int64_t, P> origin;            ///< element offset of pointers without memory
  Array<Array<std::int64_t, L>, P> stride;  ///< in elements

  template <class Context> [[gnu::always_inline]] inline Arguments(const std::int64_t* table, const Context& c) {
    for (int i = 0; i < L; ++i) extent[i] = compile::TableExtent::of(table[i]).at(c.lengths);
    table += L;
    for (int p = 0; p < P; ++p, table += 2 + L) {
      address[p] = table[0] < 0 ? nullptr : c.base[std::uint32_t(table[0])] + table[1];
      origin[p] = table[0] < 0 ? table[1] : 0;
      for (int i = 0; i < L; ++i) stride[p][i] = table[2 + i];
    }
  }
};

}  // namespace sinter::internals::backend
