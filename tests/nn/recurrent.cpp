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
  check_module<First<nn::LSTM<2, 3, RecurrentOptions{.num_layers = 2, .bidirectional = true}>>, F<3, 2, 2>>("lstm_both");
  check_module<First<nn::LSTM<1, 3>>, F<24, 1, 1>>("lstm_long");
}

TEST_CASE("recurrent cells, their state an argument") {
  check_function<F<2, 3>, F<2, 4>, F<4, 3>, F<4, 4>, F<4>, F<4>>("rnn_cell", [](auto x, auto h, auto... w) { return with<nn::RNNCell<3, 4>>(w...)(x, h); });
  check_function<F<2, 1>, F<2, 4>, F<12, 1>, F<12, 4>, F<12>, F<12>>("gru_cell", [](auto x, auto h, auto... w) { return with<nn::GRUCell<1, 4>>(w...)(x, h); });
  check_function<F<2, 3>, F<2, 5>, F<2, 5>, F<20, 3>, F<20, 5>, F<20>, F<20>>("lstm_cell", [](auto x, auto h, auto c, auto... w) {
    const auto [h1, c1] = with<nn::LSTMCell<3, 5>>(w...)(x, h, c);
    return concatenate<0>(h1, c1);
  });
}

TEST_CASE("sequences that begin with a given state end with PyTorch's") {
  check_function<F<3, 2, 2>, F<1, 2, 3>, F<1, 2, 3>, F<12, 2>, F<12, 3>, F<12>, F<12>>("lstm_ends", [](auto x, auto h, auto c, auto... w) {
    nn::LSTM<2, 3> net;
    std::apply([&](auto&... p) { (p.bind(w), ...); }, net.sinter_fields());
    const auto [y, h1, c1] = net(x, h, c);
    return concatenate<0>(h1, c1);
  });
  check_function<F<3, 2, 2>, F<2, 2, 3>, F<9, 2>, F<9, 3>, F<9>, F<9>, F<9, 2>, F<9, 3>, F<9>, F<9>>("gru_ends", [](auto x, auto h, auto... w) {
    nn::GRU<2, 3, RecurrentOptions{.bidirectional = true}> net;
    std::apply([&](auto&... p) { (p.bind(w), ...); }, net.sinter_fields());
    return std::get<1>(net(x, h));
  });
}
