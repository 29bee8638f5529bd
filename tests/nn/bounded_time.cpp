// Recurrent layers over bounded time: the steps are those of a sequence of that length, forward and backward.
#include "../support/bounded.hpp"

using namespace sinter;
using support::check_as_if_cut;
using support::numbers;
using support::with_room;

namespace {
template <auto... E> using F = Tensor<float, E...>;
constexpr auto T = upto<7, 'T'>;

/// A layer with its initial states and parameters as arguments: `Joined` makes one value of its results.
template <class M, int States, class Joined> struct With {
  constexpr auto operator()(auto x, auto... all) const {
    M net;
    const auto arguments = std::tie(all...);
    return [&]<std::size_t... S, std::size_t... P>(std::index_sequence<S...>, std::index_sequence<P...>) {
      auto fields = net.sinter_fields();
      (std::get<P>(fields).bind(std::get<States + P>(arguments)), ...);
      return std::apply(Joined{}, net(x, std::get<S>(arguments)...));
    }(std::make_index_sequence<States>{}, std::make_index_sequence<sizeof...(all) - States>{});
  }
};
struct EachStepAndEnds {
  constexpr auto operator()(auto y, auto... end) const { return ((y * 3.f) + ... + end); }
};
/// Both directions of the last states beside each other, of batches of two.
struct EachStepAndBothEnds {
  constexpr auto operator()(auto y, auto end) const {
    return y * 3.f + reshape<2, 1, 6>(permute<1, 0, 2>(end));
  }
};
struct TotalWithEndsTwice {
  constexpr auto operator()(auto y, auto end) const { return sum(y) + sum(end * 2.f); }
};
}  // namespace

TEST_CASE("an LSTM over bounded time: outputs up to the length, last states those at the length") {
  using Lstm = With<nn::LSTM<2, 3>, 2, EachStepAndEnds>;
  const auto h = numbers<F<1, 2, 3>>(.1), c = numbers<F<1, 2, 3>>(.2);
  const auto w = numbers<F<12, 2>>(.3);
  const auto u = numbers<F<12, 3>>(.4);
  const auto a = numbers<F<12>>(.5), b = numbers<F<12>>(.6);
  check_as_if_cut<F<T, 2, 2>, F<1, 2, 2>>(Lstm{}, h, c, w, u, a, b);
  check_as_if_cut<F<T, 2, 2>, F<5, 2, 2>>(Lstm{}, h, c, w, u, a, b);
  check_as_if_cut<F<T, 2, 2>, F<7, 2, 2>>(Lstm{}, h, c, w, u, a, b);
}

TEST_CASE("a GRU over bounded time in both directions, batch first, and a simple layer without a batch") {
  using Gru = With<nn::GRU<2, 3, RecurrentOptions{.batch_first = true, .bidirectional = true}>, 1, EachStepAndBothEnds>;
  const auto h = numbers<F<2, 2, 3>>(.1);
  const auto w = numbers<F<9, 2>>(.3), v = numbers<F<9, 2>>(.7);
  const auto u = numbers<F<9, 3>>(.4), t = numbers<F<9, 3>>(.8);
  const auto a = numbers<F<9>>(.5), b = numbers<F<9>>(.6);
  check_as_if_cut<F<2, T, 2>, F<2, 1, 2>>(Gru{}, h, w, u, a, b, v, t, b, a);
  check_as_if_cut<F<2, T, 2>, F<2, 5, 2>>(Gru{}, h, w, u, a, b, v, t, b, a);
  using Simple = With<nn::RNN<2, 3, RecurrentOptions{.bias = false}>, 0, EachStepAndEnds>;
  check_as_if_cut<F<T, 2>, F<5, 2>>(Simple{}, numbers<F<3, 2>>(.3), numbers<F<3, 3>>(.4));
}

TEST_CASE("no steps leave the initial states, and no gradient but theirs") {
  const auto room = with_room<F<T, 2, 2>>(F<0, 2, 2>{});
  const auto h = numbers<F<2, 2, 3>>(.1);
  const auto w = numbers<F<9, 2>>(.3), v = numbers<F<9, 2>>(.7);
  const auto u = numbers<F<9, 3>>(.4), t = numbers<F<9, 3>>(.8);
  const auto a = numbers<F<9>>(.5), b = numbers<F<9>>(.6);
  using Gru = With<nn::GRU<2, 3, RecurrentOptions{.bidirectional = true}>, 1, TotalWithEndsTwice>;
  const auto all = [](auto... x) { return Gru{}(x...); };
  const auto [value, dh, dw, du] = value_and_grad(all, wrt<1, 2, 3>)(room, h, w, u, a, b, v, t, b, a);
  float total = 0;
  for (const float x : h) total += 2 * x;
  CHECK(value.item() == doctest::Approx(total));
  for (const float x : dh) CHECK(x == 2.f);
  for (const float x : dw) CHECK(x == 0.f);
  for (const float x : du) CHECK(x == 0.f);
}

namespace bounded_nets {  // clang warns of names of members of types that no other file sees

/// Strided windows, statistics over batch and time, a pool, a residual, two directions of recurrence.
struct Net {
  nn::Conv1d<3, 4, 3, Conv1dOptions{.stride = 2, .padding = 1}> conv;
  nn::BatchNorm1d<4> norm;
  nn::Conv1d<4, 4, 3, Conv1dOptions{.padding = 1}> residual;
  nn::LSTM<4, 5, RecurrentOptions{.batch_first = true}> lstm;
  nn::Linear<5, 3> head;
  constexpr auto operator()(auto x) const {
    const auto a = relu(norm(conv(x)));
    const auto b = max_pool1d<2>(a + residual(a));
    const auto [each, h, c] = lstm(transpose(b));
    return head(mean<1>(each) + squeeze<0>(h));
  }
};

}  // namespace bounded_nets

TEST_CASE("a convolutional and recurrent net trains on bounded time as on time of that length") {
  using bounded_nets::Net;
  constexpr auto B = upto<4, 'B'>;
  constexpr auto Time = upto<24, 'T'>;
  const auto x = numbers<F<3, 3, 17>>(.9);
  const Tensor<int, 3> label{0, 2, 1};
  auto room = with_room<F<B, 3, Time>>(x);
  auto labels = with_room<Tensor<int, B>>(label);
  labels(3) = 0;
  Model<Net> fixed(Seed{3}), bounded(Seed{3});
  const auto loss = [](auto& net, auto x, auto y) { return nn::cross_entropy(net(x), y); };
  auto expected = training(fixed, std::tie(x, label), optim::SGD{.lr = .2f, .momentum = .9f}, loss);
  auto step = training(bounded, std::tie(room, labels), optim::SGD{.lr = .2f, .momentum = .9f}, loss);
  for (int i = 0; i < 12; ++i)
    CHECK(step(room, labels).loss == doctest::Approx(expected(x, label).loss).epsilon(1e-4));
  support::check_equal(bounded->conv.weight.const_view(), fixed->conv.weight.const_view(), 1e-4);
  support::check_equal(bounded(room), fixed(x), 1e-4);
  room.set_length<'T'>(4);  // another length, the same program
  CHECK(std::isfinite(step(room, labels).loss));
}
