// The arguments of a step, as its kernel uses them.
#pragma once
#include <cstddef>
#include <cstdint>

#include "../compile/program/table.hpp"
#include "../tensor/array.hpp"

namespace sinter::inline SINTER_ABI::internals::backend {

/// The arguments of a step, read from the program's table
/// (compile/program/table.hpp) for a kernel with L loops and P pointers.
template <int L, int P> struct Arguments {
  Array<std::int64_t, L> extent;
  Array<std::byte*, P> address;             ///< null for pointers without memory
  Array<std::int64_t, P> origin;            ///< element offset of pointers without memory
  Array<Array<std::int64_t, L>, P> stride;  ///< in elements

  template <class Context> [[gnu::always_inline]] inline Arguments(const std::int64_t* table, const Context& c) {
    for (int i = 0; i < L; ++i) extent[i] = compile::TableExtent::of(table[i]).at(c.lengths);
    for (int p = 0; p < P; ++p) {
      const auto q = compile::TablePointer::of(table, L, p);
      address[p] = q.has_memory() ? c.base[q.base()] + q.offset() : nullptr;
      origin[p] = q.has_memory() ? 0 : q.offset();
      for (int i = 0; i < L; ++i) stride[p][i] = q.stride(i);
    }
  }
};

}  // namespace sinter::internals::backend
