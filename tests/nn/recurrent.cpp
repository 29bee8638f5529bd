// nn/recurrent.hpp against PyTorch: outputs, last states, and gradients through time.
#include <doctest/doctest.h>

#include "../support/reference_case.hpp"

using namespace sinter;
using support::check_function;
using support::check_module;

namespace {
template <auto... E> using F = Tensor<float, E...>;

/// The first of a module's results, under the module's own names.
template <class M> struct First {
  M m;
  static constexpr std::string_view sinter_field_names = M::sinter_field_names;
  constexpr auto sinter_fields() { return m.sinter_fields(); }
  constexpr auto sinter_fields() const { return m.sinter_fields(); }
  constexpr auto operator()(auto x) const { return std::get<0>(m(x)); }
};

/// A cell or layer with its parameters as arguments.
template <class M> constexpr auto with(auto weight_ih, auto weight_hh, auto bias_ih, auto bias_hh) {
  M m;
  m.weight_ih.bind(weight_ih);
  m.weight_hh.bind(weight_hh);
  m.bias_ih.bind(bias_ih);
  m.bias_hh.bind(bias_hh);
  return m;
}
}  // namespace

TEST_CASE("recurrent layers: every step's output and its gradients through time") {
  check_module<First<nn::RNN<3, 4>>, F<5, 2, 3>>("rnn");
  check_module<First<nn::RNN<2, 3, RecurrentOptions{.bias = false}, Nonlinearity::relu>>, F<4, 2, 2>>("rnn_relu");
  check_module<First<nn::GRU<3, 4, RecurrentOptions{.batch_first = true}>>, F<2, 5, 3>>("gru");
  check_module<First<nn::GRU<1, 3, RecurrentOptions{.num_layers = 2}>>, F<4, 2, 1>>("gru_two");
  check_module<First<nn::GRU<2, 5>>, F<6, 2>>("gru_one_sample");
  check_module<First<nn::LSTM<3, 4>>, F<5, 2, 3>>("lstm");
  check_module<First<nn::LSTM<2, 3, RecurrentOptions{.num_layers = 2, .batch_first = true}>>, F<2, 4, 2>>("lstm_two");
  check_module<First<nn::LSTM<2, 3, RecurrentOptions{.num_layers = 2, .bidirectional = true}>>, F<3, 2, 2>>(
      "lstm_both");
  check_module<First<nn::LSTM<1, 3, RecurrentOptions{.unroll = 24}>>, F<24, 1, 1>>("lstm_long");
}

TEST_CASE("so do long sequences, which are one kernel") {
  check_module<First<nn::RNN<3, 4, RecurrentOptions{.unroll = 0}>>, F<5, 2, 3>>("rnn");
  check_module<First<nn::RNN<2, 3, RecurrentOptions{.bias = false, .unroll = 0}, Nonlinearity::relu>>, F<4, 2, 2>>(
      "rnn_relu");
  check_module<First<nn::GRU<3, 4, RecurrentOptions{.batch_first = true, .unroll = 0}>>, F<2, 5, 3>>("gru");
  check_module<First<nn::GRU<1, 3, RecurrentOptions{.num_layers = 2, .unroll = 0}>>, F<4, 2, 1>>("gru_two");
  check_module<First<nn::GRU<2, 5, RecurrentOptions{.unroll = 0}>>, F<6, 2>>("gru_one_sample");
  check_module<First<nn::LSTM<3, 4, RecurrentOptions{.unroll = 0}>>, F<5, 2, 3>>("lstm");
  check_module<First<nn::LSTM<2, 3, RecurrentOptions{.num_layers = 2, .batch_first = true, .unroll = 0}>>, F<2, 4, 2>>(
      "lstm_two");
  check_module<First<nn::LSTM<2, 3, RecurrentOptions{.num_layers = 2, .bidirectional = true, .unroll = 0}>>,
               F<3, 2, 2>>("lstm_both");
  check_module<First<nn::LSTM<1, 3>>, F<24, 1, 1>>("lstm_long");
  check_module<First<nn::LSTM<2, 19, RecurrentOptions{.unroll = 0}>>, F<5, 7, 2>>("lstm_wide");
  check_module<First<nn::GRU<2, 18, RecurrentOptions{.unroll = 0}>>, F<5, 3, 2>>("gru_wide");
}

