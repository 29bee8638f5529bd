// Elementwise sin, cos, tan, atan.
#pragma once
#include "apply.hpp"
#include "arithmetic.hpp"

namespace sinter::inline SINTER_ABI {
namespace ops {

struct Sin : Elementwise<Sin, 1, Floating> {
  static constexpr const char* name = "sin";
  static constexpr double flops = 30;
  static constexpr auto eval(auto x) { return sin(x); }
  static constexpr auto derivative(int, auto x, auto, auto t) { return t * cos(x); }
};
struct Cos : Elementwise<Cos, 1, Floating> {
  static constexpr const char* name = "cos";
  static constexpr double flops = 30;
  static constexpr auto eval(auto x) { return cos(x); }
  static constexpr auto derivative(int, auto x, auto, auto t) { return t * -sin(x); }
};
struct Tan : Elementwise<Tan, 1, Floating> {
  static constexpr const char* name = "tan";
  static constexpr double flops = 34;
  static constexpr auto eval(auto x) { return tan(x); }
  static constexpr auto derivative(int, auto, auto y, auto t) { return t * (1.0 + y * y); }
};
struct Atan : Elementwise<Atan, 1, Floating> {
  static constexpr const char* name = "atan";
  static constexpr double flops = 28;
  static constexpr auto eval(auto x) { return atan(x); }
  static constexpr auto derivative(int, auto x, auto, auto t) { return t / (1.0 + x * x); }
};

}  // namespace ops

/// Elementwise sine, in radians. Integers are converted to float32. PyTorch: torch.sin.
template <Operand X> constexpr graph::Result<ops::Apply<ops::Sin>, X> sin(X&& x) {
  return call<ops::Apply<ops::Sin>>(std::forward<X>(x));
}
/// Elementwise cosine, in radians. PyTorch: torch.cos.
template <Operand X> constexpr graph::Result<ops::Apply<ops::Cos>, X> cos(X&& x) {
  return call<ops::Apply<ops::Cos>>(std::forward<X>(x));
}
/// Elementwise tangent, in radians. PyTorch: torch.tan.
template <Operand X> constexpr graph::Result<ops::Apply<ops::Tan>, X> tan(X&& x) {
  return call<ops::Apply<ops::Tan>>(std::forward<X>(x));
}
/// Elementwise arc tangent, in radians. PyTorch: torch.atan.
template <Operand X> constexpr graph::Result<ops::Apply<ops::Atan>, X> atan(X&& x) {
  return call<ops::Apply<ops::Atan>>(std::forward<X>(x));
}

}  // namespace sinter
