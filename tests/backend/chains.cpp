// Steps that run tile by tile: pools, softmax and layers after contractions against the interpreter in double,
// identical for any number of threads, at every length of a batch; and which programs have them.
#include <doctest/doctest.h>
#include <sinter/sinter.hpp>
#include <sinter/train/profile.hpp>

#include "../support/compiled.hpp"

using namespace sinter;
using namespace sinter::internals;

namespace chained {  // names of members are found in types that have linkage

struct Stem {
  nn::Conv2d<3, 64, 7, Conv2dOptions{.stride = 2, .padding = 3}> conv;
  constexpr auto operator()(auto x) const {
    return max_pool2d<3, Pool2dOptions{.stride = 2, .padding = 1}>(relu(conv(x)));
  }
};

/// Weights before what they mix.
struct Mixed {
  Param<float, 4096, 64> weight{nn::init::normal(0, .1)};
  constexpr auto operator()(auto x) const { return softmax(matmul(weight, x)); }
};

}  // namespace chained

namespace {

/// Forms chains also in programs small enough for the interpreter.
struct Eager : cpu::Backend {
  static constexpr compile::Target target = [] {
    compile::Target t = cpu::target;
    t.tiles.cache = 8192;
    t.tiles.least = &cpu::least_of_tile<1>;
    return t;
  }();
};

/// Steps, of `runs` kernels.
template <class... X, class F> void check(F, int steps, int runs) {
  using Trace = graph::FunctionTrace<F, X...>;
  using P = compile::Program<Trace, Eager>;
  CHECK(P::has_chains);
  CHECK(P::steps == steps);
  CHECK(P::runs == runs);
  support::check_compiled<Trace, Eager>(17, 4);
}

constexpr auto first_layer = [](auto image, auto w) { return relu(conv2d<Conv2dOptions{.padding = 1}>(image, w)); };
constexpr auto overlapping = [](auto x) { return max_pool2d<3, Pool2dOptions{.stride = 2, .padding = 1}>(x); };

}  // namespace

TEST_CASE("pools run after a convolution, image by image") {
  using W = Sym<float, 8, 4, 3, 3>;
  check<Sym<float, 9, 4, 20, 20>, W>([](auto x, auto w) { return max_pool2d<2>(first_layer(x, w)); }, 1, 7);
  check<Sym<float, 9, 4, 20, 20>, W>([](auto x, auto w) { return overlapping(first_layer(x, w)); }, 1, 11);
  check<Sym<float, 9, 4, 20, 20>, W>(
      [](auto x, auto w) { return avg_pool2d<3, Pool2dOptions{.stride = 2, .padding = 1}>(first_layer(x, w)); }, 1, 11);
  check<Sym<float, 9, 4, 20, 20>, W>([](auto x, auto w) { return mean<2, 3>(first_layer(x, w)); }, 1, 7);
  check<Sym<float, upto<9, 'B'>, 4, 20, 20>, W>([](auto x, auto w) { return overlapping(first_layer(x, w)); }, 1, 11);
  // Winograd's form, with the operands of both layers' pools as further results.
  check<Sym<float, 8, 16, 16, 16>, Sym<float, 32, 16, 3, 3>>([](auto x, auto w) {
    const auto y = first_layer(x, w);
    return std::tuple{y, max_pool2d<2>(y)};
  }, 1, 7);
}

TEST_CASE("layers of one image run in rows, each later than the one before by what their windows reach ahead") {
  check<Sym<float, 1, 4, 40, 20>, Sym<float, 8, 4, 3, 3>>([](auto x, auto w) { return overlapping(first_layer(x, w)); },
                                                          6, 11);
  check<Sym<float, 1, 4, 40, 20>, Sym<float, 8, 4, 3, 3>, Sym<float, 8, 8, 5, 5>>(
      [](auto x, auto w, auto v) {
        return overlapping(relu(conv2d<Conv2dOptions{.padding = 2}>(first_layer(x, w), v)));
      },
      6, 16);
}

