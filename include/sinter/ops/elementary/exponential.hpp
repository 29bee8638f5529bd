// exp, log, tanh and the logistic function, and expm1 and log1p, which are accurate where the others cancel.
#pragma once
#include "../lanes.hpp"

namespace sinter::inline SINTER_ABI::ops {

/// e^x, 1.2 ULP. Cody-Waite reduction x = n ln 2 + r, then 1 + r + r² P(r), by
/// Estrin's scheme: shorter chains than Horner's.
template <int N> [[gnu::always_inline]] constexpr Lanes<float, N> exp(Lanes<float, N> x) {
  using V = Lanes<float, N>;
  x = within(x, V(-104.f), V(89.f));
  const V shifted =
      as_rounded(fma(x, V(1.44269504088896341f), V(12582912.f)));  // 1.5 · 2²³: the sum's low bits are the integer
  const V n = as_rounded(shifted - V(12582912.f));
  V r = as_rounded(fma(n, V(-0.693145751953125f), x));
  r = as_rounded(fma(n, V(-1.428606820309417e-06f), r));
  const V square = r * r;
  const V high = fma(square, V(0.0013814466879497895f), fma(r, V(0.008368780415682656f), V(0.04166839421449449f)));
  const V p = fma(square, high, fma(r, V(0.16666520107770755f), V(0.4999999341248413f)));
  return scale(fma(square, p, r) + V(1.f), n);
}

/// 1 / (1 + e^−x), 3 ULP. A shorter dependency chain than through exp: 2^n and e^r of e^−x = 2^n e^r are combined in
/// the last multiply-add.
template <int N> [[gnu::always_inline]] constexpr Lanes<float, N> logistic(Lanes<float, N> x) {
  using V = Lanes<float, N>;
  x = within(-x, V(-104.f), V(89.f));
  const V shifted = as_rounded(fma(x, V(1.44269504088896341f), V(12582912.f)));
  const V n = as_rounded(shifted - V(12582912.f));
  V r = as_rounded(fma(n, V(-0.693145751953125f), x));
  r = as_rounded(fma(n, V(-1.428606820309417e-06f), r));
  const V square = r * r;
  const V low = fma(square, fma(r, V(0.16666520107770755f), V(0.4999999341248413f)), r);
  const V high = fma(square, V(0.0013814466879497895f), fma(r, V(0.008368780415682656f), V(0.04166839421449449f)));
  return V(1.f) / fma(scale(V(1.f), n), fma(square * square, high, low) + V(1.f), V(1.f));
}
template <int N> [[gnu::always_inline]] constexpr Lanes<double, N> logistic(Lanes<double, N> x) {
  return Lanes<double, N>(1) / (Lanes<double, N>(1) + exp(-x));
}

/// e^x − 1, 1.5 ULP. With 2^(n − 1) taken out of both terms nothing overflows before the result does.
template <int N> [[gnu::always_inline]] constexpr Lanes<float, N> expm1(Lanes<float, N> x) {
  using V = Lanes<float, N>;
  const V y = within(x, V(-104.f), V(89.f));
  const V shifted = as_rounded(fma(y, V(1.44269504088896341f), V(12582912.f)));
  const V n = as_rounded(shifted - V(12582912.f));
  V r = as_rounded(fma(n, V(-0.693145751953125f), y));
  r = as_rounded(fma(n, V(-1.428606820309417e-06f), r));
  V p = fma(r, V(0.0001984588056531864f), V(0.001394066871639867f));
  p = fma(r, p, V(0.008333389460980401f));
  p = fma(r, p, V(0.04166636042461695f));
  p = fma(r, p, V(0.16666666369738498f));
  p = fma(r, p, V(0.5000000044269547f));
  const V half = scale(fma(r * r, p, r), n - V(1.f)) + as_rounded(scale(V(1.f), n - V(1.f)) - V(0.5f));
  return select(n == V(0.f), select(x == V(0.f), x, fma(r * r, p, r)), half + half);
}

/// log(1 + f) + e ln 2 for f in [√½ − 1, √2 − 1]: f − f²/2 + f³ P(f).
template <int N>
[[gnu::always_inline]] constexpr Lanes<float, N> log_of_parts(Lanes<float, N> f, Lanes<float, N> exponent) {
  using V = Lanes<float, N>;
  V p = fma(f, V(-0.07634497392521136f), V(0.12761577387759135f));
  p = fma(f, p, V(-0.1316018223009003f));
  p = fma(f, p, V(0.14201757941643306f));
  p = fma(f, p, V(-0.1662335735513815f));
  p = fma(f, p, V(0.20001226879067274f));
  p = fma(f, p, V(-0.250008210340546f));
  p = fma(f, p, V(0.3333333170767438f));
  const V square = f * f;
  V result = fma(exponent, V(-2.12194440e-4f), f * square * p);
  result = as_rounded(fma(square, V(-0.5f), result) + f);
  return fma(exponent, V(0.693359375f), result);
}

/// Natural logarithm, 1.0 ULP. x = m 2^e with m in [√½, √2).
template <int N> [[gnu::always_inline]] constexpr Lanes<float, N> log(Lanes<float, N> x) {
  using V = Lanes<float, N>;
  using Int = Lanes<std::int32_t, N>;
  const KeepsNan<V> keep(x);
  const Lanes<bool, N> tiny = x < V(1.17549435e-38f);
  const V y = select(tiny, x * V(8388608.f), x);
  const Int e = (bits(y) - Int(0x3f3504f3)) >> 23;
  const V f = from_bits(bits(y) - (e << 23)) - V(1.f);
  const V result = log_of_parts(f, convert<float>(e) - select(tiny, V(23.f), V(0.f)));
  const V inf(unforeseen(infinity<float>)), nan(unforeseen(not_a_number<float>));
  return keep(select(x > V(0.f) && x < inf, result, select(x == V(0.f), -inf, select(x < V(0.f), nan, x))));
}

/// log(1 + x), 1.5 ULP: the logarithm of the rounded sum, with what rounding lost added to the mantissa.
template <int N> [[gnu::always_inline]] constexpr Lanes<float, N> log1p(Lanes<float, N> x) {
  using V = Lanes<float, N>;
  using Int = Lanes<std::int32_t, N>;
  const KeepsNan<V> keep(x);
  const V sum = as_rounded(x + V(1.f));
  const V lost = select(x > V(1.f), V(1.f) - as_rounded(sum - x), x - as_rounded(sum - V(1.f)));
  const Int e = (bits(sum) - Int(0x3f3504f3)) >> 23;
  const V exponent = convert<float>(e),
          f = as_rounded(from_bits(bits(sum) - (e << 23)) - V(1.f)) + scale(lost, -exponent);
  const V inf(unforeseen(infinity<float>)), nan(unforeseen(not_a_number<float>));
  return keep(select(x > V(-1.f) && x < inf, select(x == V(0.f), x, log_of_parts(f, exponent)),
                     select(x == V(-1.f), -inf, select(x < V(-1.f), nan, x))));
}

/// c tanh(x / √k), c and k powers of two: x P(x²) / Q(x²), both of degree 4. All their roots are real and negative, so
/// that each is the product of two quadratics that are computed in parallel: a shorter dependency chain than Estrin's.
/// Exactly ±c beyond ±end. With fused multiply-add the quotient at the end is c, and nowhere larger.
template <int N>
[[gnu::always_inline]] constexpr Lanes<float, N> tanh_quotient(Lanes<float, N> x, float c, float k, float root) {
  using V = Lanes<float, N>;
  const float end = root * (fused_multiply_add ? 7.98775196f : 9.45f), front = c / root;
  const V y = within(x, V(-end), V(end)), u = at_most(x * x, V(end * end));  // the square does not wait for y
  const V p =
      fma(u * y, fma(u, V(front * 0.0174492337f), V(front * k * 23.1164818f)), V(front * k * k * 226.491028f) * y) *
      fma(u, u + V(k * 175.084656f), V(k * k * 5470.44141f));
  const V q =
      fma(u, u + V(k * 73.3907089f), V(k * k * 174.996796f)) * fma(u, u + V(k * 339.983765f), V(k * k * 7080.16357f));
  if constexpr (fused_multiply_add) return p / q;
  else return within(p / q, V(-c), V(c));
}

/// tanh, 6.5 ULP (4e-7 absolute; 8 ULP without fused multiply-add), exactly ±1 beyond its end: 1 − tanh² is then
/// exactly 0.
template <int N> [[gnu::always_inline]] constexpr Lanes<float, N> tanh(Lanes<float, N> x) {
  return tanh_quotient(x, 1.f, 1.f, 1.f);
}

/// 1 / (1 + e^−x), 2e-7 absolute: ½ + ½ tanh(x / 2), two thirds of logistic's dependency chain. For the gates of
/// recurrent nets, which are only factors.
template <int N> [[gnu::always_inline]] constexpr Lanes<float, N> sigmoid_by_tanh(Lanes<float, N> x) {
  return tanh_quotient(x, 0.5f, 4.f, 2.f) + Lanes<float, N>(0.5f);
}
template <int N> [[gnu::always_inline]] constexpr Lanes<double, N> sigmoid_by_tanh(Lanes<double, N> x) {
  return logistic(x);
}

/// tanh, 2.5 ULP, at more than twice the time: −e / (e + 2) with e = exp(−2|x|) − 1.
template <int N> [[gnu::always_inline]] constexpr Lanes<float, N> accurate_tanh(Lanes<float, N> x) {
  using V = Lanes<float, N>;
  const V e = expm1(abs(x) * V(-2.f));
  return select(x == V(0.f), x, copysign(-e / (e + V(2.f)), x));
}
template <int N> [[gnu::always_inline]] constexpr Lanes<double, N> accurate_tanh(Lanes<double, N> x) { return tanh(x); }

}  // namespace sinter::ops
