// Initial values of parameters.
#pragma once
#include "../tensor/initializer.hpp"

namespace sinter::inline SINTER_ABI::nn::init {

/// One value for all. PyTorch: torch.nn.init.constant_.
constexpr Initializer constant(double value) { return {Initializer::Kind::constant, value, 0}; }
/// PyTorch: torch.nn.init.zeros_.
constexpr Initializer zeros() { return constant(0); }
/// PyTorch: torch.nn.init.ones_.
constexpr Initializer ones() { return constant(1); }
/// U(low, high). PyTorch: torch.nn.init.uniform_.
constexpr Initializer uniform(double low, double high) { return {Initializer::Kind::uniform, low, high}; }
/// N(mean, standard_deviation²). PyTorch: torch.nn.init.normal_.
constexpr Initializer normal(double mean, double standard_deviation) {
  return {Initializer::Kind::normal, mean, standard_deviation};
}

/// √x at compile time (Newton's iteration).
constexpr double square_root(double x) {
  if (x <= 0) return 0;
  double r = x < 1 ? 1 : x;
  for (int i = 0; i < 64; ++i) r = (r + x / r) / 2;
  return r;
}
/// U(−1/√fan_in, 1/√fan_in): how PyTorch's Linear and convolutions initialise weights and biases (kaiming_uniform_ with
/// a = √5).
constexpr Initializer fan_in_uniform(int fan_in) {
  const double bound = fan_in > 0 ? 1 / square_root(fan_in) : 0;
  return uniform(-bound, bound);
}

/// U(−b, b) with b = gain · √(6 / (fan_in + fan_out)) (Glorot and Bengio, 2010). PyTorch:
/// torch.nn.init.xavier_uniform_, which finds the fans of a weight [Out, In, …]: In and Out, times the elements of a
/// kernel.
constexpr Initializer xavier_uniform(int fan_in, int fan_out, double gain = 1) {
  const double bound = fan_in + fan_out > 0 ? gain * square_root(6. / (fan_in + fan_out)) : 0;
  return uniform(-bound, bound);
}
/// N(0, gain² · 2 / (fan_in + fan_out)). PyTorch: torch.nn.init.xavier_normal_.
constexpr Initializer xavier_normal(int fan_in, int fan_out, double gain = 1) {
  return normal(0, fan_in + fan_out > 0 ? gain * square_root(2. / (fan_in + fan_out)) : 0);
}
/// U(−b, b) with b = gain · √(3 / fan); the gain √2 is relu's (He and others, 2015). PyTorch:
/// torch.nn.init.kaiming_uniform_, with the gain of a nonlinearity.
constexpr Initializer kaiming_uniform(int fan, double gain = square_root(2)) {
  const double bound = fan > 0 ? gain * square_root(3. / fan) : 0;
  return uniform(-bound, bound);
}
/// N(0, gain² / fan). PyTorch: torch.nn.init.kaiming_normal_.
constexpr Initializer kaiming_normal(int fan, double gain = square_root(2)) {
  return normal(0, fan > 0 ? gain * square_root(1. / fan) : 0);
}

}  // namespace sinter::nn::init
