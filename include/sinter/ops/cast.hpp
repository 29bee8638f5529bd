// Conversion between element types.
#pragma once
#include "apply.hpp"

namespace sinter::inline SINTER_ABI {

/// The elements as another type. PyTorch: x.to(dtype).
template <Element To, Operand X> constexpr graph::Result<ops::Apply<ops::Cast<dtype_of<To>>>, X> cast(X&& x) {
  return call<ops::Apply<ops::Cast<dtype_of<To>>>>(std::forward<X>(x));
}

}  // namespace sinter
