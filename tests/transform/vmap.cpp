// vmap against a loop over samples.
#include <doctest/doctest.h>
#include <sinter/backend/reference/interpreter.hpp>
#include <sinter/sinter.hpp>

#include <stdexcept>

#include "../support/batched.hpp"
#include "../support/throws.hpp"

using namespace sinter;
using namespace sinter::internals;

namespace {

/// The graph of F for one sample.
template <int K, int... I> constexpr bool is_one_of = ((K == I) || ...);
template <bool Whole, class S> struct One { using type = typename transform::Sample<S>::type; };
template <class S> struct One<true, S> { using type = S; };
template <class F, int... I, class... S> graph::Builder sample_graph(F, transform::Mapped<I...>, S...) {
  return []<std::size_t... K>(std::index_sequence<K...>) {
    return graph::FunctionTrace<F, typename One<!is_one_of<int(K), I...>, S>::type...>{}();
  }
  (std::index_sequence_for<S...>{});
}

/// vmap of F over the arguments named, sample by sample against F itself, in double precision.
template <class F, int... I, class... S>
void check(F f, transform::Mapped<I...> which, const char* name, S... symbols) {
  CAPTURE(name);
  (void)f;
  const graph::Builder whole = graph::FunctionTrace<decltype(vmap(f, which)), S...>{}();
  std::vector<reference::Array> inputs;
  const Philox random(Seed{7});
  std::uint64_t drawn = 0;
  for (const int i : whole.inputs) {
    reference::Array a(whole[i].dtype, whole.shape(i));
    for (std::ptrdiff_t k = 0; k < a.shape.size(); ++k, ++drawn)
      a.set(k, is_floating(a.dtype) ? double(random.normal(drawn)) : double(random.below(drawn, 4)));
    inputs.push_back(std::move(a));
  }
  const auto batch = reference::Interpreter(whole, true).run(inputs);
  const auto is_mapped = [](int k) { return ((k == I) || ...); };
  const graph::Builder one = sample_graph(f, which, symbols...);
  for (int sample = 0; sample < 3; ++sample) {
    std::vector<reference::Array> parts;
    for (int k = 0; k < int(sizeof...(S)); ++k) {
      const reference::Array& all = inputs[std::size_t(k)];
      reference::Array part(all.dtype, one.shape(one.inputs[k]));
      for (std::ptrdiff_t i = 0; i < part.shape.size(); ++i)
        part.set(i, all.get(is_mapped(k) ? sample * part.shape.size() + i : i));
      parts.push_back(std::move(part));
    }
    const auto y = reference::Interpreter(one, true).run(parts);
    for (std::size_t o = 0; o < y.size(); ++o) {
      const std::ptrdiff_t n = y[o].shape.size();
      REQUIRE(batch[o].shape.size() == 3 * n);
      for (std::ptrdiff_t i = 0; i < n; ++i)
        CHECK(batch[o].get(sample * n + i) == doctest::Approx(y[o].get(i)).epsilon(1e-9).scale(1));
    }
  }
}
template <int... E> constexpr auto floats = Sym<float, E...>{};
template <int... E> constexpr auto integers = Sym<int, E...>{};

}  // namespace

TEST_CASE("vmap is the function of every sample") {
  check([](auto x, auto y) { return tanh(x) * y + sum<1>(x, keepdims); }, mapped<0>, "elementwise, one shared",
        floats<3, 4, 5>, floats<5>);
  check([](auto x, auto y) { return x * y; }, mapped<0, 1>, "elementwise, other ranks", floats<3, 4, 5>, floats<3, 5>);
  check(
      [](auto x) {
        return std::tuple{softmax(x), amax<0>(x), cumsum<1>(x), mean(x)};
      },
      mapped<0>, "rows", floats<3, 4, 5>);
  check(
      [](auto x) {
        return std::tuple{transpose(x),         slice<1, 1, 5, 2>(x),    flip<0>(x), unfold<0, 2>(x), reshape<2, 10>(x),
                          pad<Border{1, 2}>(x), broadcast_to<2, 4, 5>(x)};
      },
      mapped<0>, "views", floats<3, 4, 5>);
  check([](auto x, auto w) { return matmul(x, w); }, mapped<0>, "rows of a product", floats<3, 4, 5>, floats<5, 6>);
  check([](auto w, auto x) { return matmul(w, x); }, mapped<1>, "columns of a product", floats<4, 5>, floats<3, 5, 6>);
  check([](auto x, auto y) { return matmul(x, y); }, mapped<0, 1>, "products of both", floats<3, 4, 5>,
        floats<3, 5, 6>);
  check([](auto x, auto y) { return concatenate<1>(x, y); }, mapped<1>, "side by side", floats<4, 5>, floats<3, 4, 2>);
  check([](auto t, auto i) { return embedding(t, i); }, mapped<1>, "rows of a table", floats<4, 5>, integers<3, 6>);
  check([](auto t, auto i) { return embedding(t, i); }, mapped<0>, "rows of tables", floats<3, 4, 5>, integers<6>);
  check([](auto x, auto i, auto u) { return scatter_add<0>(x, i, u); }, mapped<2>, "sums at indices", floats<4, 5>,
        integers<6, 5>, floats<3, 6, 5>);
  check([](auto x, auto w) { return max_pool2d<2>(conv2d<Conv2dOptions{.padding = 1}>(x, w)); }, mapped<0>, "images",
        floats<3, 2, 2, 6, 6>, floats<4, 2, 3, 3>);
}

