// graph/: builder, symbols, calls, parameters, reflection.
#include <doctest/doctest.h>
#include <sinter/graph/print.hpp>
#include <sinter/sinter.hpp>

#include "../support/throws.hpp"

using namespace sinter;
using graph::Builder;
using graph::Value;

TEST_CASE("equal applications are one node") {
  Builder g;
  const Value x{&g, g.input(Dtype::float32, shape_of<4>)}, y{&g, g.input(Dtype::float32, shape_of<4>)};
  CHECK((x + y).id == (x + y).id);
  CHECK((x + y).id != (y + x).id);
  CHECK(x.id != y.id);  // inputs are never merged
  const int before = g.size();
  (void)(tanh(x + y) * 2.0 + tanh(x + y) * 2.0);
  CHECK(g.size() == before + 4);  // tanh, 2, mul, add
}

TEST_CASE("a thousand nodes stay one each") {
  Builder g;
  Value x{&g, g.input(Dtype::float32, shape_of<4>)};
  for (int i = 0; i < 1000; ++i) x = x + double(i + 1);
  const int size = g.size();
  Value again{&g, g.inputs[0]};
  for (int i = 0; i < 1000; ++i) again = again + double(i + 1);
  CHECK(again.id == x.id);
  CHECK(g.size() == size);
}

TEST_CASE("local rules: identities vanish, numbers fold, repetition sinks below") {
  Builder g;
  const Value x{&g, g.input(Dtype::float32, shape_of<4>)};
  CHECK((x * 1.0).id == x.id);
  CHECK((x + 0.0).id == x.id);
  CHECK((x / 1.0).id == x.id);
  const Value two{&g, g.constant(2)}, three{&g, g.constant(3)};
  CHECK((two * three).is(6));
  CHECK(graph::reshape_to(graph::reshape_to(x, shape_of<2, 2>), shape_of<4>).id == x.id);
}

TEST_CASE("shapes that do not fit are found while an untyped graph is built") {
  Builder g;
  const Value x{&g, g.input(Dtype::float32, shape_of<4>)}, y{&g, g.input(Dtype::float32, shape_of<3>)};
  const int before = g.size();
  const Error e = support::thrown([&] { (void)(x + y); });
  CHECK(e.code() == ErrorCode::shape);
  CHECK(std::string(e.what()).find("add: operands do not fit together: float32(4) and float32(3)") == 0);
  CHECK(g.size() == before);
  const Value a{&g, g.input(Dtype::float32, shape_of<upto<8, 'A'>>)},
      b{&g, g.input(Dtype::float32, shape_of<upto<8, 'B'>>)};
  CHECK_THROWS_AS((void)(a + b), Error);  // lengths of different names
}

TEST_CASE("a graph is a value of constant evaluation") {
  struct Counts {
    int nodes, inputs, outputs;
  };
  constexpr Counts c = [] {
    const Builder g = graph::FunctionTrace<decltype([](auto x, auto w) { return relu(matmul(x, w)); }),
                                           Sym<float, 2, 3>, Sym<float, 3, 4>>{}();
    return Counts{g.size(), g.inputs.size(), g.outputs.size()};
  }();
  CHECK(c.inputs == 2);
  CHECK(c.outputs == 1);
  CHECK(c.nodes >= 4);
}

namespace {
struct Block {
  nn::Linear<8, 8> fc;
  constexpr auto operator()(auto x) const { return x + relu(fc(x)); }
};
struct Residual {
  std::array<Block, 5> blocks;
  constexpr auto operator()(auto x) const {
    for (const Block& b : blocks) x = b(x);
    return x;
  }
};
struct Halved {
  Param<float, 3> w{nn::init::constant(2)};
  constexpr auto operator()(auto x) const { return x * (w * 0.5f); }
};
}  // namespace

TEST_CASE("a residual loop over an array of blocks is a plain loop, and its type does not grow") {
  static_assert(std::is_same_v<std::invoke_result_t<Residual, Sym<float, 2, 8>>, Sym<float, 2, 8>>);
  static_assert(graph::count_parameters<Residual>() == 5 * (8 * 8 + 8));
}

namespace {
struct Inner {
  Param<float, 2> a;
  float scale = 2;
};
struct Outer {
  Inner first;
  std::array<nn::Linear<2, 2>, 2> blocks;
  std::tuple<Inner, nn::ReLU> pair;
  Pack<nn::ReLU, Inner> pack;
  Scalar temperature = 1.f;
};
struct Named {
  Named() = default;
  Named(int) {}
  Param<float, 3> weight, bias;
  SINTER_FIELDS(weight , bias)
};
}  // namespace

TEST_CASE("members are found without macros, under PyTorch's names") {
  std::string names;
  Outer net;
  graph::for_each_named_leaf(net, [&](const std::string& name, const auto&) { names += name + " "; });
  CHECK(names == "first.a blocks.0.weight blocks.0.bias blocks.1.weight blocks.1.bias pair.0.a pack.1.a temperature ");
  static_assert(graph::count_parameters<Outer>() == 2 + 2 * (4 + 2) + 2 + 2);
  net.pack.get<1>().scale = 3;
  CHECK(std::as_const(net).pack.get<1>().scale == 3);
}

TEST_CASE("SINTER_FIELDS names the members of a type that cannot be decomposed") {
  std::string names;
  Named net;
  graph::for_each_named_leaf(net, [&](const std::string& name, const auto&) { names += name + " "; });
  CHECK(names == "weight bias ");
}

TEST_CASE("Sequential's parameters are named by position") {
  std::string names;
  nn::Sequential<nn::Linear<3, 2>, nn::ReLU, nn::Linear<2, 1>> net;
  graph::for_each_named_leaf(net, [&](const std::string& name, const auto&) { names += name + " "; });
  CHECK(names == "0.weight 0.bias 2.weight 2.bias ");
}

TEST_CASE("parameters are symbols next to symbols and tensors next to tensors") {
  Model<Halved> net(Seed{1});
  const Tensor<float, 3> x{1, 2, 3};
  const Tensor<float, 3> y = (*net)(x);
  CHECK(y(2) == 3);
  net->w(2) = 20;
  CHECK(eval(x * net->w)(2) == 60);
  net->w = x;
  CHECK(net->w(1) == 2);
  const Error e = support::thrown([] { Param<float, 3>{}.view(); });
  CHECK(std::string(e.what()) == "parameter: it belongs to no model; make a Model of the struct that holds it");
}

TEST_CASE("graphs print as text and as Graphviz") {
  const Builder g = graph::FunctionTrace<decltype([](auto x, auto w) { return tanh(matmul(x, w)); }),
                                         Sym<float, upto<2, 'B'>, 3>, Sym<float, 3, 4>>{}();
  const std::string text = graph::to_text(g), dot = graph::to_graphviz(g);
  CHECK(text.find("= input") != std::string::npos);
  CHECK(text.find("float32 (upto 2 'B', 4)") != std::string::npos);
  CHECK(text.find("operations") != std::string::npos);
  CHECK(text.find("output 0 = ") != std::string::npos);
  CHECK(dot.find("digraph {") == 0);
  CHECK(dot.find("tanh") != std::string::npos);
}
