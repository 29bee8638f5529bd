// sin, cos, tan and atan.
#pragma once
#include "../lanes.hpp"

namespace sinter::inline SINTER_ABI::ops {

/// x = n π/2 + r with |r| ≤ π/4 for |x| ≤ `largest_angle`, n < 2¹⁶. Cody-Waite: π/2 as a sum of parts, of 24 bits with
/// fused multiply-add, of eight without, so that the products are exact.
template <int N> struct ReducedAngle {
  using V = Lanes<float, N>;
  V r;
  Lanes<std::int32_t, N> n;  ///< modulo 4; higher bits are arbitrary

  [[gnu::always_inline]] constexpr explicit ReducedAngle(V x) {
    const V shifted = as_rounded(fma(x, V(0.63661977236758134f), V(12582912.f))),
            whole = as_rounded(shifted - V(12582912.f));  // as in exp
    n = bits(shifted);
    if constexpr (fused_multiply_add) {
      r = as_rounded(fma(whole, V(-1.5707963705062866f), x));
      r = as_rounded(fma(whole, V(4.371138828673793e-08f), r));
      r = as_rounded(fma(whole, V(1.7151245100058819e-15f), r));
    } else {
      r = as_rounded(fma(whole, V(-1.5703125f), x));
      r = as_rounded(fma(whole, V(-0.0004825592041015625f), r));
      r = as_rounded(fma(whole, V(-1.2665987014770508e-06f), r));
      r = as_rounded(fma(whole, V(-9.89530235528946e-10f), r));
      r = r - fma(whole, V(2.5579538487363607e-12f), whole * V(5.390302953474238e-15f));
    }
  }
  /// The sine of r + q π/2 for integers q.
  [[gnu::always_inline]] constexpr V sine(Lanes<std::int32_t, N> q) const {
    using Int = Lanes<std::int32_t, N>;
    const V value = select((q & Int(1)) == Int(1), cosine_of_r(), sine_of_r());
    return from_bits(bits(value) ^ ((q & Int(2)) << 30));
  }
  [[gnu::always_inline]] constexpr V sine_of_r() const {
    const V z = r * r;
    const V p = fma(z, fma(z, V(-0.0001951495658047115f), V(0.008332158399962587f)), V(-0.16666654572927542f));
    return fma(r * z, p, r);
  }
  [[gnu::always_inline]] constexpr V cosine_of_r() const {
    const V z = r * r;
    const V p = fma(z, fma(z, V(2.4432784930876416e-05f), V(-0.0013887313061066995f)), V(0.04166664561875886f));
    return fma(z * z, p, fma(z, V(-0.5f), V(1.f)));
  }
};
inline constexpr float largest_angle = 1e5f;

/// `result`, but from the C library in lanes with angles beyond `largest_angle`, which are rare and take long to
/// reduce.
template <int N> [[gnu::always_inline]] constexpr Lanes<float, N> with_large_angles(Lanes<float, N> x,
                                                                                    Lanes<float, N> result,
                                                                                    float (*by_library)(float)) {
  const Lanes<bool, N> large = abs(x) > Lanes<float, N>(largest_angle);
  if (any(large)) [[unlikely]] return select(large, lane_by_lane(x, by_library), result);
  return result;
}

/// Sine, 1.6 ULP (3.4 without fused multiply-add).
template <int N> [[gnu::always_inline]] constexpr Lanes<float, N> sin(Lanes<float, N> x) {
  const ReducedAngle<N> a(x);
  return with_large_angles<N>(x, select(x == Lanes<float, N>(0.f), x, a.sine(a.n)),
                              [](float v) { return std::sin(v); });
}
/// Cosine, likewise.
template <int N> [[gnu::always_inline]] constexpr Lanes<float, N> cos(Lanes<float, N> x) {
  const ReducedAngle<N> a(x);
  return with_large_angles<N>(x, a.sine(a.n + Lanes<std::int32_t, N>(1)), [](float v) { return std::cos(v); });
}
/// Tangent, 3.7 ULP (5 without fused multiply-add): the quotient of sine and cosine.
template <int N> [[gnu::always_inline]] constexpr Lanes<float, N> tan(Lanes<float, N> x) {
  using Int = Lanes<std::int32_t, N>;
  const ReducedAngle<N> a(x);
  const auto s = a.sine_of_r(), c = a.cosine_of_r();
  const auto odd = (a.n & Int(1)) == Int(1);
  return with_large_angles<N>(x, select(x == Lanes<float, N>(0.f), x, select(odd, -c, s) / select(odd, s, c)),
                              [](float v) { return std::tan(v); });
}

/// Arc tangent, 1.6 ULP. Beyond 1 it is π/2 − atan(1/x); then t + t³ P(t²) with |t| ≤ 1.
template <int N> [[gnu::always_inline]] constexpr Lanes<float, N> atan(Lanes<float, N> x) {
  using V = Lanes<float, N>;
  const V a = abs(x);
  const Lanes<bool, N> beyond = a > V(1.f);
  const V t = select(beyond, V(-1.f) / a, a), z = t * t;
  V p = fma(z, V(-0.0017912686765099895f), V(0.010904700810901438f));
  p = fma(z, p, V(-0.031160574424576377f));
  p = fma(z, p, V(0.057941471577809954f));
  p = fma(z, p, V(-0.0840258169100819f));
  p = fma(z, p, V(0.10951914606267799f));
  p = fma(z, p, V(-0.14264195161085433f));
  p = fma(z, p, V(0.19998544455531395f));
  p = fma(z, p, V(-0.33333298982450166f));
  const V angle = fma(t * z, p, t);
  return copysign(select(beyond, V(1.57079637f) + as_rounded(angle - V(4.37113883e-8f)), angle), x);
}

}  // namespace sinter::ops
