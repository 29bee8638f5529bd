// The accurate forms of functions, selected for an expression, a function or a whole program. Expected values are the C
// library's in double precision.
#include <doctest/doctest.h>
#include <sinter/sinter.hpp>

#include <cmath>
#include <vector>

using namespace sinter;

namespace accurate_nets {  // clang warns of names of members of types that no other file sees
struct Both {
  constexpr auto operator()(auto x) const { return tanh(x) + erf(x); }
};
struct Saturating {
  nn::Tanh tanh;
  constexpr auto operator()(auto x) const { return tanh(x); }
};
using Mlp = nn::Sequential<nn::Linear<8, 16>, nn::Tanh, nn::Linear<16, 4>>;
/// The states of an LSTM after every step, as one kernel or unrolled.
template <int Unroll> struct Recurrent {
  nn::LSTM<8, 16, RecurrentOptions{.unroll = Unroll}> lstm;
  constexpr auto operator()(auto x) const { return std::get<0>(lstm(x)); }
};
}  // namespace accurate_nets
using namespace accurate_nets;

namespace {

constexpr int n = 4096;

Tensor<float, n> arguments() {
  Tensor<float, n> x;
  for (int i = 0; i < n; ++i) x(i) = float(i - n / 2) / 300;
  return x;
}
/// The largest error, in units in the last place of the expected value.
template <class T> double worst(const T& found, const Tensor<float, n>& x, double (*expected)(double)) {
  double all = 0;
  for (int i = 0; i < n; ++i) {
    const double e = expected(double(x(i)));
    int exponent = 0;
    std::frexp(e, &exponent);
    if (e != 0) all = std::max(all, std::abs(double(found.data()[i]) - e) / std::ldexp(1.0, exponent - 24));
  }
  return all;
}

double logistic(double x) { return 1 / (1 + std::exp(-x)); }

}  // namespace

TEST_CASE("an expression of accurate functions") {
  const Tensor<float, n> x = arguments();
  const Tensor<float, n> one = tanh(x, accurate), whole = accurate(tanh(x)), nested = accurate(-(tanh(x) * 1.f)),
                         fast = tanh(x);
  for (int i = 0; i < n; ++i) {
    CHECK(one(i) == whole(i));
    CHECK(one(i) == -nested(i));
  }
  CHECK(worst(whole, x, [](double v) { return std::tanh(v); }) <= 2.5);
  CHECK(worst(fast, x, [](double v) { return std::tanh(v); }) > 2.5);
  CHECK(worst(eval(accurate(erf(x))), x, [](double v) { return std::erf(v); }) <= 1.5);
}

TEST_CASE("a function of accurate functions, on tensors and inside traced ones, with its gradient") {
  const Tensor<float, n> x = arguments();
  const Tensor<float, n> tensors = accurate(Both{})(x), expression = tanh(x, accurate) + erf(x, accurate);
  constexpr auto traced = [](auto v) { return accurate(Both{})(v); };
  const Tensor<float, n> inside = run_function(traced, x);
  constexpr auto total = [](auto v) { return sum(accurate(Both{})(v)); };
  constexpr auto expected = [](auto v) { return sum(tanh(v, accurate) + erf(v, accurate)); };
  const Tensor<float, n> gradient = grad(total)(x), by_hand = grad(expected)(x);
  for (int i = 0; i < n; ++i) {
    CHECK(tensors(i) == expression(i));
    CHECK(inside(i) == expression(i));
    CHECK(gradient(i) == by_hand(i));
  }
}

TEST_CASE("a program of accurate functions; what follows accurate(f) is fast again") {
  const Tensor<float, n> x = arguments();
  Model<Saturating> net;
  auto infer = inference<Tensor<float, n>>(net, accurate(Cpu{.threads = 2}));
  CHECK(worst(infer(x), x, [](double v) { return std::tanh(v); }) <= 2.5);
  CHECK(infer.policy().threads == 2);
  auto fast = inference<Tensor<float, n>>(net);
  CHECK(worst(fast(x), x, [](double v) { return std::tanh(v); }) > 2.5);
  constexpr auto mixed = [](auto v) { return accurate(Both{})(v) - tanh(v); };
  const Tensor<float, n> found = run_function(mixed, x), expected = tanh(x, accurate) + erf(x, accurate) - tanh(x);
  for (int i = 0; i < n; ++i) CHECK(found(i) == expected(i));
}

TEST_CASE("gates and states of a recurrence, as one kernel and step by step") {
  constexpr int steps = 12;
  Tensor<float, steps, 1, 8> x;
  for (int i = 0; i < x.size(); ++i) x.data()[i] = 2 * Philox(Seed{3}).normal(std::uint64_t(i));
  Model<Recurrent<8>> net(Seed{1});
  Model<Recurrent<steps>> unrolled(Seed{1});
  std::array<double, 16> h{}, c{};
  std::vector<double> expected;
  const auto& layer = std::get<0>(net->lstm.layers)[0];
  for (int t = 0; t < steps; ++t) {
    std::array<double, 64> gate{};
    for (int q = 0; q < 64; ++q) {
      double& sum = gate[std::size_t(q)] = double(layer.bias_ih(q)) + double(layer.bias_hh(q));
      for (int k = 0; k < 8; ++k) sum += double(layer.weight_ih(q, k)) * double(x(t, 0, k));
      for (int k = 0; k < 16; ++k) sum += double(layer.weight_hh(q, k)) * h[std::size_t(k)];
    }
    for (std::size_t k = 0; k < 16; ++k) {
      c[k] = logistic(gate[16 + k]) * c[k] + logistic(gate[k]) * std::tanh(gate[32 + k]);
      h[k] = logistic(gate[48 + k]) * std::tanh(c[k]);
      expected.push_back(h[k]);
    }
  }
  using X = Tensor<float, steps, 1, 8>;
  const auto error_of = [&](auto program) {
    const auto& y = program(x);
    double all = 0;
    for (std::size_t i = 0; i < expected.size(); ++i) all = std::max(all, std::abs(double(y.data()[i]) - expected[i]));
    return all;
  };
  const double fast = error_of(inference<X>(net)), kernel = error_of(inference<X>(net, accurate(Cpu{}))),
               by_steps = error_of(inference<X>(unrolled, accurate(Cpu{})));
  CHECK(fast < 1e-6);
  CHECK(kernel < 2e-7);
  CHECK(by_steps < 2e-7);
  CHECK(kernel < fast);
}

TEST_CASE("training with accurate functions learns what it learns with fast ones, with other last bits") {
  Model<Mlp> one(Seed{4}), other(Seed{4});
  Tensor<float, 32, 8> x;
  Tensor<float, 32, 4> y;
  for (int i = 0; i < x.size(); ++i) x.data()[i] = Philox(Seed{5}).normal(std::uint64_t(i));
  for (int i = 0; i < y.size(); ++i) y.data()[i] = Philox(Seed{6}).normal(std::uint64_t(i));
  auto step = training<Tensor<float, 32, 8>, Tensor<float, 32, 4>>(one, nn::mse_loss, optim::SGD{.lr = .1f},
                                                                   accurate(Cpu{.threads = 1}));
  auto fast = training<Tensor<float, 32, 8>, Tensor<float, 32, 4>>(other, nn::mse_loss, optim::SGD{.lr = .1f});
  bool differs = false;
  for (int i = 0; i < 5; ++i) {
    const float a = step(x, y).loss, b = fast(x, y).loss;
    CHECK(std::abs(a - b) < 1e-5f);
    differs = differs || a != b;
  }
  CHECK(differs);
}
