// The Thrust backend: the second one, and the pattern for more.
//
// A backend implements kinds of kernels, one at a time; the others run the host's function. Both see the same arguments
// and the same memory, so a program may mix them step by step.
#pragma once
#include "../cpu/backend.hpp"
#include "map.hpp"

// Not sinter::thrust: that name would hide ::thrust from code with `using namespace sinter`.
namespace sinter::inline SINTER_ABI::on_thrust {

struct Backend {
  using Memory = cpu::Backend::Memory;
  using Context = cpu::Context;
  using Profile = cpu::Backend::Profile;
  static constexpr internals::compile::Target target = [] {
    internals::compile::Target t = cpu::target;
    t.tiles.cache = 0;  // steps run one by one
    return t;
  }();

  template <class Policy>
  static Context context(std::byte* const* base, const std::int64_t* lengths, const Policy& policy) {
    return cpu::Backend::context(base, lengths, policy);
  }
  /// Thrust opens parallel regions of its own: there is no team.
  template <class Program, class Run> static void enter(const Context&, Run&& run) {
    const cpu::DenormalMode flush(cpu::DenormalMode::flushing());
    run();
  }
  template <class K, class Step> static void run(const std::int64_t* arguments, const cpu::Context& c) {
    if constexpr (K::body.kind != internals::compile::KernelKind::map) cpu::Backend::run<K, Step>(arguments, c);
    else map<K>(arguments, c);
  }
};

}  // namespace sinter::on_thrust

namespace sinter::inline SINTER_ABI {

/// The policy of a program on Thrust: `inference<X>(net, Thrust{})`. `threads` are for the kinds of kernels that the
/// host runs.
struct Thrust {
  using Backend = on_thrust::Backend;
  int threads = 1;
};

}  // namespace sinter
