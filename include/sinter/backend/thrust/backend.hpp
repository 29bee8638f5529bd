// The Thrust backend: the second one, and the pattern for more.
//
// A backend implements kinds of kernels, one at a time; the others run the host's function. Both see the same arguments
// and the same memory, so a program may mix them step by step.
#pragma once
#include "../cpu/backend.hpp"
#include "map.hpp"

// Not sinter::thrust: that name would hide ::thrust from code with `using namespace sinter`.
namespace sinter::on_thrust {

struct Backend {
  static constexpr bool shares_a_team = false;  ///< Thrust opens parallel regions of its own
  static constexpr internals::compile::Target target = [] {
    internals::compile::Target t = cpu::target;
    t.tiles.cache = 0;  // steps run one by one
    return t;
  }();

  template <class K, class Step> static void run(const std::int64_t* arguments, const cpu::Context& c) {
    if constexpr (K::body.kind != internals::compile::KernelKind::map) cpu::Backend::run<K, Step>(arguments, c);
    else map<K>(arguments, c);
  }
};

/// The policy of a program on Thrust: `inference<X>(net, on_thrust::Device{})`.
/// `count` is for the kinds that the host runs.
struct Device {
  using Backend = on_thrust::Backend;
  int count = 1;
};

}  // namespace sinter::on_thrust
