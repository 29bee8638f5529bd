// erf, the error function.
#pragma once
#include "exponential.hpp"

namespace sinter {

/// 2/√π ∫₀ˣ exp(−t²) dt, 1.5 ULP. Near 0 it is x + x P(x²), elsewhere 1 − exp(Q(|x|)); from 4 on it is 1.
template <int N> [[gnu::always_inline]] constexpr Lanes<float, N> erf(Lanes<float, N> x) {
  using V = Lanes<float, N>;
  const V a = select(abs(x) > V(4.f), V(4.f), abs(x)), z = x * x;
  V p = fma(z, V(8.382390662637483e-05f), V(-0.0008145597582837593f));
  p = fma(z, p, V(0.0052012860884600495f));
  p = fma(z, p, V(-0.02685950011012607f));
  p = fma(z, p, V(0.11283697325198673f));
  p = fma(z, p, V(-0.37612633854256533f));
  p = fma(z, p, V(0.1283791666498305f));
  V q = fma(a, V(-2.0828514747879047e-05f), V(0.0004313924133309753f));
  q = fma(a, q, V(-0.004156249552466401f));
  q = fma(a, q, V(0.025080602945789836f));
  q = fma(a, q, V(-0.10822036398627252f));
  q = fma(a, q, V(-0.6334008682693912f));
  q = fma(a, q, V(-1.129488398224386f));
  q = fma(a, q, V(0.00016920350645311576f));
  return select(a > V(0.92f), copysign(V(1.f) - exp(q), x), fma(x, p, x));
}

}  // namespace sinter