TEST_CASE("recurrent cells, their state an argument") {
  check_function<F<2, 3>, F<2, 4>, F<4, 3>, F<4, 4>, F<4>, F<4>>(
      "rnn_cell", [](auto x, auto h, auto... w) { return with<nn::RNNCell<3, 4>>(w...)(x, h); });
  check_function<F<2, 1>, F<2, 4>, F<12, 1>, F<12, 4>, F<12>, F<12>>(
      "gru_cell", [](auto x, auto h, auto... w) { return with<nn::GRUCell<1, 4>>(w...)(x, h); });
  check_function<F<2, 3>, F<2, 5>, F<2, 5>, F<20, 3>, F<20, 5>, F<20>, F<20>>(
      "lstm_cell", [](auto x, auto h, auto c, auto... w) {
        const auto [h1, c1] = with<nn::LSTMCell<3, 5>>(w...)(x, h, c);
        return concatenate<0>(h1, c1);
      });
}

namespace {
/// The last states of a layer with its parameters as arguments.
template <class M> struct Ends {
  constexpr auto operator()(auto x, auto h, auto c, auto... w) const {
    M net;
    std::apply([&](auto&... p) { (p.bind(w), ...); }, net.sinter_fields());
    const auto [y, h1, c1] = net(x, h, c);
    return concatenate<0>(h1, c1);
  }
};
template <class M> struct End {
  constexpr auto operator()(auto x, auto h, auto... w) const {
    M net;
    std::apply([&](auto&... p) { (p.bind(w), ...); }, net.sinter_fields());
    return std::get<1>(net(x, h));
  }
};
}  // namespace

TEST_CASE("sequences that begin with a given state end with PyTorch's") {
  check_function<F<3, 2, 2>, F<1, 2, 3>, F<1, 2, 3>, F<12, 2>, F<12, 3>, F<12>, F<12>>("lstm_ends",
                                                                                       Ends<nn::LSTM<2, 3>>{});
  check_function<F<3, 2, 2>, F<1, 2, 3>, F<1, 2, 3>, F<12, 2>, F<12, 3>, F<12>, F<12>>(
      "lstm_ends", Ends<nn::LSTM<2, 3, RecurrentOptions{.unroll = 0}>>{});
  check_function<F<3, 2, 2>, F<2, 2, 3>, F<9, 2>, F<9, 3>, F<9>, F<9>, F<9, 2>, F<9, 3>, F<9>, F<9>>(
      "gru_ends", End<nn::GRU<2, 3, RecurrentOptions{.bidirectional = true}>>{});
  check_function<F<3, 2, 2>, F<2, 2, 3>, F<9, 2>, F<9, 3>, F<9>, F<9>, F<9, 2>, F<9, 3>, F<9>, F<9>>(
      "gru_ends", End<nn::GRU<2, 3, RecurrentOptions{.bidirectional = true, .unroll = 0}>>{});
}

namespace recurrent_nets {  // clang warns of names of members of types that no other file sees

struct Lstm {
  nn::Streaming<nn::LSTMCell<1, 16>> lstm;
  nn::Linear<16, 1> dense;
  constexpr auto operator()(auto x) const { return dense(lstm(x)); }
};
struct Gru {
  nn::Streaming<nn::GRUCell<2, 24>> gru;
  nn::Linear<24, 1> dense;
  constexpr auto operator()(auto x) const { return dense(gru(x)); }
};
/// The same without state, with the same parameters.
struct LstmOfSequence {
  nn::LSTM<1, 16> lstm;
  nn::Linear<16, 1> dense;
  constexpr auto operator()(auto x) const { return dense(std::get<0>(lstm(x))); }
};

}  // namespace recurrent_nets
using namespace recurrent_nets;

namespace {

double logistic(double x) { return 1 / (1 + std::exp(-x)); }
float sample(int i) { return .7f * std::sin(.05f * float(i)) + .2f * std::cos(1.3f * float(i)); }

/// W x + b of one row.
double affine(const auto& weight, const auto& bias, int row, const std::vector<double>& x) {
  double sum = double(bias(row));
  for (std::size_t k = 0; k < x.size(); ++k) sum += double(weight(row, int(k))) * x[k];
  return sum;
}

}  // namespace

