// compile/prepare.hpp: what inference computes once for many calls, and when it has to recompute it.
#include <doctest/doctest.h>
#include <sinter/io/safetensors.hpp>
#include <sinter/sinter.hpp>

#include "../support/execute.hpp"
#include "../support/files.hpp"
#include "../support/halves.hpp"
#include "../support/prepared.hpp"
#include "../support/random_graph.hpp"

using namespace sinter;
using namespace sinter::internals;

namespace {

struct Net {
  nn::Conv2d<1, 4, 3, Conv2dOptions{.padding = 1, .bias = false}> conv;
  nn::BatchNorm2d<4> bn;
  nn::Dropout drop;
  nn::Linear<16, 3> fc;
  Scalar temperature = 1.f;
  constexpr auto operator()(auto x) const {
    return fc(drop(flatten(max_pool2d<2>(relu(bn(conv(x))))))) * exp(-temperature);
  }
};
using X = Tensor<float, upto<6, 'B'>, 1, 4, 4>;
using Y = Tensor<int, upto<6, 'B'>>;
using Prepared = decltype(inference<X>(std::declval<const Model<Net>&>()));

struct Mlp {
  nn::Linear<4, 3> fc1;
  nn::Linear<3, 2> fc2;
  constexpr auto operator()(auto x) const { return fc2(relu(fc1(x))); }
};

X batch(std::uint64_t seed) {
  X x;
  for (std::ptrdiff_t i = 0; i < X::size(); ++i) x.data()[i] = Philox(Seed{seed}, 0).normal(std::uint64_t(i));
  x.set_length<'B'>(5);
  return x;
}

/// A linear layer with weights of one byte.
struct Quantised {
  Buffer<std::int8_t, 96, 130> weight{nn::init::zeros()};
  Buffer<float, 96, 1> scale{nn::init::ones()};
  Param<float, 96> bias;
  constexpr auto operator()(auto x) const { return matmul(x, transpose(cast<float>(weight) * scale)) + bias; }
};
template <int Rows> using QuantisedProgram =
    decltype(inference<Tensor<float, Rows, 130>>(std::declval<const Model<Quantised>&>()));

double flops(const graph::Builder& g) {
  double n = 0;
  std::vector<char> live(std::size_t(g.size()), 0);
  for (const int o : g.outputs) live[std::size_t(o)] = 1;
  for (int i = g.size() - 1; i >= 0; --i) {
    if (live[std::size_t(i)] == 0) continue;
    for (int k = 0; k < g[i].operands; ++k) live[std::size_t(g.operands(i)[k])] = 1;
    graph::Signature::Operand room[8];
    if (g[i].op->flops != nullptr && g[i].operands <= 8) n += g[i].op->flops(g.signature(i, room), g.shape(i));
  }
  return n;
}

}  // namespace

TEST_CASE("what depends on parameters alone leaves the program that every call runs") {
  static_assert(Prepared::Preparation::outputs > 0);
  const graph::Builder whole = train::InferenceTrace<false, Net, X>{}();
  const compile::Prepared p = support::halves_of(whole, int(train::leading<Net>));
  CHECK(flops(p.rest) < flops(whole));
  CHECK(p.prepare.inputs.size() == int(train::leading<Net>));
  CHECK(p.rest.inputs.size() == whole.inputs.size() + p.prepare.outputs.size());
  // of the running variance
  for (int i = 0; i < p.rest.size(); ++i) CHECK(p.rest[i].op != &graph::primitive<ops::Rsqrt>);
}

TEST_CASE("where every operation depends on the input nothing is prepared") {
  const graph::Builder whole = train::InferenceTrace<false, Mlp, Tensor<float, 2, 4>>{}();
  const compile::Prepared p = support::halves_of(whole, int(train::leading<Mlp>));
  CHECK(p.prepare.outputs.size() == 0);
  CHECK(p.rest.size() == whole.size());
}

