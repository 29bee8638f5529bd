// The micro-operations of a kernel (backend/body.hpp) on the lanes of a CPU's registers, and what they cost.
#pragma once
#include "../body.hpp"
#include "access.hpp"
#include "context.hpp"

namespace sinter::inline SINTER_ABI::cpu {

using compile::Micro;

/// What an element of a map or row kernel takes, in nanoseconds, roughly: each
/// is time for four operations in all lanes, or for 32 bytes.
template <class K> inline constexpr double element_ns = [] {
  double flops = 0, bytes = 0;
  for_each_micro<K>([&]<int J>() {
    constexpr Micro m = micro<K, J>;
    const double times = m.kept >= 0 || m.stored >= 0 ? 1 : std::popcount(m.passes);
    if constexpr (m.what == Micro::What::apply) {
      if constexpr (requires { graph::primitive_struct<m.code>::flops; })
        flops += times * graph::primitive_struct<m.code>::flops;
      else flops += times;
    } else if constexpr (m.level == 2) {
      if (m.what == Micro::What::load || m.what == Micro::What::store) bytes += times * bytes_of(m.dtype);
      // lane by lane
      if (m.unit == 2 || m.what == Micro::What::gather || m.what == Micro::What::scatter) flops += 8 * times;
      flops += times;
    }
  });
  return std::max(flops / (4 * lanes), bytes / 32);
}();

}  // namespace sinter::cpu