TEST_CASE("a streaming LSTM agrees with double precision after 10,000 steps") {
  Model<Lstm> net(Seed{5});
  auto step = inference<Tensor<float, 1, 1>>(net);
  static_assert(decltype(step)::Program::straight_line);
  std::vector<double> h(16), c(16);
  double worst = 0;
  Tensor<float, 1, 1> x;
  for (int i = 0; i < 10000; ++i) {
    x(0, 0) = sample(i);
    const double found = double(step(x)(0, 0));
    std::vector<double> gates(64);
    for (int r = 0; r < 64; ++r)
      gates[std::size_t(r)] = affine(net->lstm.cell.weight_ih, net->lstm.cell.bias_ih, r, {double(x(0, 0))}) +
                              affine(net->lstm.cell.weight_hh, net->lstm.cell.bias_hh, r, h);
    for (std::size_t k = 0; k < 16; ++k) {
      c[k] = logistic(gates[16 + k]) * c[k] + logistic(gates[k]) * std::tanh(gates[32 + k]);
      h[k] = logistic(gates[48 + k]) * std::tanh(c[k]);
    }
    worst = std::max(worst, std::abs(found - affine(net->dense.weight, net->dense.bias, 0, h)));
  }
  CHECK(worst < 1e-5);
}

TEST_CASE("and so does a streaming GRU with several inputs") {
  Model<Gru> net(Seed{6});
  auto step = inference<Tensor<float, 1, 2>>(net);
  std::vector<double> h(24);
  double worst = 0;
  Tensor<float, 1, 2> x;
  for (int i = 0; i < 3000; ++i) {
    x(0, 0) = sample(i), x(0, 1) = sample(2 * i + 7);
    const double found = double(step(x)(0, 0));
    const std::vector<double> in{double(x(0, 0)), double(x(0, 1))}, before = h;
    for (int k = 0; k < 24; ++k) {
      const auto input = [&](int gate) {
        return affine(net->gru.cell.weight_ih, net->gru.cell.bias_ih, gate * 24 + k, in);
      };
      const auto state = [&](int gate) {
        return affine(net->gru.cell.weight_hh, net->gru.cell.bias_hh, gate * 24 + k, before);
      };
      const double r = logistic(input(0) + state(0)), z = logistic(input(1) + state(1)),
                   n = std::tanh(input(2) + r * state(2));
      h[std::size_t(k)] = (1 - z) * n + z * before[std::size_t(k)];
    }
    worst = std::max(worst, std::abs(found - affine(net->dense.weight, net->dense.bias, 0, h)));
  }
  CHECK(worst < 1e-5);
}

TEST_CASE("states belong to programs: each has its own, reset() starts it again, and files do not hold it") {
  Model<Lstm> net(Seed{5});
  auto left = inference<Tensor<float, 1, 1>>(net), right = inference<Tensor<float, 1, 1>>(net);
  Tensor<float, 1, 1> x;
  std::vector<float> first;
  for (int i = 0; i < 20; ++i) {
    x(0, 0) = sample(i);
    first.push_back(left(x)(0, 0));
  }
  for (int i = 0; i < 20; ++i) {
    x(0, 0) = sample(i);
    CHECK(right(x)(0, 0) == first[std::size_t(i)]);
  }
  left.reset();
  x(0, 0) = sample(0);
  CHECK(left(x)(0, 0) == first[0]);
  CHECK(right(x)(0, 0) != first[0]);
  std::vector<std::string> names;
  net.for_each_tensor([&](const std::string& name, const auto&) { names.push_back(name); });
  CHECK(names == std::vector<std::string>{"lstm.weight_ih", "lstm.weight_hh", "lstm.bias_ih", "lstm.bias_hh",
                                          "dense.weight", "dense.bias"});
}

TEST_CASE("step by step a net computes what it computes of the whole sequence, which is how it is trained") {
  Model<LstmOfSequence> whole(Seed{5});
  Model<Lstm> net(Seed{1});
  std::copy(std::as_const(whole).data(), std::as_const(whole).data() + Model<Lstm>::parameters, net.data());
  Tensor<float, 20, 1, 1> x, target;
  for (int i = 0; i < 20; ++i) x(i, 0, 0) = sample(i), target(i, 0, 0) = sample(i + 1);
  auto infer = inference<Tensor<float, 20, 1, 1>>(whole);
  auto step = inference<Tensor<float, 1, 1>>(net);
  const auto& y = infer(x);
  Tensor<float, 1, 1> one;
  for (int i = 0; i < 20; ++i) {
    one(0, 0) = x(i, 0, 0);
    CHECK(step(one)(0, 0) == doctest::Approx(double(y(i, 0, 0))).epsilon(1e-5));
  }
  auto train =
      training<Tensor<float, 20, 1, 1>, Tensor<float, 20, 1, 1>>(whole, nn::mse_loss, optim::Adam{.lr = 1e-2f});
  const float before = train(x, target).loss;
  float loss = before;
  for (int i = 0; i < 100; ++i) loss = train(x, target).loss;
  CHECK(loss < .2f * before);
}

