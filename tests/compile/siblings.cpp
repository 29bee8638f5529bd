// compile/siblings.hpp: contractions of one value with several weights become one if their consumers allow it.
#include <doctest/doctest.h>
#include <sinter/sinter.hpp>

#include "../support/prepared.hpp"

using namespace sinter;
using namespace sinter::internals;
using graph::Builder;
using graph::Value;

namespace siblings {  // names of members are found in types that have linkage

template <int D, int Heads> struct Block {  // of BERT, with separate layers for queries, keys and values
  nn::Linear<D, D> query, key, value, out;
  nn::LayerNorm<D> norm1;
  nn::Linear<D, 4 * D> up;
  nn::Linear<4 * D, D> down;
  nn::LayerNorm<D> norm2;
  constexpr auto operator()(auto x) const {
    const auto h = norm1(x + out(multi_head_attention<Heads>(query(x), key(x), value(x))));
    return norm2(h + down(gelu(up(h))));
  }
};
template <class Layer, int Layers> struct Stack {
  std::array<Layer, Layers> layers;
  constexpr auto operator()(auto x) const {
    for (const auto& layer : layers) x = layer(x);
    return x;
  }
};

}  // namespace siblings

namespace {

struct Draft : support::Draft {
  /// The number of contractions left.
  int left(const reference::Lengths& lengths = {}) {
    return support::count_of(support::rest_of(g, parameters, lengths), graph::Kind::contract);
  }
};

template <class Program> constexpr int steps_of(compile::KernelKind kind) {
  int n = 0;
  for (const auto& step : Program::step_list) n += step.kind == kind ? 1 : 0;
  return n;
}

}  // namespace

TEST_CASE("projections of one input are one contraction, with its bias and activation, and readers take slices") {
  Draft d;
  const Value wq = d.parameter<12, 8>(), wk = d.parameter<4, 8>(), wv = d.parameter<7, 8>(), bq = d.parameter<12>(),
              bk = d.parameter<4>(), bv = d.parameter<7>(), to = d.parameter<3, 12>();
  const Value x = d.input<upto<6, 'B'>, 8>(), scale = d.input<upto<6, 'B'>, 1>();
  const Value q = tanh(d.linear(x, wq) + bq) * scale, k = tanh(d.linear(x, wk) + bk) * scale,
              v = tanh(d.linear(x, wv) + bv) * scale;
  d.output(d.linear(q, to));
  d.output(ops::Contract::apply(&d.g, graph::slice(q, 1, 1, 4).id, k.id, 0, 1));
  d.output(ops::Contract::apply(&d.g, v.id, v.id, 0, 1));
  CHECK(d.left({{'B', 5}}) == 4);  // of six
}

TEST_CASE("siblings with batches, and with weights in front, are joined") {
  {
    Draft d;
    const Value a = d.parameter<2, 5, 8>(), b = d.parameter<2, 3, 8>();
    const Value x = d.input<2, 6, 8>();
    const auto times = [&](Value p, Value q) { return ops::Contract::apply(&d.g, p.id, q.id, 1, 1); };
    d.output(times(graph::slice(times(x, a), 2, 0, 3), times(x, b)));
    CHECK(d.left() == 2);
  }
  Draft d;
  const Value a = d.parameter<5, 8>(), b = d.parameter<3, 8>();
  const Value x = d.input<6, 8>();
  const Value y = d.linear(a, x), z = d.linear(b, x);  // columns of x
  d.output(d.linear(y, z));
  CHECK(d.left() == 2);
}

TEST_CASE("what would lose its epilogue stays separate") {
  Draft d;
  const Value wa = d.parameter<5, 8>(), wb = d.parameter<5, 8>(), wc = d.parameter<5, 8>(), to = d.parameter<3, 5>();
  const Value x = d.input<4, 8>();
  const Value gated = d.linear(x, wa) * sigmoid(d.linear(x, wb));  // two that are combined
  d.output(d.linear(gated, to));
  d.output(d.linear(x, wc));  // an output has a separate buffer
  CHECK(d.left() == 4);
}

TEST_CASE("some of several siblings are joined, others not") {
  Draft d;
  const Value wa = d.parameter<5, 8>(), wb = d.parameter<5, 8>(), wc = d.parameter<5, 8>(), scale = d.parameter<>();
  const Value x = d.input<4, 8>();
  const Value a = d.linear(x, wa) * scale, b = d.linear(x, wb) * scale, c = exp(d.linear(x, wc));
  d.output(ops::Contract::apply(&d.g, a.id, b.id, 0, 1) + sum(c));
  CHECK(d.left() == 3);
}

TEST_CASE("weights that differ from call to call stay separate") {
  Draft d;
  const Value x = d.input<4, 8>(), wa = d.input<5, 8>(), wb = d.input<5, 8>();
  d.output(d.linear(d.linear(x, wa), d.linear(x, wb)));
  CHECK(d.left() == 3);
}

TEST_CASE("queries, keys and values of a transformer are one step") {
  using X = Tensor<float, 1, 16, 32>;
  using Net = siblings::Stack<siblings::Block<32, 4>, 2>;
  using Program = decltype(inference<X>(std::declval<const Model<Net>&>()))::Program;
  static_assert(steps_of<Program>(compile::KernelKind::contract) == 2 * 4);
  static_assert(steps_of<Program>(compile::KernelKind::map) == 0);

  Model<Net> net(Seed{3});
  X x;
  for (std::ptrdiff_t i = 0; i < X::size(); ++i) x.data()[i] = Philox(Seed{4}, 0).normal(std::uint64_t(i));
  const Builder whole = train::InferenceTrace<false, Net, X>{}();
  std::vector<reference::Array> inputs;
  for (const int i : whole.inputs) inputs.emplace_back(whole[i].dtype, whole.shape(i));
  std::memcpy(inputs[0].bytes.data(), net.data(), inputs[0].bytes.size());
  std::memcpy(inputs.back().bytes.data(), x.data(), inputs.back().bytes.size());
  const auto expected = reference::Interpreter(whole, true).run(inputs);
  auto infer = inference<X>(net);
  const auto& found = infer(x);
  for (std::ptrdiff_t i = 0; i < X::size(); ++i)
    CHECK(found.data()[i] == doctest::Approx(expected[0].get(i)).epsilon(1e-4).scale(1));
}
