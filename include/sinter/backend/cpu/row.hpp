// The row kernel: maps and reductions over rows, in as many passes as their dependencies need, while the row is in cache.
#pragma once
#include "row_across.hpp"
#include "row_along.hpp"

namespace sinter::cpu {

template <class K, class Way, int N = lanes> [[gnu::always_inline]] inline void row(const std::int64_t* table, const Context& c) {
  const Arguments<K::body.loops, K::body.pointers> a(table, c);
  const row_detail::Task<K> task(a, c, !std::is_same_v<Way, Alone> && N > 1 && streams<K>(a));
  if constexpr (row_detail::along<K>) row_detail::run_along<K, Way, N>(task);
  else row_detail::run_across<K, Way, N>(task);
}

}  // namespace sinter::cpu
