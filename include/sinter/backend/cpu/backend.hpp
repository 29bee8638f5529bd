// The CPU backend: which function runs which kind of kernel.
#pragma once
#include "target.hpp"  // first: it brings xsimd, and g++ 12 warns of intrinsics that come before it
#include "chain.hpp"
#include "denormals.hpp"
#include "map.hpp"
#include "row.hpp"
#include "small_map.hpp"
#include "team.hpp"

namespace sinter::inline SINTER_ABI::cpu {

struct Backend {
  using Memory = tensor_detail::AlignedBlock<std::byte>;
  using Context = cpu::Context;
  struct Profile;  ///< what profiles ask: profile.hpp
  static constexpr compile::Target target = cpu::target;

  /// What the steps of a run see.
  template <class Policy>
  static Context context(std::byte* const* base, const std::int64_t* lengths, const Policy& policy) {
    return {base, lengths, nullptr, policy.threads};
  }
  /// Calls run() for a program that iterates over its table: with denormals as zeros, and where its steps have work for
  /// several threads with one team for all of them.
  template <class Program, class Run> static void enter(const Context& c, Run&& run) {
    constexpr bool wants_team = Program::flops / 64 + Program::bytes_moved / 32 >= 10'000;  // several times its cost
    const DenormalMode flush(DenormalMode::flushing());
    Team::run(wants_team ? c.threads : 1, run);
  }

  /// `Step`: the step of a straight-line program, whose arguments are the constants `Step::arguments`; of any other
  /// program what is known of all steps of the kernel (StepsBy), or void.
  template <class K, class Step>
  [[gnu::always_inline]] static void run(const std::int64_t* arguments, const Context& c) {
    constexpr compile::KernelKind kind = K::body.kind;
    if constexpr (kind == compile::KernelKind::contract && !is_small_contraction<K, Step>())
      contract<K, linked_methods<methods_of<K, Step>()>>(arguments, c);
    else if constexpr (kind == compile::KernelKind::scatter) scatter<K>(arguments, c);
    else if constexpr (is_own_kernel(kind)) custom<K>(arguments, c);
    else if constexpr (ConstantStep<Step>) run_inline<K, Step>(arguments, c);
    else if constexpr (kind == compile::KernelKind::row) row<K, Split>(arguments, c);
    else map<K, Split>(arguments, c);
  }
  /// Steps that run tile by tile: see chain.hpp.
  template <int Most> static void run_chain(const std::int64_t* chain, const std::int64_t* table,
                                            const StepFunction* functions, const Context& c) {
    cpu::run_chain<Most>(chain, table, functions, c);
  }

 private:
  template <class K, class Step>
  [[gnu::always_inline, gnu::flatten]] static void run_inline(const std::int64_t* arguments, const Context& c) {
    if constexpr (K::body.kind == compile::KernelKind::contract) SmallContraction<K, Step>::run(c);
    else if constexpr (K::body.kind == compile::KernelKind::row) row<K, Alone>(arguments, c);
    else if constexpr (is_fixed<K, Step>()) SmallMap<K, Step>::run(c);
    else map<K, Alone>(arguments, c);
  }
};

}  // namespace sinter::cpu

namespace sinter::inline SINTER_ABI {

/// The policy of a program on the CPU: `inference<X>(net, Cpu{.threads = 4})`. It runs on the caller's thread, and on
/// up to so many OpenMP threads in all. Results are the same, bit by bit.
struct Cpu {
  using Backend = cpu::Backend;
  int threads = 1;
};

}  // namespace sinter
