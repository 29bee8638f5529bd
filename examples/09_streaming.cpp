// Streaming: a recurrent net learns from whole sequences, then runs sample by
// sample with its state kept between calls, as an audio effect does.
#include <sinter/sinter.hpp>

#include <cmath>
#include <cstdio>

using namespace sinter;

/// The net for training, on sequences [time, batch, 1].
struct Trained {
  nn::LSTM<1, 16> lstm;
  nn::Linear<16, 1> dense;
  constexpr auto operator()(auto x) const { return dense(std::get<0>(lstm(x))); }
};
/// The same parameters under the same names, one sample at a time.
struct Effect {
  nn::Streaming<nn::LSTM<1, 16>> lstm;
  nn::Linear<16, 1> dense;
  constexpr auto operator()(auto x) const { return dense(lstm(x)); }
};

/// What the net learns to imitate: a low-pass filter with overdrive.
struct Amplifier {
  float memory = 0;
  float operator()(float x) { return memory += .3f * (std::tanh(3 * x) - memory); }
};

int main() {
  constexpr int time = 128, batch = 8;
  using Sequences = Tensor<float, time, batch, 1>;
  Model<Trained> net(Seed{1});
  auto step = training<Sequences, Sequences>(net, nn::mse_loss, optim::Adam{.lr = 1e-2f});
  Sequences x, y;
  float loss = 0;
  for (int i = 0; i < 300; ++i) {
    for (int b = 0; b < batch; ++b) {
      Amplifier amplifier;
      const Philox random(Seed{2}, std::uint64_t(i * batch + b));
      const float pitch = .02f + .2f * random.uniform(0), volume = random.uniform(1);
      for (int t = 0; t < time; ++t) y(t, b, 0) = amplifier(x(t, b, 0) = volume * std::sin(pitch * float(t)));
    }
    loss = step(x, y).loss;
  }
  std::printf("loss after 300 steps: %.5f\n", double(loss));

  Model<Effect> effect(Seed{1});
  std::copy(std::as_const(net).data(), std::as_const(net).data() + Model<Trained>::parameters, effect.data());
  // one model, two states
  auto left = inference<Tensor<float, 1, 1>>(effect), right = inference<Tensor<float, 1, 1>>(effect);
  Amplifier amplifier;
  float worst = 0;
  Tensor<float, 1, 1> sample;
  for (int t = 0; t < 10000; ++t) {
    sample(0, 0) = .5f * std::sin(.1f * float(t));
    worst = std::max(worst, std::abs(left(sample)(0, 0) - amplifier(sample(0, 0))));
    sample(0, 0) = 0;
    right(sample);
  }
  std::printf("largest difference from the amplifier over 10,000 samples: %.3f\n", double(worst));
  left.reset();
  return worst < .2f ? 0 : 1;
}
