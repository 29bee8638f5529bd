// The CPU backend: which function runs which kind of kernel.
#pragma once
#include "attend_gradient.hpp"
#include "contract.hpp"
#include "map.hpp"
#include "row.hpp"

namespace sinter::cpu {

struct Backend {
  static constexpr compile::PackSizes pack{&pack_bytes, lanes > 1 ? Tile<float>::columns : 0};

  /// `Small`: the step is part of a small program, and inlined.
  template <class K, bool Small> [[gnu::always_inline]] static void run(const std::int64_t* arguments, const Context& c) {
    using Way = std::conditional_t<Small, Alone, Split>;
    if constexpr (K::body.kind == graph::Kind::contract) contract<K>(arguments, c);
    else if constexpr (K::body.kind == graph::Kind::reduce) row<K, Way>(arguments, c);
    else if constexpr (K::body.kind == graph::Kind::scatter) scatter<K>(arguments, c);
    else if constexpr (K::body.kind == graph::Kind::kernel) own<K>(arguments, c);
    else map<K, Way>(arguments, c);
  }
};

/// The policy of a program on the CPU: on the caller's thread, or on up to `count` OpenMP threads. Results are the same, bit by bit.
struct Threads {
  using Backend = cpu::Backend;
  int count = 1;
};

}  // namespace sinter::cpu
