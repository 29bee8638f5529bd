// A variational autoencoder.
#pragma once
#include "data.hpp"

namespace programs {

// program
struct Vae {
  nn::Linear<16, 12> encode;
  nn::Linear<12, 3> mu, log_var;
  nn::Linear<3, 12> hidden;
  nn::Linear<12, 16> decode;
  constexpr auto operator()(auto x, auto noise) const {
    const auto h = relu(encode(x)), m = mu(h), v = log_var(h);
    return std::tuple{decode(relu(hidden(m + exp(.5f * v) * noise))), m, v};
  }
};
inline Losses vae(const auto& x, const auto& noise) {
  auto net = load<Vae>(weights("vae"));
  auto step = training(net, std::tie(x, noise), optim::Adam{.lr = 1e-2f}, [](auto& net, auto x, auto noise) {
    const auto [y, m, v] = net(x, noise);
    const auto kl = -.5f * mean(sum<1>(1.f + v - square(m) - exp(v)));
    return std::tuple{nn::binary_cross_entropy_with_logits(y, x) + kl, kl};
  });
  Losses losses;
  for (int i = 0; i < 8; ++i) {
    const auto [loss, kl] = step(x, noise);
    losses.insert(losses.end(), {loss, kl});
  }
  return losses;
}
// end

}  // namespace programs
