// A generative adversarial net: two optimizers in alternation on one set of parameters.
#pragma once
#include "data.hpp"

namespace programs {

// program
template <int In, int Out> using Layers = nn::Sequential<nn::Linear<In, 16>, nn::LeakyReLU, nn::Linear<16, Out>>;
struct Gan {
  Layers<4, 2> generator;
  Layers<2, 1> discriminator;
};
constexpr auto real = [](auto y) { return nn::binary_cross_entropy_with_logits(y, ones_like(y)); };
constexpr auto fake = [](auto y) { return nn::binary_cross_entropy_with_logits(y, zeros_like(y)); };

inline Losses gan(const auto& x, const auto& z) {
  auto net = load<Gan>(weights("gan"));
  const optim::Adam adam{.lr = 1e-2f};
  auto d_step = training(net, std::tie(x, z), optim::only<&Gan::discriminator>(adam), [](auto& net, auto x, auto z) {
    return real(net.discriminator(x)) + fake(net.discriminator(net.generator(z)));
  });
  auto g_step = training(net, std::tie(z), optim::only<&Gan::generator>(adam), [](auto& net, auto z) {
    return real(net.discriminator(net.generator(z)));
  });
  Losses losses;
  for (int i = 0; i < 6; ++i) losses.insert(losses.end(), {d_step(x, z).loss, g_step(z).loss});
  return losses;
}
// end

}  // namespace programs
