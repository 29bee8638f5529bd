// Elementwise exp, log and their forms near 0, tanh, roots, and the error function.
#pragma once
#include "accurate.hpp"
#include "apply.hpp"
#include "arithmetic.hpp"

namespace sinter::inline SINTER_ABI {

namespace ops {

struct Exp : Elementwise<Exp, 1, Floating> {
  static constexpr const char* name = "exp";
  static constexpr double flops = 16;
  static constexpr auto eval(auto x) { return exp(x); }
  static constexpr auto derivative(int, auto, auto y, auto t) { return t * y; }
};
struct Log : Elementwise<Log, 1, Floating> {
  static constexpr const char* name = "log";
  static constexpr double flops = 20;
  static constexpr auto eval(auto x) { return log(x); }
  static constexpr auto derivative(int, auto x, auto, auto t) { return t / x; }
};
struct AccurateTanh;
struct Tanh : Elementwise<Tanh, 1, Floating> {
  using Accurate = AccurateTanh;
  static constexpr const char* name = "tanh";
  static constexpr double flops = 24;
  static constexpr auto eval(auto x) { return tanh(x); }
  static constexpr auto derivative(int, auto, auto y, auto t) { return t * (1.0 - y * y); }
};
struct AccurateTanh : Elementwise<AccurateTanh, 1, Floating> {
  static constexpr const char* name = "accurate_tanh";
  static constexpr double flops = 44;
  static constexpr auto eval(auto x) { return accurate_tanh(x); }
  static constexpr auto derivative(int, auto, auto y, auto t) { return t * (1.0 - y * y); }
};
struct Sqrt : Elementwise<Sqrt, 1, Floating> {
  static constexpr const char* name = "sqrt";
  static constexpr double flops = 6;
  static constexpr auto eval(auto x) { return sqrt(x); }
  static constexpr auto derivative(int, auto, auto y, auto t) { return t * 0.5 / y; }
};
struct Expm1 : Elementwise<Expm1, 1, Floating> {
  static constexpr const char* name = "expm1";
  static constexpr double flops = 20;
  static constexpr auto eval(auto x) { return expm1(x); }
  static constexpr auto derivative(int, auto, auto y, auto t) { return t * (y + 1.0); }
};
struct Log1p : Elementwise<Log1p, 1, Floating> {
  static constexpr const char* name = "log1p";
  static constexpr double flops = 24;
  static constexpr auto eval(auto x) { return log1p(x); }
  static constexpr auto derivative(int, auto x, auto, auto t) { return t / (x + 1.0); }
};
struct Rsqrt : Elementwise<Rsqrt, 1, Floating> {
  static constexpr const char* name = "rsqrt";
  static constexpr double flops = 10;
  static constexpr auto eval(auto x) { return decltype(x)(1) / sqrt(x); }
  static constexpr auto derivative(int, auto, auto y, auto t) { return t * -0.5 * (y * y * y); }
};
struct AccurateErf;
struct Erf : Elementwise<Erf, 1, Floating> {
  using Accurate = AccurateErf;
  static constexpr const char* name = "erf";
  static constexpr double flops = 26;
  static constexpr auto eval(auto x) { return erf(x); }
  // 2/√π
  static constexpr auto derivative(int, auto x, auto, auto t) { return t * (1.1283791670955126 * exp(-(x * x))); }
};
struct AccurateErf : Elementwise<AccurateErf, 1, Floating> {
  static constexpr const char* name = "accurate_erf";
  static constexpr double flops = 36;
  static constexpr auto eval(auto x) { return accurate_erf(x); }
  static constexpr auto derivative(int i, auto x, auto y, auto t) { return Erf::derivative(i, x, y, t); }
};

}  // namespace ops

/// Elementwise e^x, in float32 to 1.2 units in the last place. Integers are converted to float32. PyTorch:
/// torch.exp.
template <Operand X> constexpr graph::Result<ops::Apply<ops::Exp>, X> exp(X&& x) {
  return call<ops::Apply<ops::Exp>>(std::forward<X>(x));
}
/// Elementwise natural logarithm, in float32 to 1.0 units in the last place. PyTorch: torch.log.
template <Operand X> constexpr graph::Result<ops::Apply<ops::Log>, X> log(X&& x) {
  return call<ops::Apply<ops::Log>>(std::forward<X>(x));
}
/// Elementwise hyperbolic tangent, in float32 to 6.5 units in the last place and 4e−7. PyTorch: torch.tanh.
template <Operand X> constexpr graph::Result<ops::Apply<ops::Tanh>, X> tanh(X&& x) {
  return call<ops::Apply<ops::Tanh>>(std::forward<X>(x));
}
/// The hyperbolic tangent to 2.5 units in the last place, at more than twice the time.
template <Operand X> constexpr graph::Result<ops::Apply<ops::AccurateTanh>, X> tanh(X&& x, ops::Accurate) {
  return call<ops::Apply<ops::AccurateTanh>>(std::forward<X>(x));
}
/// Elementwise square root, in float32 the nearest number. PyTorch: torch.sqrt.
template <Operand X> constexpr graph::Result<ops::Apply<ops::Sqrt>, X> sqrt(X&& x) {
  return call<ops::Apply<ops::Sqrt>>(std::forward<X>(x));
}

/// Elementwise e^x − 1, accurate near 0. PyTorch: torch.expm1.
template <Operand X> constexpr graph::Result<ops::Apply<ops::Expm1>, X> expm1(X&& x) {
  return call<ops::Apply<ops::Expm1>>(std::forward<X>(x));
}
/// Elementwise log(1 + x), accurate near 0. PyTorch: torch.log1p.
template <Operand X> constexpr graph::Result<ops::Apply<ops::Log1p>, X> log1p(X&& x) {
  return call<ops::Apply<ops::Log1p>>(std::forward<X>(x));
}
/// Elementwise 1 / √x. PyTorch: torch.rsqrt.
template <Operand X> constexpr graph::Result<ops::Apply<ops::Rsqrt>, X> rsqrt(X&& x) {
  return call<ops::Apply<ops::Rsqrt>>(std::forward<X>(x));
}
/// Elementwise 2/√π ∫₀ˣ exp(−t²) dt, in float32 to 7 units in the last place;
/// accurate to 1.5, at twice the time. PyTorch: torch.erf.
template <Operand X> constexpr graph::Result<ops::Apply<ops::Erf>, X> erf(X&& x) {
  return call<ops::Apply<ops::Erf>>(std::forward<X>(x));
}
template <Operand X> constexpr graph::Result<ops::Apply<ops::AccurateErf>, X> erf(X&& x, ops::Accurate) {
  return call<ops::Apply<ops::AccurateErf>>(std::forward<X>(x));
}

}  // namespace sinter