TEST_CASE("what a step reads that runs before all tiles is not made in tiles") {
  const auto adjacent = [](auto image, auto w, auto u, auto v) {
    const auto y = conv2d<Conv2dOptions{.padding = 1}>(image, w), z = exp(y * .1f);
    return conv2d<>(concatenate<2>(sqrt(slice<2, 79, 80>(z)), conv2d<>(relu(y), u)), v);
  };
  using Trace = graph::FunctionTrace<decltype(adjacent), Sym<float, 1, 4, 80, 20>, Sym<float, 8, 4, 3, 3>,
                                     Sym<float, 8, 8, 1, 1>, Sym<float, 8, 8, 3, 3>>;
  support::check_compiled<Trace, Eager>(17, 2);
}

TEST_CASE("weights in panels are not cut into tiles") {
  Model<chained::Mixed> net(Seed{1});
  Tensor<float, 64, 256> x;
  for (std::ptrdiff_t i = 0; i < x.size(); ++i) x.data()[i] = Philox(Seed{2}).normal(std::uint64_t(i));
  auto infer = inference<Tensor<float, 64, 256>>(net);
  const auto& found = infer(x);
  for (const int i : {0, 5, 4095}) {
    std::vector<double> row(256);
    double sum = 0;
    for (int k = 0; k < 256; ++k) {
      double product = 0;
      for (int j = 0; j < 64; ++j) product += double(net->weight(i, j)) * double(x(j, k));
      sum += row[std::size_t(k)] = std::exp(product);
    }
    for (int k = 0; k < 256; ++k) CHECK(found(i, k) == doctest::Approx(row[std::size_t(k)] / sum).epsilon(1e-5));
  }
}

TEST_CASE("rows of a product are normalised while they are in cache") {
  using X = Sym<float, 240, 32>;
  using W = Sym<float, 32, 64>;
  check<X, W>([](auto x, auto w) { return softmax(matmul(x, w)); }, 1, 2);
  check<X, W, Sym<float, 240, 64>>([](auto x, auto w, auto r) {
    const auto y = matmul(x, w) + r, centred = y - mean<1>(y, keepdims);
    return centred * rsqrt(mean<1>(centred * centred, keepdims) + 1e-5f);
  }, 1, 2);
  check<Sym<float, upto<240, 'B'>, 32>, W, Sym<float, 64, 32>>(
      [](auto x, auto w, auto v) { return matmul(gelu(matmul(softmax(matmul(x, w)), v)), w); }, 1, 4);
}

TEST_CASE("an output is not written over an input that other tiles still read") {
  using Trace = graph::FunctionTrace<decltype([](auto x, auto w, auto r) { return softmax(matmul(x, w)) + r; }),
                                     Sym<float, 240, 48>, Sym<float, 48, 48>, Sym<float, 240, 48>>;
  using P = compile::Program<Trace, Eager>;
  static_assert(P::has_chains && !P::may_share(0, 0) && !P::may_share(1, 0) && P::may_share(2, 0));
}

TEST_CASE("small programs, and results that stay in cache, have no chains") {
  constexpr auto f = [](auto x, auto w) { return softmax(matmul(x, w)); };
  static_assert(!compile::Program<graph::FunctionTrace<decltype(f), Sym<float, 256, 64>, Sym<float, 64, 512>>,
                                  cpu::Backend>::has_chains);
  static_assert(compile::Program<graph::FunctionTrace<decltype(f), Sym<float, 16384, 64>, Sym<float, 64, 64>>,
                                 cpu::Backend>::has_chains);
}

TEST_CASE("a profile shows a chain as one step, with all that it computes and what goes through memory") {
  Model<chained::Stem> net(Seed{1});
  auto infer = inference<Tensor<float, 4, 3, 96, 96>>(net);
  const Tensor<float, 4, 3, 96, 96> x;
  const Profile p = profile(ProfileOptions{.runs = 3, .roof = false}, infer, x);
  using Program = decltype(infer)::Program;
  REQUIRE(int(p.steps.size()) == Program::steps);
  REQUIRE(Program::steps == 1);
  CHECK(p.steps[0].name == "conv");
  CHECK(p.steps[0].kind == "contract");
  CHECK(p.steps[0].operations.substr(0, 28) == "contract add relu · maximum");
  CHECK(p.steps[0].variant.substr(0, 12) == "4 tiles of 1");
  CHECK(p.steps[0].flops >= 2. * 4 * 48 * 48 * 64 * 147);
  // The image, the weights and the pooled image; neither the padded image nor the operand of the pool.
  CHECK(p.steps[0].bytes < 4 * (4. * 3 * 96 * 96 + 64 * 148 + 4. * 64 * 24 * 24) + 1000);
}
