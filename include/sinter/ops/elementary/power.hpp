// pow, any number to the power of any other.
#pragma once
#include "../lanes.hpp"

namespace sinter::inline SINTER_ABI::ops {

/// x^y, 2 ULP, with the special cases of C99: 2^(y log₂ |x|), where the logarithm and
/// its product with y are taken in double precision, because their error is multiplied
/// by up to 128. log₂ of the mantissa m is s P(s²) of s = (m − 1) / (m + 1).
template <int N> [[gnu::always_inline]] constexpr Lanes<float, N> pow(Lanes<float, N> x, Lanes<float, N> y) {
  using V = Lanes<float, N>;
  using D = Lanes<double, N>;
  using Int = Lanes<std::int32_t, N>;
  const V inf(unforeseen(infinity<float>)), nan(unforeseen(not_a_number<float>)), a = abs(x);

  const Lanes<bool, N> tiny = a < V(1.17549435e-38f);
  const V normal = select(tiny, a * V(8388608.f), a);
  const Int e = (bits(normal) - Int(0x3f3504f3)) >> 23;
  const D m = convert<double>(from_bits(bits(normal) - (e << 23)));
  const D s = (m - D(1.)) / (m + D(1.)), z = s * s;
  D p = fma(z, D(0.34076998478786696), D(0.41167066176281614));
  p = fma(z, p, D(0.5770836174599602));
  p = fma(z, p, D(0.9617966731820595));
  p = fma(z, p, D(2.8853900817902036));
  const D logarithm = fma(s, p, convert<double>(convert<float>(e) - select(tiny, V(23.f), V(0.f))));

  const D product = convert<double>(y) * logarithm;
  const D t = select(product > D(200.), D(200.), select(product < D(-200.), D(-200.), product));
  const D shifted = as_rounded(t + D(6755399441055744.)), n = as_rounded(shifted - D(6755399441055744.));  // 1.5 · 2⁵²
  const V r = convert<float>(t - n);
  V q = fma(r, V(0.00015353257942139984f), V(0.0013399003438423257f));
  q = fma(r, q, V(0.009618438601002494f));
  q = fma(r, q, V(0.05550332162993994f));
  q = fma(r, q, V(0.24022647896886204f));
  q = fma(r, q, V(0.6931472029849515f));
  V result = scale(fma(r, q, V(1.f)), convert<float>(n));

  // Cases that the logarithm does not cover: 0, ∞, and 1 to an infinite power.
  const Lanes<bool, N> rises = (y > V(0.f) && a > V(1.f)) || (y < V(0.f) && a < V(1.f));
  const Lanes<bool, N> extreme = a == V(0.f) || a == inf || abs(y) == inf;
  result = select(extreme, select(a == V(1.f), V(1.f), select(rises, inf, V(0.f))), result);
  // Negative bases: odd powers are negative, and only integer powers exist.
  const V half = y * V(0.5f);
  const Lanes<bool, N> whole = trunc(y) == y, odd = whole && trunc(half) != half;
  result = select(odd, copysign(result, x), result);
  result = select(!whole && x < V(0.f) && a < inf, nan, result);
  result = select(is_nan(x) || is_nan(y), nan, result);
  return select(y == V(0.f) || x == V(1.f), V(1.f), result);
}

}  // namespace sinter::ops
