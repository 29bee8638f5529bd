// Elementwise exp, log, tanh, sqrt.
#pragma once
#include "apply.hpp"
#include "arithmetic.hpp"

namespace sinter {
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
struct Tanh : Elementwise<Tanh, 1, Floating> {
  static constexpr const char* name = "tanh";
  static constexpr double flops = 24;
  static constexpr auto eval(auto x) { return tanh(x); }
  static constexpr auto derivative(int, auto, auto y, auto t) { return t * (1.0 - y * y); }
};
struct Sqrt : Elementwise<Sqrt, 1, Floating> {
  static constexpr const char* name = "sqrt";
  static constexpr double flops = 6;
  static constexpr auto eval(auto x) { return sqrt(x); }
  static constexpr auto derivative(int, auto, auto y, auto t) { return t * 0.5 / y; }
};

}  // namespace ops

/// Elementwise e^x, natural logarithm, hyperbolic tangent and square root. Integers are taken as float32.
/// PyTorch: torch.exp, torch.log, torch.tanh, torch.sqrt.
template <Operand X> constexpr Result<ops::Apply<ops::Exp>, X> exp(X&& x) { return call<ops::Apply<ops::Exp>>(std::forward<X>(x)); }
template <Operand X> constexpr Result<ops::Apply<ops::Log>, X> log(X&& x) { return call<ops::Apply<ops::Log>>(std::forward<X>(x)); }
template <Operand X> constexpr Result<ops::Apply<ops::Tanh>, X> tanh(X&& x) { return call<ops::Apply<ops::Tanh>>(std::forward<X>(x)); }
template <Operand X> constexpr Result<ops::Apply<ops::Sqrt>, X> sqrt(X&& x) { return call<ops::Apply<ops::Sqrt>>(std::forward<X>(x)); }

}  // namespace sinter
