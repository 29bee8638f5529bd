// Dropout between recurrent layers, as PyTorch's: on the outputs of every layer but the last, in training.
#include <doctest/doctest.h>
#include <sinter/sinter.hpp>

#include <algorithm>
#include <cstring>

using namespace sinter;

namespace {

constexpr int T = 6, B = 4, N = 32;

/// Layers that hand on what is positive: identity matrices, no recurrence.
template <class Options> struct Passing {
  nn::RNN<N, N, Options::all, NumLayers<Options::layers>, Nonlinearity::relu> rnn;
  constexpr auto operator()(auto x) const { return rnn(x); }
};
template <int Layers, int Unroll, int Percent> struct With {
  static constexpr RecurrentOptions all{.dropout = Percent / 100., .unroll = Unroll};
  static constexpr int layers = Layers;
};

template <class Net> void make_passing(Model<Net>& net) {
  for (const auto& t : net.state_dict()) {
    float* const p = reinterpret_cast<float*>(t.data);
    std::fill_n(p, t.size(), 0.f);
    if (t.name.find("weight_ih") != std::string::npos)
      for (int i = 0; i < N; ++i) p[i * N + i] = 1;
  }
}

/// A step that changes no parameter: all that it computes.
constexpr auto all_of = [](auto& net, const auto& x) {
  const auto [y, h] = net(x);
  return std::tuple{sum(y), y, h};
};

Tensor<float, T, B, N> positive() {
  Tensor<float, T, B, N> x;
  for (int i = 0; i < T * B * N; ++i) x.data()[i] = 1 + float(i % 7);
  return x;
}

template <int Unroll> void check_layers() {
  Model<Passing<With<3, Unroll, 25>>> net(Seed{1});
  make_passing(net);
  const auto x = positive();
  const auto [same, end] = net(x);  // inference
  CHECK(equal(same, x));

  auto step = training(net, std::tie(x), optim::SGD{.lr = 0}, all_of, Cpu{});
  step.seed = Seed{7};
  const auto [loss, y, h] = step(x);
  int zeros = 0;
  for (int i = 0; i < T * B * N; ++i) {
    zeros += y.data()[i] == 0;
    if (y.data()[i] != 0) CHECK(y.data()[i] == doctest::Approx(x.data()[i] / .75f / .75f));  // twice: not on the last
  }
  const double kept = .75 * .75, n = T * B * N;
  CHECK(std::abs(zeros / n - (1 - kept)) < 4 * std::sqrt(kept * (1 - kept) / n));
  for (int b = 0; b < B; ++b)
    for (int i = 0; i < N; ++i) {
      CHECK(h(0, b, i) == x(T - 1, b, i));  // the states are those before dropout
      CHECK(h(2, b, i) == y(T - 1, b, i));
    }
  const auto [loss_2, y_2, h_2] = step(x);  // another step, other zeros
  CHECK(!equal(y, y_2));

  auto again = training(net, std::tie(x), optim::SGD{.lr = 0}, all_of, Cpu{});
  again.seed = Seed{7};
  CHECK(equal(y, std::get<1>(again(x))));  // from seed and step
}

}  // namespace

TEST_CASE("dropout between recurrent layers scales what it keeps, in training alone") {
  check_layers<8>();  // unrolled
  check_layers<0>();  // one kernel for all steps
}

TEST_CASE("dropout between recurrent layers masks gradients alike") {
  Model<Passing<With<2, 0, 50>>> net(Seed{1});
  make_passing(net);
  const auto x = positive();
  auto step = training(net, std::tie(x), optim::SGD{.lr = 1}, all_of);
  const auto [loss, y, h] = step(x);
  for (const auto& t : net.state_dict())
    if (t.name == "rnn.bias_ih_l0")  // moves by the sum of the mask's factors
      for (int i = 0; i < N; ++i) {
        float factors = 0;
        for (int k = 0; k < T * B; ++k) factors += y.data()[k * N + i] / x.data()[k * N + i];
        CHECK(reinterpret_cast<const float*>(t.data)[i] == doctest::Approx(-factors));
      }
}

TEST_CASE("dropout of recurrent layers at the ends of its range") {
  const auto x = positive();
  const auto trained = [&](auto& net) {
    make_passing(net);
    auto step = training(net, std::tie(x), optim::SGD{.lr = 0}, all_of);
    const auto [loss, y, h] = step(x);
    return y;
  };
  Model<Passing<With<1, 8, 50>>> one(Seed{1});  // one layer has nothing between
  CHECK(equal(trained(one), x));
  Model<Passing<With<2, 8, 0>>> none(Seed{1});
  CHECK(equal(trained(none), x));
  Model<Passing<With<2, 8, 100>>> all(Seed{1});
  const auto y = trained(all);
  CHECK(std::all_of(y.begin(), y.end(), [](float v) { return v == 0; }));
  static_assert(std::is_same_v<nn::LSTM<2, 3, NumLayers<2>, DropoutP(.25)>,
                               nn::LSTM<2, 3, RecurrentOptions{.num_layers = 2, .dropout = .25}>>);
}