namespace {
/// The states of a recurrent layer from its input, first states and parameters.
template <class M> struct States {
  constexpr auto operator()(auto x, auto h, auto... w) const {
    M net;
    std::apply([&](auto&... p) { (p.bind(w), ...); }, net.sinter_fields());
    if constexpr (requires { net(x, h); }) return std::get<0>(net(x, h));
    else return std::get<0>(net(x, h, h * 0.5f));
  }
};
template <class M> struct Loss {
  constexpr auto operator()(auto x, auto... w) const {
    return sum(square(States<M>{}(x, w...)));
  }
};
template <class M, int G> void check_layer(const char* name) {
  check(States<M>{}, mapped<0, 1>, name, floats<3, 5, 2, 2>, floats<3, 1, 2, 3>, floats<G, 2>, floats<G, 3>, floats<G>,
        floats<G>);
  check(States<M>{}, mapped<0>, name, floats<3, 5, 2, 2>, floats<1, 2, 3>, floats<G, 2>, floats<G, 3>, floats<G>,
        floats<G>);
  check(grad(Loss<M>{}, wrt<0, 1, 2, 3, 4, 5>), mapped<0, 1>, name, floats<3, 5, 2, 2>, floats<3, 1, 2, 3>,
        floats<G, 2>, floats<G, 3>, floats<G>, floats<G>);
}
}  // namespace
TEST_CASE("the samples of a vmap are further rows of a recurrent layer, forward and in gradients of samples") {
  constexpr RecurrentOptions whole{.unroll = 0}, both{.bidirectional = true, .unroll = 0};
  check_layer<nn::RNN<2, 3, whole>, 3>("rnn");
  check_layer<nn::LSTM<2, 3, whole>, 12>("lstm");
  check_layer<nn::GRU<2, 3, whole>, 9>("gru");
  check(States<nn::GRU<2, 3, both>>{}, mapped<0, 1>, "both directions", floats<3, 5, 2, 2>, floats<3, 2, 2, 3>,
        floats<9, 2>, floats<9, 3>, floats<9>, floats<9>, floats<9, 2>, floats<9, 3>, floats<9>, floats<9>);
}
TEST_CASE("the samples of a vmap are recurrent layers with weights of their own, as in an ensemble") {
  constexpr RecurrentOptions whole{.unroll = 0}, both{.bidirectional = true, .unroll = 0};
  check(States<nn::RNN<2, 3, whole>>{}, mapped<3>, "weights of the state", floats<5, 2, 2>, floats<1, 2, 3>,
        floats<3, 2>, floats<3, 3, 3>, floats<3>, floats<3>);
  check(States<nn::GRU<2, 3, whole>>{}, mapped<5>, "biases of the state", floats<5, 2, 2>, floats<1, 2, 3>,
        floats<9, 2>, floats<9, 3>, floats<9>, floats<3, 9>);
  check(States<nn::GRU<2, 3, both>>{}, mapped<0, 1, 3, 5, 7, 9>, "both directions", floats<3, 5, 2, 2>,
        floats<3, 2, 2, 3>, floats<9, 2>, floats<3, 9, 3>, floats<9>, floats<3, 9>, floats<9, 2>, floats<3, 9, 3>,
        floats<9>, floats<3, 9>);
  check(grad(Loss<nn::LSTM<2, 3, whole>>{}, wrt<0, 1, 2, 3, 4, 5>), mapped<0, 2, 3, 4, 5>, "gradients",
        floats<3, 5, 2, 2>, floats<1, 2, 3>, floats<3, 12, 2>, floats<3, 12, 3>, floats<3, 12>, floats<3, 12>);
  check(grad(Loss<nn::GRU<2, 3, whole>>{}, wrt<0, 3, 5>), mapped<3, 5>, "gradients", floats<5, 2, 2>,
        floats<1, 2, 3>, floats<9, 2>, floats<3, 9, 3>, floats<9>, floats<3, 9>);
}
TEST_CASE("of a recurrent layer whose weights differ, one loop over all samples is left") {
  constexpr RecurrentOptions whole{.unroll = 0};
  const auto states = vmap(States<nn::RNN<2, 3, whole>>{}, mapped<3>);
  const graph::Builder g =
      graph::FunctionTrace<decltype(states), Sym<float, 5, 2, 2>, Sym<float, 1, 2, 3>, Sym<float, 3, 2>,
                           Sym<float, 3, 3, 3>, Sym<float, 3>, Sym<float, 3>>{}();
  CHECK(g.bodies.size() == 1);
}

