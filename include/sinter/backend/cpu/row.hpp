// The row kernel: maps and reductions over rows, in as many passes as their dependencies need, while the row is in
// cache.
#pragma once
#include "row_across.hpp"
#include "row_along.hpp"

namespace sinter::inline SINTER_ABI::cpu {

namespace row_detail {

/// Running sums along the innermost axis of memory, whose lanes would be gathered and scattered element by element:
/// several rows at a time in scalar registers are as independent, and read whole cache lines.
template <class K> constexpr bool scans_in_scalars() {
  bool unit = false;
  for (const Micro& m : K::body.micros)
    unit = unit || (m.level == 2 && (m.what == Micro::What::load || m.what == Micro::What::store) && m.unit == 1);
  return has_scans<K>() && !unit;
}

}  // namespace row_detail

template <class K, class Way, int N = row_detail::scans_in_scalars<K>() ? 1 : lanes>
SINTER_IN_KERNEL inline void row(const std::int64_t* table, const Context& c) {
  const Arguments<K::body.loops, K::body.pointers> a(table, c);
  const row_detail::Task<K> task(a, c, !std::is_same_v<Way, Alone> && N > 1 && streams<K>(a));
  if constexpr (row_detail::along<K>) row_detail::run_along<K, Way, N>(task);
  else row_detail::run_across<K, Way, N>(task);
}

}  // namespace sinter::cpu