TEST_CASE("inference goes with its parameters: after steps, load, assignments and other scalars") {
  Model<Net> net(Seed{1});
  auto kept = inference<X>(net);
  const X x = batch(2);
  Y y;
  for (int i = 0; i < 6; ++i) y(i) = i % 3;
  y.set_length<'B'>(5);
  Tensor<float, upto<6, 'B'>, 3> last = kept(x);
  const auto check = [&](bool changed) {
    auto fresh = inference<X>(net);
    const auto& expected = fresh(x);
    const auto& found = kept(x);
    REQUIRE(found.template length<'B'>() == 5);
    double moved = 0;
    for (int i = 0; i < 5; ++i)
      for (int k = 0; k < 3; ++k) {
        REQUIRE(found(i, k) == expected(i, k));
        moved += std::abs(found(i, k) - last(i, k));
      }
    CHECK((moved > 0) == changed);
    last = found;
  };
  // The definition, by the interpreter.
  const graph::Builder whole = train::InferenceTrace<false, Net, X>{}();
  std::vector<reference::Array> inputs;
  for (const int i : whole.inputs) inputs.emplace_back(whole[i].dtype, whole.shape(i));
  std::memcpy(inputs[0].bytes.data(), net.data(), inputs[0].bytes.size());
  for (int c = 0; c < 4; ++c) inputs[2].set(c, 1);  // running_var
  inputs[4].set(0, 1);                              // temperature
  std::memcpy(inputs[5].bytes.data(), x.data(), inputs[5].bytes.size());
  const auto expected = reference::Interpreter(whole, true).run(inputs, {{'B', 5}});
  for (int i = 0; i < 15; ++i) CHECK(kept(x).data()[i] == doctest::Approx(expected[0].get(i)).epsilon(1e-4));

  check(false);
  auto step = training<X, Y>(net, nn::cross_entropy, optim::Adam{.lr = 1e-2f});
  for (int i = 0; i < 3; ++i) step(x, y);
  CHECK(net->bn.num_batches_tracked() == 3);
  check(true);
  net->bn.running_var(1) = 9;
  check(true);
  net->bn.weight = Tensor<float, 4>{2, 3, 4, 5};
  check(true);
  net->temperature = .5f;
  check(true);
  const support::TemporaryFile file;
  save(net, file.path());
  net.initialize(Seed{3});
  check(true);
  load(net, file.path());
  check(true);
  net = Model<Net>(Seed{4});
  check(true);
  check(false);
}

TEST_CASE("reading a model's numbers is no change to its programs") {
  const Model<Net> net(Seed{3});
  const std::uint64_t before = net.block()->changes.now();
  CHECK(net->bn.weight.const_view()(2) == 1);
  CHECK(net.data()[0] == net.data()[0]);
  CHECK(float(sum(net->bn.weight)) == 4);
  const Tensor<float, 4> copy = net->bn.weight;
  CHECK(copy(0) == 1);
  const Model<Net> other = net;
  CHECK(other.block()->changes.now() > 0);
  CHECK(net.block()->changes.now() == before);
  (void)net->bn.weight(2);  // might be written to
  CHECK(net.block()->changes.now() > before);
}

TEST_CASE("what a run-time length decides differs from call to call, though parameters alone stand in it") {
  graph::Builder g;
  const graph::Value w{&g,
                       g.input(Dtype::float64, shape_of<4>)};  // running sums of float32 would prepare its conversion
  const graph::Value x{&g, g.input(Dtype::float64, shape_of<upto<8, 'B'>, 4>)};
  const graph::Value repeated = graph::broadcast_to(w, shape_of<upto<8, 'B'>, 4>);
  g.outputs.push((x + ops::reduced<ops::Sum>(ops::cumulative_sum(repeated, 0), 1)).id);
  CHECK(support::halves_of(g, 1).prepare.outputs.size() == 0);
}

