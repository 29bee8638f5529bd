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
