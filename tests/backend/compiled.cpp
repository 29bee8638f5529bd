// Random graphs as compiled programs: the CPU backend's kernels on one, two and
// three threads against the interpreter in double.
#include <doctest/doctest.h>
#include <sinter/sinter.hpp>

#include "../support/compiled.hpp"

using namespace sinter;

namespace {

template <std::uint64_t Seed, bool Loops> struct RandomTrace {
  constexpr graph::Builder operator()() const {
    return support::random_graph(Seed, Dtype::float32, Loops ? 6 : 10, Loops).graph;
  }
};

template <std::uint64_t Seed, bool Loops = false> void check() {
  CAPTURE(Seed);
  CAPTURE(Loops);
  support::check_compiled<RandomTrace<Seed, Loops>>(Seed);
}

}  // namespace

TEST_CASE("random graphs compiled for the CPU agree with the interpreter, on any number of threads alike") {
  check<1>();
  check<4>();
  check<7>();
  check<12>();
  check<23>();
  check<31>();
  check<6, true>();
}

namespace {
/// The CPU with a target that writes no primitive with others.
struct Keeping : cpu::Backend {
  static constexpr internals::compile::Target target = [] {
    internals::compile::Target t = cpu::target;
    t.expansion = nullptr;
    return t;
  }();
};
inline constexpr Conv2dOptions same{.padding = 1};
struct KeptTrace {
  static constexpr auto pooled = [](auto x, auto w) { return sum(max_pool2d<2>(tanh(conv2d<same>(x + 1.f, w)))); };
  static constexpr auto gradients = [](auto x, auto w) { return grad(pooled, wrt<0, 1>)(x, w); };
  constexpr graph::Builder operator()() const {
    return graph::FunctionTrace<decltype(gradients), Sym<float, upto<6, 'N'>, 2, 4, 6>, Sym<float, 3, 2, 3, 3>>{}();
  }
};
}  // namespace

TEST_CASE("convolutions and pools that a target keeps run by their plain loops on the CPU's backend") {
  support::check_compiled<KeptTrace, Keeping>(1);
  support::check_compiled<KeptTrace>(1);  // as contractions and maxima, against the same values
}

TEST_CASE("indices that differ from lane to lane: gathers whose rows stand side by side") {
  const Tensor<float, 3, 5> x = random::normal<3, 5>(Seed{1});
  const Tensor<float, 3, 20> v = random::normal<3, 20>(Seed{2});
  const Tensor<float, 1, 5> table{{1, 2, 3, 4, 5}};
  Tensor<int, 1, 20> indices;
  for (int j = 0; j < 20; ++j) indices(0, j) = 3 * j % 5;
  const Tensor<float, 20> sums = sum<0>(gather<1>(x, indices));
  const Tensor<float, 3, 20> running = cumsum<0>(gather<1>(x, indices));
  const Tensor<float, 1, 20> chosen = gather<1>(table, argmax<0>(v, keepdims));
  for (int j = 0; j < 20; ++j) {
    float total = 0;
    int best = 0;
    for (int i = 0; i < 3; ++i) {
      total += x(i, 3 * j % 5);
      CHECK(running(i, j) == doctest::Approx(total));
      if (v(i, j) > v(best, j)) best = i;
    }
    CHECK(sums(j) == doctest::Approx(total));
    CHECK(chosen(0, j) == table(0, best));
  }
}
namespace {
struct Gathered {
  constexpr auto operator()(auto table, auto indices) const { return gather<0>(table, indices); }
};
}  // namespace
TEST_CASE("an index beyond the run-time length of a table is outside: an error of a statement, NaN in a program") {
  Tensor<float, upto<8, 'N'>> table{100, 101, 102, 103, 104, 105, 106, 107};
  table.set_length<'N'>(3);
  const Tensor<int, 2> indices{1, 5};
  CHECK_THROWS_WITH_AS(eval(gather<0>(table, indices)), "gather, index: expected 0 … 2, found 5", Error);
  const Model<Gathered> none(Seed{1});
  const auto y = inference<Tensor<float, upto<8, 'N'>>, Tensor<int, 2>>(none)(table, indices);  // does not check them
  CHECK(y(0) == 101);
  CHECK(y(1) != y(1));
}
