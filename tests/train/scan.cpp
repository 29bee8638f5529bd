// A net that runs layers step by step in a scan, next to the same net with its steps one after the other.
#include <doctest/doctest.h>
#include <sinter/sinter.hpp>

#include "../support/unrolled.hpp"

using namespace sinter;

namespace {

template <class How> struct Net {
  Param<float, 48> first;
  nn::Linear<6, 48> in;
  nn::Linear<48, 48> inner;
  nn::Linear<48, 2> out;
  constexpr auto operator()(auto x) const {
    constexpr int batch = decltype(x)::shape[1];
    const auto step = [&](auto h, auto v) {
      const auto next = tanh(inner(h) + v);
      return std::pair{next, next};
    };
    const auto [last, all] = How{}(step, broadcast_to<batch, 48>(first), in(x));
    return out(last) + mean(all * all);
  }
};
constexpr int steps = 5, batch = 24;
using Input = Tensor<float, steps, batch, 6>;
using Target = Tensor<float, batch, 2>;

template <class How> std::vector<float> trained(int threads) {
  Model<Net<How>> net(Seed{3});
  auto step = training<Input, Target>(net, nn::mse_loss, optim::Adam{.lr = 1e-2f}, Cpu{.threads = threads});
  Input x;
  Target y;
  const Philox random(Seed{5});
  for (int i = 0; i < Input::size(); ++i) x.data()[i] = random.normal(std::uint64_t(i));
  for (int i = 0; i < Target::size(); ++i) y.data()[i] = std::tanh(x.data()[i]);
  std::vector<float> found;
  for (int i = 0; i < 8; ++i) found.push_back(step(x, y).loss);
  auto infer = inference<Input>(net, Cpu{.threads = threads});
  const Target result = infer(x);
  found.insert(found.end(), result.data(), result.data() + Target::size());
  return found;
}

}  // namespace

TEST_CASE("layers in a scan learn as layers in a row do, with any number of threads") {
  const std::vector<float> plain = trained<support::Unrolled>(1), loop = trained<support::Scanned>(1),
                           shared = trained<support::Scanned>(2);
  CHECK(loop[7] < loop[0]);
  for (std::size_t i = 0; i < plain.size(); ++i) {
    CAPTURE(i);
    CHECK(loop[i] == doctest::Approx(plain[i]).epsilon(1e-3).scale(1));
    CHECK(shared[i] == loop[i]);
  }
}