namespace mapped_kernels {

using graph::Primitive;
using graph::Site;
using graph::Value;
using ops::Signature;
using ops::Type;

/// The product p of two vectors, p², and a third result that `composed` leaves.
struct Powers : graph::Registered<Powers> {
  static constexpr Type type(const Signature& s) { return {s.dtype(0), s.shape(0)}; }
  static constexpr void composed(const Site& s, Value* results) {
    const graph::Builder& g = *s.graph;
    if (g.size() != g.inputs.size() + 1 || g.inputs.size() != s.operands() || s.id != g.size() - 1)
      throw std::logic_error("expected a graph of inputs and the site");
    results[0] = s.operand(0) * s.operand(1);
    results[1] = results[0] * results[0];
  }
  static constexpr Primitive describe() {
    Primitive p{.name = "powers", .code = graph::code_of<Powers>, .kind = graph::Kind::kernel, .type = &type};
    p.kernel.results = 3;
    p.kernel.result_type = [](const Signature& s, int) { return type(s); };
    p.kernel.composed = &composed;
    return p;
  }
};
/// `composed` leaves the first result too.
struct Nothing : graph::Registered<Nothing> {
  static constexpr Primitive describe() {
    Primitive p{.name = "nothing", .code = graph::code_of<Nothing>, .kind = graph::Kind::kernel, .type = &Powers::type};
    p.kernel.composed = [](const Site&, Value*) {};
    return p;
  }
};
struct Alone : graph::Registered<Alone> {
  static constexpr Primitive describe() {
    return {.name = "alone", .code = graph::code_of<Alone>, .kind = graph::Kind::kernel, .type = &Powers::type};
  }
};

/// A graph of result `number` of Op, whose operands are no inputs; x [4] and y [4].
template <class Op> graph::Builder graph_of(int number) {
  graph::Builder g;
  const Value x{&g, g.input(Dtype::float32, shape_of<4>)}, y{&g, g.input(Dtype::float32, shape_of<4>)};
  const std::array<int, 2> operands{Value(x * 2.0).id, Value(tanh(y)).id};
  const Value first{&g, g.add(graph::primitive<Op>, operands.data(), 2)};
  g.outputs.push(ops::further_result(first, number).id);
  return g;
}
template <class Op> std::string refused(int number) {
  return support::thrown([&] { (void)support::batched(graph_of<Op>(number), {true, false}, 3, 0); }).what();
}

}  // namespace mapped_kernels
TEST_CASE("a kernel without a batching rule is batched as it is composed of others, in a graph of its own") {
  using mapped_kernels::Powers;
  for (const int number : {0, 1}) {
    const graph::Builder one = mapped_kernels::graph_of<Powers>(number), g = support::batched(one, {true, false}, 3, 0);
    CHECK_NOTHROW(compile::verify(g));
    std::vector<reference::Array> inputs;
    for (const int i : g.inputs) inputs.emplace_back(g[i].dtype, g.shape(i));
    for (int k = 0; k < 12; ++k) inputs[0].set(k, 0.25 * k - 1);
    for (int k = 0; k < 4; ++k) inputs[1].set(k, 0.5 * k - 1);
    const auto found = reference::Interpreter(g, true).run(inputs);
    REQUIRE(found[0].shape == shape_of<3, 4>);
    for (int k = 0; k < 12; ++k) {
      const double product = 2 * (0.25 * k - 1) * std::tanh(0.5 * (k % 4) - 1);
      CHECK(found[0].get(k) == doctest::Approx(number == 0 ? product : product * product).epsilon(1e-6));
    }
  }
}
TEST_CASE("kernels that cannot be batched: the error names the primitive") {
  using namespace mapped_kernels;
  CHECK(refused<Alone>(0) ==
        "vmap: expected a batching rule, found primitive alone without one; set `Primitive::batch`, or of a kernel "
        "`Primitive::kernel.composed`");
  const std::string third =
      "powers: expected result 2 from what it is composed of, found none; `Primitive::kernel.composed` leaves only "
      "further results that nothing reads";
  CHECK(refused<Powers>(2) == third);
  CHECK(refused<Nothing>(0).starts_with("nothing: expected result 0 from what it is composed of, found none"));
  graph::Builder g = graph_of<Powers>(2);
  graph::List<int> x, tangents;
  x.push(g.inputs[0]);
  tangents.push(g.input(Dtype::float32, shape_of<4>));
  const int y = g.outputs[0], total = Value(sum(Value{&g, y})).id;
  CHECK(support::thrown([&] { (void)transform::gradient(g, total, x); }).what() == third);
  CHECK(support::thrown([&] { (void)transform::push_forward(g, y, x, tangents); }).what() == third);
}
TEST_CASE("vmap and grad compose: gradients of single samples, and gradients through a batch") {
  constexpr auto loss = [](auto w, auto x) { return sum(square(tanh(matmul(w, x)))); };
  check(grad(loss), mapped<1>, "gradients of samples", floats<4, 5>, floats<3, 5>);
  const Tensor<float, 4, 5> w = random::normal<4, 5>(Seed{1});
  const Tensor<float, 3, 5> x = random::normal<3, 5>(Seed{2});
  const Tensor<float, 4, 5> together =
      grad([](auto w, auto x) { return sum(vmap(decltype(loss){}, mapped<1>)(w, x)); })(w, x);
  const Tensor<float, 4, 5> each = sum<0>(vmap(grad(loss), mapped<1>)(w, x));
  CHECK(allclose(together, each, 1e-5, 1e-6));
}
TEST_CASE("a vmapped function draws other numbers for other keys") {
  const Tensor<std::int64_t, 2> seeds{5, 6};
  const Tensor<float, 2, 40> u = vmap([](auto seed) { return random::uniform<40>(seed, 0); })(seeds);
  for (int i = 0; i < 40; ++i) {
    CHECK(u(0, i) == Philox(Seed{5}).uniform(std::uint64_t(i)));
    CHECK(u(1, i) == Philox(Seed{6}).uniform(std::uint64_t(i)));
  }
}

