// Comparisons of whole tensors.
#pragma once
#include "../ops/ops.hpp"
#include "evaluate.hpp"

namespace sinter::inline SINTER_ABI {

/// Whether |a − b| ≤ atol + rtol |b| everywhere; equal infinities are close, NaN is close to nothing. PyTorch:
/// torch.allclose.
template <class A, class B>
requires Operands<A, B>
bool allclose(const A& a, const B& b, double rtol = 1e-5, double atol = 1e-8) {
  return all(logical_or(a == b, logical_and(isfinite(b), abs(a - b) <= abs(b) * rtol + atol)));
}
/// Whether all elements are equal. PyTorch: torch.equal.
template <class A, class B> requires Operands<A, B> bool equal(const A& a, const B& b) { return all(a == b); }

}  // namespace sinter
