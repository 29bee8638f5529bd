// Advantage actor-critic on episodes of any length.
#pragma once
#include "data.hpp"

namespace programs {

// program
struct ActorCritic {
  nn::Linear<4, 16> body;
  nn::Linear<16, 3> actor;
  nn::Linear<16, 1> critic;
  constexpr auto operator()(auto state) const {
    const auto h = tanh(body(state));
    return std::pair{log_softmax(actor(h)), squeeze<1>(critic(h))};
  }
};
inline Losses actor_critic(auto state, auto action, auto gain, std::vector<int> lengths) {
  auto net = load<ActorCritic>(weights("actor_critic"));
  const auto rms = optim::clip_norm(optim::RMSprop{.lr = 1e-2f}, .5f);
  auto step = training(net, std::tie(state, action, gain), rms, [](auto& net, auto state, auto action, auto gain) {
    const auto [logs, value] = net(state);
    const auto chosen = nn::NegativeLogLikelihood<nn::Reduction::none>{}(logs, action);
    const auto advantage = stop_gradient(gain - value);
    const auto entropy = -mean(sum<1>(exp(logs) * logs));
    return mean(chosen * advantage) + .5f * nn::mse_loss(value, gain) - .01f * entropy;
  });
  Losses losses;
  for (const int n : lengths) {
    state.set_length('B', n), action.set_length('B', n), gain.set_length('B', n);
    losses.push_back(step(state, action, gain).loss);
  }
  return losses;
}
// end

}  // namespace programs
