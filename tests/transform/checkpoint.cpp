// Checkpoints: the same numbers with less memory and more arithmetic.
#include <doctest/doctest.h>
#include <sinter/sinter.hpp>

#include <cmath>
#include <vector>

#include "../support/files.hpp"
#include "../support/residual.hpp"

using namespace sinter;
using namespace sinter::internals;

namespace checkpoints {  // names of members are found in types that have linkage

using residual::Block;
template <bool Again> using Residual = residual::Residual<Again, 32, 24>;

/// Layers that draw random numbers and update statistics.
struct Noisy {
  nn::Linear<16, 16> fc;
  nn::BatchNorm1d<16> norm;
  nn::Dropout drop{.p = .25f};
  constexpr auto operator()(auto x) const { return drop(relu(norm(fc(x)))); }
};
template <bool Again> struct Pair {
  Noisy first, second;
  nn::Linear<16, 4> head;
  constexpr auto operator()(auto x) const {
    if constexpr (Again) return head(checkpoint([&](auto y) { return checkpoint(second, first(y)); }, x));
    else return head(second(first(x)));
  }
};

}  // namespace checkpoints

namespace {

using namespace checkpoints;

template <class T> T filled(std::uint64_t stream) {
  T t;
  const Philox random(Seed{3}, stream);
  for (std::ptrdiff_t i = 0; i < t.size(); ++i)
    t.data()[i] = std::is_same_v<typename T::element, int> ? typename T::element(i % 4)
                                                           : typename T::element(random.normal(std::uint64_t(i)));
  return t;
}

/// Trains both nets on one batch, and compares losses, parameters and buffers.
template <class Plain, class Again, class X, class Y> void compare(double tolerance) {
  Model<Plain> one(Seed{1});
  Model<Again> other(Seed{1});
  auto step = training<X, Y>(one, nn::cross_entropy, optim::SGD{.lr = .05f});
  auto again = training<X, Y>(other, nn::cross_entropy, optim::SGD{.lr = .05f});
  const X x = filled<X>(1);
  const Y y = filled<Y>(2);
  for (int i = 0; i < 4; ++i)
    CHECK(double(again(x, y).loss) == doctest::Approx(double(step(x, y).loss)).epsilon(tolerance));
  const auto state = [](const auto& net) {  // parameters and buffers
    std::vector<double> all;
    net.for_each_tensor(
        [&](const std::string&, const auto& t) { all.insert(all.end(), t.memory(), t.memory() + t.size()); });
    return all;
  };
  const std::vector<double> expected = state(one), found = state(other);
  for (std::size_t i = 0; i < expected.size(); ++i)
    REQUIRE(found[i] == doctest::Approx(expected[i]).epsilon(tolerance));
}

}  // namespace

TEST_CASE("a checkpointed function has the gradient of its formula") {
  constexpr auto inner = [](auto x) { return tanh(x * x) * exp(x * .5f); };
  constexpr auto f = [](auto x) {
    constexpr auto inner = [](auto x) { return tanh(x * x) * exp(x * .5f); };
    return sum(checkpoint(inner, x) * x);
  };
  const auto x = filled<Tensor<float, 5>>(7);
  const auto [value, dx] = value_and_grad(f)(x);
  double expected = 0;
  for (int i = 0; i < 5; ++i) {
    const double v = double(x(i)), t = std::tanh(v * v), e = std::exp(.5 * v), g = t * e;
    expected += g * v;
    CHECK(double(dx(i)) == doctest::Approx(g + v * (2 * v * (1 - t * t) * e + .5 * t * e)).epsilon(1e-5));
  }
  CHECK(double(float(value)) == doctest::Approx(expected).epsilon(1e-5));
  const Tensor<float, 5> same = checkpoint(inner, x);  // without a gradient it is the function
  for (int i = 0; i < 5; ++i)
    CHECK(double(same(i)) ==
          doctest::Approx(std::tanh(double(x(i)) * double(x(i))) * std::exp(.5 * double(x(i)))).epsilon(1e-5));
}

