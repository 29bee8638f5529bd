// Activations as modules, for nets written as a tuple of layers, under PyTorch's names and with its defaults. As
// functions they are in ops/. Plain members are fixed with a model's type.
#pragma once
#include "../ops/ops.hpp"
#include "init.hpp"

namespace sinter::inline SINTER_ABI::nn {

/// x itself. PyTorch: torch.nn.Identity.
struct Identity {
  constexpr auto operator()(const Operand auto& x) const { return x; }
};
/// max(x, 0). PyTorch: torch.nn.ReLU.
struct ReLU {
  constexpr auto operator()(const Operand auto& x) const { return relu(x); }
};
/// PyTorch: torch.nn.LeakyReLU.
struct LeakyReLU {
  float negative_slope = 0.01f;
  constexpr auto operator()(const Operand auto& x) const { return leaky_relu(x, negative_slope); }
};
/// PyTorch: torch.nn.ReLU6.
struct ReLU6 {
  constexpr auto operator()(const Operand auto& x) const { return relu6(x); }
};
/// PyTorch: torch.nn.Threshold.
struct Threshold {
  float at = 0;
  float value = 0;
  constexpr auto operator()(const Operand auto& x) const { return threshold(x, at, value); }
};
/// PyTorch: torch.nn.Hardtanh.
struct Hardtanh {
  float min_val = -1;
  float max_val = 1;
  constexpr auto operator()(const Operand auto& x) const { return hardtanh(x, min_val, max_val); }
};
/// PyTorch: torch.nn.Hardsigmoid.
struct Hardsigmoid {
  constexpr auto operator()(const Operand auto& x) const { return hardsigmoid(x); }
};
/// PyTorch: torch.nn.Hardswish.
struct Hardswish {
  constexpr auto operator()(const Operand auto& x) const { return hardswish(x); }
};
/// PyTorch: torch.nn.Hardshrink.
struct Hardshrink {
  float lambd = 0.5f;
  constexpr auto operator()(const Operand auto& x) const { return hardshrink(x, lambd); }
};
/// PyTorch: torch.nn.Softshrink.
struct Softshrink {
  float lambd = 0.5f;
  constexpr auto operator()(const Operand auto& x) const { return softshrink(x, lambd); }
};
/// PyTorch: torch.nn.Tanhshrink.
struct Tanhshrink {
  constexpr auto operator()(const Operand auto& x) const { return tanhshrink(x); }
};
/// PyTorch: torch.nn.Tanh.
struct Tanh {
  constexpr auto operator()(const Operand auto& x) const { return tanh(x); }
};
/// PyTorch: torch.nn.Sigmoid.
struct Sigmoid {
  constexpr auto operator()(const Operand auto& x) const { return sigmoid(x); }
};
/// PyTorch: torch.nn.LogSigmoid.
struct LogSigmoid {
  constexpr auto operator()(const Operand auto& x) const { return log_sigmoid(x); }
};
/// PyTorch: torch.nn.SiLU.
struct SiLU {
  constexpr auto operator()(const Operand auto& x) const { return silu(x); }
};
/// PyTorch: torch.nn.Mish.
struct Mish {
  constexpr auto operator()(const Operand auto& x) const { return mish(x); }
};
/// PyTorch: torch.nn.GELU.
struct GELU {
  constexpr auto operator()(const Operand auto& x) const { return gelu(x); }
};
/// PyTorch: torch.nn.GELU(approximate="tanh").
struct GELUTanh {
  constexpr auto operator()(const Operand auto& x) const { return gelu(x, tanh_approximation); }
};
/// PyTorch: torch.nn.ELU.
struct ELU {
  float alpha = 1;
  constexpr auto operator()(const Operand auto& x) const { return elu(x, alpha); }
};
/// PyTorch: torch.nn.CELU.
struct CELU {
  float alpha = 1;
  constexpr auto operator()(const Operand auto& x) const { return celu(x, alpha); }
};
/// PyTorch: torch.nn.SELU.
struct SELU {
  constexpr auto operator()(const Operand auto& x) const { return selu(x); }
};
/// PyTorch: torch.nn.Softplus.
struct Softplus {
  float beta = 1;
  float threshold = 20;
  constexpr auto operator()(const Operand auto& x) const { return softplus(x, beta, threshold); }
};
/// PyTorch: torch.nn.Softsign.
struct Softsign {
  constexpr auto operator()(const Operand auto& x) const { return softsign(x); }
};
/// x where it is positive, weight · x elsewhere; one weight for all or for each
/// of the channels, axis 1. PyTorch: torch.nn.PReLU.
template <int Channels = 1> struct PReLU {
  Param<float, Channels> weight{init::constant(0.25)};
  constexpr auto operator()(const Operand auto& x) const { return prelu(x, weight); }
};
/// PyTorch: torch.nn.GLU.
template <int Axis = -1> struct GLU {
  constexpr auto operator()(const Operand auto& x) const { return glu<Axis>(x); }
};
/// PyTorch: torch.nn.Softmax.
template <int Axis = -1> struct Softmax {
  constexpr auto operator()(const Operand auto& x) const { return softmax<Axis>(x); }
};
/// PyTorch: torch.nn.LogSoftmax.
template <int Axis = -1> struct LogSoftmax {
  constexpr auto operator()(const Operand auto& x) const { return log_softmax<Axis>(x); }
};
/// PyTorch: torch.nn.Softmin.
template <int Axis = -1> struct Softmin {
  constexpr auto operator()(const Operand auto& x) const { return softmin<Axis>(x); }
};
/// All axes but the first as one. PyTorch: torch.nn.Flatten.
struct Flatten {
  constexpr auto operator()(const Operand auto& x) const { return flatten(x); }
};

}  // namespace sinter::nn
