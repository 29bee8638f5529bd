// The CPU backend: which function runs which kind of kernel.
#pragma once
#include "chain.hpp"
#include "map.hpp"
#include "row.hpp"
#include "target.hpp"

namespace sinter::cpu {

struct Backend {
  static constexpr bool shares_a_team = true;  ///< all of a program's steps may run within one parallel region
  static constexpr compile::Target target = cpu::target;

  /// `Step`: the step of a straight-line program, whose arguments are the constants `Step::arguments`; void in any
  /// other program.
  template <class K, class Step>
  [[gnu::always_inline]] static void run(const std::int64_t* arguments, const Context& c) {
    using Way = std::conditional_t<std::is_void_v<Step>, Split, Alone>;
    if constexpr (K::body.kind == compile::KernelKind::contract) {
      if constexpr (is_small_contraction<K, Step>()) SmallContraction<K, Step>::run(c);
      else contract<K>(arguments, c);
    } else if constexpr (K::body.kind == compile::KernelKind::row) row<K, Way>(arguments, c);
    else if constexpr (K::body.kind == compile::KernelKind::scatter) scatter<K>(arguments, c);
    else if constexpr (K::body.kind == compile::KernelKind::custom) own<K>(arguments, c);
    else if constexpr (is_fixed<K, Step>()) SmallMap<K, Step>::run(c);
    else map<K, Way>(arguments, c);
  }
  /// Steps that run tile by tile: see chain.hpp.
  template <int Most> static void run_chain(const std::int64_t* chain, const std::int64_t* table,
                                            const StepFunction* functions, const Context& c) {
    cpu::run_chain<Most>(chain, table, functions, c);
  }
};

/// The policy of a program on the CPU: on the caller's thread, or on up to `count` OpenMP threads. Results are
/// identical, bit by bit.
struct Threads {
  using Backend = cpu::Backend;
  int count = 1;
};

}  // namespace sinter::cpu