namespace mapped_nets {

/// Captured parameters, layers and values are shared by all samples.
struct Captures {
  nn::Linear<5, 3> fc;
  Param<float, 3> scale{nn::init::ones()};
  constexpr auto operator()(auto x) const {
    const auto shift = mean<0>(mean<0>(x));
    return vmap([&](auto row) { return fc(row - shift) * scale; })(x);
  }
};
struct Whole {
  nn::Linear<5, 3> fc;
  Param<float, 3> scale{nn::init::ones()};
  constexpr auto operator()(auto x) const { return fc(x - mean<0>(mean<0>(x))) * scale; }
};
/// The derivative of a net by its input, as in physics-informed nets.
struct Slope {
  nn::Linear<1, 8> fc1;
  nn::Linear<8, 1> fc2;
  constexpr auto operator()(auto x) const {
    return grad([&](auto v) { return sum(fc2(tanh(fc1(v)))); })(x);
  }
};

}  // namespace mapped_nets

TEST_CASE("a function that vmap maps may capture parameters, layers and values of its net") {
  const Tensor<float, 4, 2, 5> x = random::normal<4, 2, 5>(Seed{2});
  Model<mapped_nets::Captures> net(Seed{1});
  Model<mapped_nets::Whole> whole(Seed{1});
  auto infer = inference<Tensor<float, 4, 2, 5>>(net);
  auto expected = inference<Tensor<float, 4, 2, 5>>(whole);
  CHECK(allclose(infer(x), expected(x), 1e-5, 1e-6));
  auto step = training<Tensor<float, 4, 2, 5>, Tensor<float, 4, 2, 3>>(net, nn::mse_loss, optim::SGD{.lr = .1f});
  auto other = training<Tensor<float, 4, 2, 5>, Tensor<float, 4, 2, 3>>(whole, nn::mse_loss, optim::SGD{.lr = .1f});
  const Tensor<float, 4, 2, 3> y = random::normal<4, 2, 3>(Seed{3});
  for (int i = 0; i < 3; ++i) CHECK(step(x, y).loss == doctest::Approx(other(x, y).loss));
}
TEST_CASE("a function that grad differentiates may capture parameters and layers of its net") {
  Model<mapped_nets::Slope> net(Seed{1});
  auto infer = inference<Tensor<float, 6, 1>>(net);
  Tensor<float, 6, 1> x;
  for (int i = 0; i < 6; ++i) x(i, 0) = 0.3f * float(i) - 1.f;
  const Tensor<float, 6, 1> found = infer(x);
  for (int i = 0; i < 6; ++i) {
    double slope = 0;
    for (int h = 0; h < 8; ++h) {
      const double t = std::tanh(double(net->fc1.weight(h, 0)) * double(x(i, 0)) + double(net->fc1.bias(h)));
      slope += double(net->fc2.weight(0, h)) * (1 - t * t) * double(net->fc1.weight(h, 0));
    }
    CHECK(found(i, 0) == doctest::Approx(slope));
  }
}

