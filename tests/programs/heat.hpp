// A physics-informed net: u_t = 0.1 u_xx with its derivatives by its inputs.
#pragma once
#include "data.hpp"

namespace programs {

// program
struct Heat {
  nn::Linear<2, 16> first;
  nn::Linear<16, 16> hidden;
  nn::Linear<16, 1> out;
  constexpr auto u(auto x, auto t) const {
    return squeeze<1>(out(tanh(hidden(tanh(first(stack<1>(x, t)))))));
  }
  constexpr auto residual(auto x, auto t) const {
    const auto u_t = grad([&](auto t) { return sum(u(x, t)); })(t);
    const auto u_x = grad([&](auto x) { return sum(u(x, t)); });
    const auto u_xx = grad([&](auto x) { return sum(u_x(x)); })(x);
    return u_t - .1f * u_xx;
  }
};
inline Losses heat(const auto& x, const auto& t) {
  auto net = load<Heat>(weights("heat"));
  auto step = training(net, std::tie(x, t), optim::Adam{.lr = 1e-2f}, [](auto& net, auto x, auto t) {
    const auto start = net.u(x, zeros_like(t)) - sin(3.1415927f * x);
    return mean(square(net.residual(x, t))) + mean(square(start));
  });
  Losses losses;
  for (int i = 0; i < 8; ++i) losses.push_back(step(x, t).loss);
  return losses;
}
// end

}  // namespace programs