TEST_CASE("random graphs, split: the two halves together compute what the whole does") {
  int split = 0;
  for (std::uint64_t seed = 0; seed < 400; ++seed) {
    CAPTURE(seed);
    const support::RandomGraph r = support::random_graph(seed);
    int parameters = 0;
    while (parameters < 3 && !r.graph.shape(r.graph.inputs[parameters]).bounded()) ++parameters;
    const compile::Prepared p = support::halves_of(r.graph, parameters);
    split += p.prepare.outputs.size() > 0;
    const reference::Lengths lengths = support::random_lengths(r.graph, seed);
    const auto inputs = support::random_inputs(r.graph, lengths, seed);
    auto rest = inputs;
    if (p.prepare.outputs.size() > 0)
      for (auto& v : support::execute(p.prepare, {inputs.begin(), inputs.begin() + parameters}, {}))
        rest.push_back(std::move(v));
    const auto expected = reference::Interpreter(r.graph).run(inputs, lengths),
               found = reference::Interpreter(p.rest).run(rest, lengths);
    for (std::size_t k = 0; k < expected.size(); ++k) CHECK(support::difference(found[k], expected[k], lengths) < 1e-3);
    // The same as one program built at run time.
    const auto prepared = support::execute(r.graph, inputs, lengths, cpu::run_time_target, nullptr, parameters);
    for (std::size_t k = 0; k < expected.size(); ++k)
      CHECK(support::difference(prepared[k], expected[k], lengths) < 1e-3);
  }
  CHECK(split > 50);
}

TEST_CASE("narrow weights stay narrow where few rows multiply them, and are widened in advance elsewhere") {
  static_assert(QuantisedProgram<1>::prepared_bytes == 0);
  static_assert(QuantisedProgram<1>::Program::steps == 1);
  static_assert(QuantisedProgram<32>::prepared_bytes >= 96 * 130 * sizeof(float));
  Model<Quantised> net(Seed{5});
  for (int j = 0; j < 96; ++j) {
    net->scale(j, 0) = 0.01f * float(j + 1);
    for (int k = 0; k < 130; ++k) net->weight(j, k) = std::int8_t((37 * j + 11 * k) % 255 - 127);
  }
  const auto check = [&]<int Rows>(std::integral_constant<int, Rows>) {
    Tensor<float, Rows, 130> x;
    for (std::ptrdiff_t i = 0; i < x.size(); ++i) x.data()[i] = Philox(Seed{6}, 0).normal(std::uint64_t(i));
    auto infer = inference<Tensor<float, Rows, 130>>(net);
    const auto& y = infer(x);
    for (int i = 0; i < Rows; ++i)
      for (int j = 0; j < 96; ++j) {
        double sum = net->bias(j);
        for (int k = 0; k < 130; ++k) sum += double(x(i, k)) * double(net->weight(j, k)) * double(net->scale(j, 0));
        CHECK(y(i, j) == doctest::Approx(sum).epsilon(1e-4).scale(100));
      }
  };
  check(std::integral_constant<int, 1>{});
  check(std::integral_constant<int, 2>{});
  check(std::integral_constant<int, 3>{});
  check(std::integral_constant<int, 4>{});
  check(std::integral_constant<int, 32>{});
}

TEST_CASE("a program that is made at run time packs weights and folds what follows them, once") {
  support::Draft d;
  const graph::Value w = d.parameter<70, 33>(), scale = d.parameter<70>(), other = d.parameter<40, 33>();
  const graph::Value x = d.input<5, 33>();
  d.output(relu(d.linear(x, w) * scale));
  d.output(d.linear(x, other) + 1.0);
  const auto inputs = support::random_inputs(d.g, {}, 3);
  const auto expected = reference::Interpreter(d.g, true).run(inputs, {});
  const auto found = support::execute(d.g, inputs, {}, cpu::run_time_target, nullptr, d.parameters);
  for (std::size_t k = 0; k < expected.size(); ++k) CHECK(support::difference(found[k], expected[k], {}) < 1e-4);
  const generic::Program program(d.g, d.parameters), plain(d.g);
  CHECK(program.plan().inputs > plain.plan().inputs);
  CHECK(program.plan().flops < plain.plan().flops);
}