namespace {

constexpr int samples = 3;
template <int N> constexpr auto sines(auto x) {
  if constexpr (N == 0) return x;
  else return sines<N - 1>(sin(x));
}
struct Checkpointed {
  constexpr auto operator()(auto x) const { return sum(checkpoint([](auto b) { return cos(cos(b)); }, sines<20>(x))); }
};
struct CheckpointInVmap {
  constexpr auto operator()(auto x) const {
    return sum(vmap([](auto a) { return checkpoint([](auto b) { return cos(cos(b)); }, a); })(sines<20>(x)));
  }
};
int count(const char* name, const graph::Builder& g) {
  int n = 0;
  const compile::Simplified s = compile::simplify(g);
  for (const int i : s.order) n += std::string(s.graph[i].op->name) == name;
  return n;
}

}  // namespace

TEST_CASE("a checkpoint inside vmap, or vmapped, repeats what it marks and nothing else") {
  const auto alone = graph::FunctionTrace<decltype(grad(Checkpointed{})), Sym<float, 4>>{}();
  const auto inside = graph::FunctionTrace<decltype(grad(CheckpointInVmap{})), Sym<float, samples, 4>>{}();
  const auto outside = graph::FunctionTrace<decltype(vmap(grad(Checkpointed{}))), Sym<float, samples, 4>>{}();
  for (const auto* g : {&alone, &inside, &outside}) {
    CHECK(count("sin", *g) == count("sin", alone));
    CHECK(count("cos", *g) == 40 / 2 + 1);  // of the 20 sines' derivatives, and the repeated cosine
  }
}

TEST_CASE("an argument of grad is its own, however the graph around it is numbered") {
  constexpr auto inner = [](auto a) { return grad([](auto u, auto v) { return sum(u * v); })(a, a); };  // a
  constexpr auto cube = [](auto p, auto q) { return sum(p * p * q); };
  const Tensor<float, 2, 3> x{{1, 2, 3}, {4, 5, 6}};
  const Tensor<float, 2, 3> d =
      run_function([](auto v) { return grad(decltype(cube){})(v, vmap(decltype(inner){})(v)); }, x);
  for (int i = 0; i < 6; ++i) CHECK(d.data()[i] == 2 * x.data()[i] * x.data()[i]);
}

TEST_CASE("max pooling gives its gradient to the first of ties under vmap, on either side") {
  const Tensor<float, 2, 1, 1, 4, 4> zeros;
  const auto first_of = [](const auto& g, int window) {
    for (int i = 0; i < 4; ++i)
      for (int j = 0; j < 4; ++j) CHECK(g(1, 0, 0, i, j) == (i % window == 0 && j % window == 0 ? 1 : 0));
  };
  first_of(vmap(grad([](auto v) { return sum(max_pool2d<2>(v)); }))(zeros), 2);
  first_of(grad([](auto v) { return sum(vmap([](auto y) { return max_pool2d<2>(y); })(v)); })(zeros), 2);
  first_of(vmap(grad([](auto v) { return sum(max_pool2d<4>(v)); }))(zeros), 4);
  first_of(grad([](auto v) { return sum(vmap([](auto y) { return max_pool2d<4>(y); })(v)); })(zeros), 4);
}
