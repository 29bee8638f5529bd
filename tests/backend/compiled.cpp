// Random graphs as compiled programs: the CPU backend's kernels on one and two threads against the interpreter in double.
#include <doctest/doctest.h>
#include <sinter/backend/cpu/backend.hpp>
#include <sinter/compile/program.hpp>
#include <sinter/eager/random.hpp>

#include "../support/random_graph.hpp"

using namespace sinter;

namespace {

template <std::uint64_t Seed> struct RandomTrace {
  constexpr graph::Builder operator()() const { return support::random_graph(Seed, Dtype::float32, 10).graph; }
};

template <std::uint64_t Seed> void check() {
  CAPTURE(Seed);
  using P = compile::Program<RandomTrace<Seed>, cpu::Backend>;
  const support::RandomGraph r = support::random_graph(Seed, Dtype::float32, 10);
  for (std::uint64_t variant = 0; variant < 6; ++variant) {
    CAPTURE(variant);
    const reference::Lengths lengths = support::random_lengths(r.graph, 100 * Seed + variant);
    const auto inputs = support::random_inputs(r.graph, lengths, 100 * Seed + variant);
    const auto expected = reference::Interpreter(r.graph, true).run(inputs, lengths);
    std::vector<std::int64_t> n{0};
    n.clear();
    for (const char letter : P::letters) n.push_back(lengths.at(letter));
    std::vector<std::vector<reference::Array>> results;
    for (const int threads : {1, 2}) {
      auto copies = inputs;
      std::vector<reference::Array> outputs;
      for (const int o : r.graph.outputs) {
        outputs.emplace_back(r.graph[o].dtype, r.graph.shape(o));
        std::fill(outputs.back().bytes.begin(), outputs.back().bytes.end(), std::byte(0xff));
      }
      AlignedBlock<std::byte> workspace(P::workspace_bytes + 64);
      std::memset(workspace.data(), 0xff, workspace.size());  // NaN: whatever is read before it is written shows
      std::vector<std::byte*> base{workspace.data()};
      for (auto& a : copies) base.push_back(a.bytes.data());
      for (auto& a : outputs) base.push_back(a.bytes.data());
      P::run(cpu::Context{base.data(), n.data(), nullptr, threads});
      for (std::size_t k = 0; k < expected.size(); ++k) {
        CAPTURE(k);
        CHECK(support::difference(outputs[k], expected[k], lengths) < 1e-4);
      }
      results.push_back(std::move(outputs));
    }
    for (std::size_t k = 0; k < expected.size(); ++k) CHECK(support::difference(results[0][k], results[1][k], lengths) == 0);
  }
}

}  // namespace

TEST_CASE("random graphs compiled for the CPU agree with the interpreter, on one and two threads alike") {
  check<1>();
  check<4>();
  check<7>();
  check<12>();
  check<23>();
  check<31>();
}

TEST_CASE("places that differ from lane to lane: gathers whose rows stand side by side") {
  const Tensor<float, 3, 5> x = random::normal<3, 5>(Seed{1});
  const Tensor<float, 3, 20> v = random::normal<3, 20>(Seed{2});
  const Tensor<float, 1, 5> table{{1, 2, 3, 4, 5}};
  Tensor<int, 1, 20> places;
  for (int j = 0; j < 20; ++j) places(0, j) = 3 * j % 5;
  const Tensor<float, 20> sums = sum<0>(gather<1>(x, places));
  const Tensor<float, 3, 20> running = cumsum<0>(gather<1>(x, places));
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
TEST_CASE("a place beyond the run-time length of a table is outside") {
  Tensor<float, upto<8, 'N'>> table{100, 101, 102, 103, 104, 105, 106, 107};
  table.set_length<'N'>(3);
  const Tensor<float, 2> y = gather<0>(table, Tensor<int, 2>{1, 5});
  CHECK(y(0) == 101);
  CHECK(y(1) != y(1));
}
