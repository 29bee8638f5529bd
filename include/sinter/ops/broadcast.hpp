// Repetition of axes of extent 1, and new axes at the left, as users write it.
#pragma once
#include "apply.hpp"

namespace sinter::inline SINTER_ABI {
namespace ops {

template <auto... E> struct Target {
  static constexpr auto of(const auto&...) {
    std::array<std::int64_t, sizeof...(E)> a{};
    std::size_t i = 0;
    ((a[i++] = packed(capacity_of(E), length_of(E))), ...);
    return a;
  }
};

}  // namespace ops

/// x repeated to the given extents: `broadcast_to<32, 10>(x)`. PyTorch: torch.broadcast_to.
template <auto... E, Operand X>
constexpr graph::Result<ops::Apply<ops::Broadcast, ops::Target<E...>>, X> broadcast_to(X&& x) {
  return call<ops::Apply<ops::Broadcast, ops::Target<E...>>>(std::forward<X>(x));
}

}  // namespace sinter
