// Initial values of parameters.
#pragma once
#include "../tensor/initializer.hpp"

namespace sinter::inline SINTER_ABI::nn::init {

/// PyTorch: torch.nn.init.constant_.
constexpr Initializer constant(double value) { return {Initializer::Kind::constant, value, 0}; }
constexpr Initializer zeros() { return constant(0); }
constexpr Initializer ones() { return constant(1); }
/// PyTorch: torch.nn.init.uniform_.
constexpr Initializer uniform(double low, double high) { return {Initializer::Kind::uniform, low, high}; }
/// PyTorch: torch.nn.init.normal_.
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

}  // namespace sinter::nn::init
