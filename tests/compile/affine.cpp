// compile/affine.hpp: scales and shifts after a layer are folded into its weights.
#include <doctest/doctest.h>
#include <sinter/sinter.hpp>

#include "../support/prepared.hpp"

using namespace sinter;
using namespace sinter::internals;
using graph::Kind;
using graph::Value;
using support::count_of;

namespace affine {  // names of members are found in types that have linkage

struct Convolutions {
  nn::Conv2d<3, 8, 3, Conv2dOptions{.stride = 2, .padding = 1, .bias = false}> conv1;
  nn::BatchNorm2d<8> bn1;
  nn::Conv2d<8, 8, 3, Conv2dOptions{.padding = 1, .groups = 8}> depthwise;
  nn::BatchNorm2d<8> bn2;
  nn::Conv2d<8, 6, 3, Conv2dOptions{.padding = 1, .groups = 2}> grouped;
  nn::BatchNorm2d<6> bn3;
  nn::Linear<24, 5> fc;
  nn::BatchNorm1d<5> bn4;
  constexpr auto operator()(auto x) const {
    return bn4(fc(flatten(relu(bn3(grouped(relu(bn2(depthwise(relu(bn1(conv1(x)))))))))))) * .5f;
  }
};
/// Siblings after a convolution.
struct Siblings {
  nn::Conv2d<16, 16, 3, Conv2dOptions{.padding = 1}> conv;
  nn::Linear<2304, 8> a, b;
  constexpr auto operator()(auto x) const {
    const auto h = flatten(relu(conv(x)));
    return matmul(transpose(a(h)), b(h));
  }
};

}  // namespace affine

namespace {

/// The elementwise additions and other operations of each call of a graph.
struct Work {
  int additions = 0, others = 0;
};
Work work_of(const graph::Builder& g) {
  Work w;
  std::vector<char> live(std::size_t(g.size()), 0);
  for (const int o : g.outputs) live[std::size_t(o)] = 1;
  for (int i = g.size() - 1; i >= 0; --i) {
    if (live[std::size_t(i)] == 0) continue;
    for (int k = 0; k < compile::operands_of(g, i); ++k) live[std::size_t(g.operands(i)[k])] = 1;
    if (g[i].op->kind == Kind::elementwise) ++(g[i].op == &graph::primitive<ops::Add> ? w.additions : w.others);
  }
  return w;
}
struct Draft : support::Draft {
  Work left(const reference::Lengths& lengths = {}) { return work_of(support::rest_of(g, parameters, lengths)); }
};

}  // namespace

TEST_CASE("scales and shifts of each column become one addition") {
  Draft d;
  const Value w = d.parameter<5, 8>(), b = d.parameter<5>(), m = d.parameter<1, 5>(), s = d.parameter<5>(),
              t = d.parameter<>();
  const Value x = d.input<upto<6, 'B'>, 8>();
  d.output(tanh(((d.linear(x, w) + b - m) * s) / 3.0 + t));
  const Work left = d.left({{'B', 4}});
  CHECK(left.additions == 1);
  CHECK(left.others == 1);  // tanh
}

TEST_CASE("a scale alone disappears, a shift alone stays") {
  Draft d;
  const Value w = d.parameter<5, 8>(), v = d.parameter<4, 5>(), b = d.parameter<4>();
  const Value x = d.input<3, 8>();
  d.output(d.linear(d.linear(x, w) * .25, v) + b);
  const Work left = d.left();
  CHECK(left.additions == 1);
  CHECK(left.others == 0);
}

TEST_CASE("weights in front, with a batch, are scaled along their rows") {
  Draft d;
  const Value w = d.parameter<5, 8>(), s = d.parameter<5, 1>();
  const Value x = d.input<2, 6, 8>();
  const int repeated = graph::broadcast_to(w, shape_of<2, 5, 8>).id;
  d.output(ops::Contract::apply(&d.g, repeated, x.id, 1, 1) * s);
  CHECK(d.left().others == 0);
}

TEST_CASE("what is read elsewhere, too, or scaled along another axis, stays") {
  Draft d;
  const Value w = d.parameter<5, 8>(), rows = d.parameter<3, 1>(), s = d.parameter<5>();
  const Value x = d.input<3, 8>(), by_call = d.input<5>();
  const Value y = d.linear(x, w);
  d.output(y * s);
  d.output(exp(y));
  d.output(d.linear(x * 2., w) * rows);
  d.output(d.linear(x * 3., w) * by_call);
  CHECK(d.left().others == 6);
}

TEST_CASE("a product of weights with themselves stays, one with another view of them is scaled once") {
  Draft d;
  const Value w = d.parameter<5, 5>(), s = d.parameter<5>();
  const Value x = d.input<5, 5>();
  d.output(d.linear(w, w) * .5 + x);
  d.output(d.linear(x + d.linear(graph::broadcast_to(w, shape_of<5, 5>), w) * s, w) * s);
  d.left();
}

TEST_CASE("weights that two layers share are scaled for each") {
  Draft d;
  const Value w = d.parameter<8, 8>(), s = d.parameter<8>(), t = d.parameter<8>();
  const Value x = d.input<3, 8>();
  d.output(d.linear(tanh(d.linear(x, w) * s), w) * t);
  CHECK(d.left().others == 1);
}

TEST_CASE("batch normalisation after convolutions and linear layers leaves an addition") {
  using X = Tensor<float, upto<3, 'B'>, 3, 4, 4>;
  const graph::Builder g = train::InferenceTrace<false, affine::Convolutions, X>{}();
  const int parameters = int(train::leading<affine::Convolutions>);
  const graph::Builder rest = support::rest_of(g, parameters, {{'B', 2}});
  graph::Builder whole;
  CHECK(compile::expand(g, cpu::run_time_target, whole));
  const Work before = work_of(whole), left = work_of(rest);
  CHECK(left.additions == 4 + 8);              // one bias per layer, and the taps of a depthwise window
  CHECK(left.others == 3 + 9);                 // relu; products of these taps
  CHECK(before.additions + before.others > left.additions + left.others + 8);
  CHECK(count_of(rest, Kind::contract) == 3);
}

TEST_CASE("a convolution in front of siblings that are joined is still recognised") {
  using X = Tensor<float, 1, 16, 12, 12>;
  const compile::Prepared p = support::halves_of(train::InferenceTrace<false, affine::Siblings, X>{}(),
                                                 int(train::leading<affine::Siblings>), cpu::target);
  CHECK(count_of(p.rest, Kind::contract) == 2);  // the last product has nothing to sum
  int filters = 0;
  for (int i = 0; i < p.prepare.size(); ++i)
    filters += p.prepare[i].op == &graph::primitive<cpu::TransformedFilters>;
  CHECK(filters ==
        (cpu::results_a_tile({.images = 1, .height = 12, .width = 12, .channels = 16, .filters = 16, .taps = 3},
                             true) > 0
             ? 1
             : 0));
}