namespace recurrent_nets {
template <int Layers> struct Chunks {
  nn::Streaming<nn::GRU<1, 5, RecurrentOptions{.num_layers = Layers}>> gru;
  nn::Linear<5, 1> dense;
  constexpr auto operator()(auto x) const { return dense(gru(x)); }
};
struct Whole {
  nn::GRU<1, 5, RecurrentOptions{.num_layers = 2}> gru;
  nn::Linear<5, 1> dense;
  constexpr auto operator()(auto x) const { return dense(std::get<0>(gru(x))); }
};
}  // namespace recurrent_nets

TEST_CASE("a layer streams chunks of a sequence, short or long, under the names it was trained with") {
  Model<Whole> whole(Seed{5});
  Model<Chunks<2>> net(Seed{1});
  std::vector<std::string> names, expected;
  net.for_each_tensor([&](const std::string& name, const auto&) { names.push_back(name); });
  whole.for_each_tensor([&](const std::string& name, const auto&) { expected.push_back(name); });
  CHECK(names == expected);
  std::copy(std::as_const(whole).data(), std::as_const(whole).data() + Model<Whole>::parameters, net.data());
  Tensor<float, 36, 1> x;
  for (int i = 0; i < 36; ++i) x(i, 0) = sample(i);
  const Tensor<float, 36, 1> y = inference<Tensor<float, 36, 1>>(whole)(x);
  auto ones = inference<Tensor<float, 1, 1>>(net);
  auto twelves = inference<Tensor<float, 12, 1>>(net);
  Tensor<float, 1, 1> one;
  Tensor<float, 12, 1> twelve;
  double worst = 0;
  for (int i = 0; i < 36; ++i) {
    one(0, 0) = x(i, 0);
    worst = std::max(worst, std::abs(double(ones(one)(0, 0)) - double(y(i, 0))));
  }
  for (int i = 0; i < 36; i += 12) {
    for (int k = 0; k < 12; ++k) twelve(k, 0) = x(i + k, 0);
    const auto& found = twelves(twelve);
    for (int k = 0; k < 12; ++k) worst = std::max(worst, std::abs(double(found(k, 0)) - double(y(i + k, 0))));
  }
  CHECK(worst < 1e-6);
}

TEST_CASE("a training step of a net with a state begins with it each time") {
  Model<Lstm> net(Seed{5});
  auto step = training<Tensor<float, 1, 1>, Tensor<float, 1, 1>>(net, nn::mse_loss, optim::SGD{.lr = 0});
  Tensor<float, 1, 1> x, y;
  x(0, 0) = .5f;
  const float loss = step(x, y).loss;
  CHECK(step(x, y).loss == loss);
}

namespace {
template <class Layer> struct Recurrent {
  Layer layer;
  constexpr auto operator()(auto x) const { return std::get<0>(layer(x)); }
};
template <class Layer> void check_half_input() {
  const Model<Recurrent<Layer>> net(Seed{1});
  Tensor<float16, 5, 1, 2> x;
  Tensor<float, 5, 1, 2> same;
  for (int i = 0; i < 10; ++i) same.data()[i] = float(x.data()[i] = float16(.1f * float(i) - .5f));
  auto of_half = inference<Tensor<float16, 5, 1, 2>>(net);
  auto of_float = inference<Tensor<float, 5, 1, 2>>(net);
  CHECK(equal(of_half(x), of_float(same)));
}
}  // namespace

TEST_CASE("sequences of 16-bit floats are those numbers, in layers of float32, step by step and as one kernel") {
  check_half_input<nn::LSTM<2, 3>>();
  check_half_input<nn::LSTM<2, 3, RecurrentOptions{.unroll = 2}>>();
}