TEST_CASE("checkpoints nest, and have second derivatives and tangents") {
  constexpr auto cube = [](auto x) {
    return checkpoint([](auto y) { return checkpoint([](auto z) { return z * z; }, y) * y; }, x);
  };
  constexpr auto slope = [](auto x) {
    constexpr auto cube = [](auto x) {
      return checkpoint([](auto y) { return checkpoint([](auto z) { return z * z; }, y) * y; }, x);
    };
    return sum(grad([](auto y) {
                 constexpr auto cube = [](auto x) {
                   return checkpoint([](auto z) { return checkpoint([](auto u) { return u * u; }, z) * z; }, x);
                 };
                 return sum(cube(y));
               })(x) +
               0.f * cube(x));
  };
  const auto x = filled<Tensor<float, 4>>(9);
  const auto second = grad(slope)(x);
  for (int i = 0; i < 4; ++i) CHECK(double(second(i)) == doctest::Approx(6 * double(x(i))).epsilon(1e-5));
  const auto t = filled<Tensor<float, 4>>(10);
  const auto [y, dy] = jvp(cube)(x, t);
  for (int i = 0; i < 4; ++i)
    CHECK(double(dy(i)) == doctest::Approx(3 * double(x(i)) * double(x(i)) * double(t(i))).epsilon(1e-5));
}

TEST_CASE(
    "a residual net of 24 blocks trains with checkpoints as without, in less memory and with one more forward pass") {
  using X = Tensor<float, 64, 32>;
  using Y = Tensor<int, 64>;
  compare<Residual<false>, Residual<true>, X, Y>(1e-5);
  using Plain = train::TrainingStep<Residual<false>, train::OfOutput<nn::CrossEntropy<>>, optim::SGD, Cpu, X, Y>;
  using Again = train::TrainingStep<Residual<true>, train::OfOutput<nn::CrossEntropy<>>, optim::SGD, Cpu, X, Y>;
  const support::TemporaryFile text;
  std::FILE* out = std::fopen(text.path().c_str(), "w");
  Model<Residual<true>> net(Seed{1});
  summary(training<X, Y>(net, nn::cross_entropy, optim::SGD{}), out);
  std::fclose(out);
  CHECK(text.read() == std::to_string(Again::Program::steps) + " steps of " +
                           std::to_string(Again::Program::distinct_kernels) + " kernels, " +
                           train::with_commas(Again::flops) + " operations, " +
                           train::with_commas(double(Again::workspace_bytes)) + " bytes of workspace\n");
  constexpr std::size_t hidden = 64 * 256 * 4, blocks = 24;
  static_assert(Plain::workspace_bytes - Again::workspace_bytes > (blocks - 2) * hidden,
                "all but a block's hidden values are gone");
  static_assert(Again::flops > 1.15 * Plain::flops && Again::flops < 1.4 * Plain::flops);
}

TEST_CASE("a checkpoint draws the same random numbers again, and moves statistics once") {
  compare<Pair<false>, Pair<true>, Tensor<float, 32, 16>, Tensor<int, 32>>(1e-5);
}

namespace {
template <bool Again> struct Halves {
  constexpr auto operator()(auto x, auto w) const {
    return grad(
        [](auto image, auto weight) {
          auto h = image;
          for (int i = 0; i < 4; ++i) {
            const auto block = [](auto v, auto m) { return tanh(matmul(v, m)); };
            if constexpr (Again) h = checkpoint(block, h, weight);
            else h = block(h, weight);
          }
          return sum(cast<float>(h));
        },
        wrt<1>)(x, w);
  }
};
template <bool Again> std::int64_t arena_of_halves() {
  using Trace = graph::FunctionTrace<Halves<Again>, Sym<bfloat16, 256, 128>, Sym<bfloat16, 128, 128>>;
  return compile::compile(Trace{}(), 0, cpu::target).run.arena_bytes;
}
}  // namespace
TEST_CASE("a checkpoint of 16-bit products, which a CPU widens, still waits for its cotangent") {
  CHECK(arena_of_halves<true>() * 4 < arena_of_halves<false>() * 3);
  const Tensor<bfloat16, 256, 128> x = cast<bfloat16>(random::normal<256, 128>(Seed{1}));
  const Tensor<bfloat16, 128, 128> w = cast<bfloat16>(random::normal<128, 128>(Seed{2}) * .1f);
  const Tensor<bfloat16, 128, 128> again = jit(Halves<true>{})(x, w), plain = jit(Halves<false>{})(x, w);
  for (int i = 0; i < again.size(); ++i) REQUIRE(again.data()[i].bits == plain.data()[i].bits);
}
