// Derivatives of second order of recurrences that are one kernel: against the layers with their steps unrolled, which
// the tests of nn/ compare with PyTorch, and against finite differences of the first ones, in double precision.
#include <doctest/doctest.h>
#include <sinter/sinter.hpp>
#include <sinter/transform/forward.hpp>

#include <cmath>
#include <limits>
#include <span>

#include "../support/execute.hpp"
#include "../support/random_graph.hpp"

using namespace sinter;
using namespace sinter::internals;
using graph::Builder;
using graph::List;
using graph::Value;

namespace {

/// A scalar of all results of a layer for a sequence [Time, 2, 3] and given initial states.
template <class Layer, auto Time, int... Index>
constexpr Value loss_of(Builder& g, std::integer_sequence<int, Index...>) {
  constexpr int directions = Layer::directions;
  Layer layer;
  const Sym<float, Time, 2, 3> x(graph::new_input<Sym<float, Time, 2, 3>>(g));
  using State = Sym<float, directions, 2, 3>;
  const std::array<State, sizeof...(Index)> first{((void)Index, graph::new_input<State>(g))...};
  std::apply([&](auto&... p) {
    (p.bind(graph::new_input<symbol_of<std::remove_cvref_t<decltype(p)>>>(g)), ...);
  }, layer.sinter_fields());
  const auto all = layer(x, first[std::size_t(Index)]...);
  Value loss{&g, g.constant(0)};
  double factor = 1;
  std::apply([&](const auto&... y) {
    ((loss = loss + sum(Value(y) * Value(y) * factor + sin(Value(y))), factor -= 0.25), ...);
  }, all);
  return loss;
}

/// Outputs: the gradients of the loss, those of a function of the gradients, and a Hessian times a vector.
template <class Layer, auto Time = 4> Builder derivatives_of() {
  Builder g;
  const Value loss = loss_of<Layer, Time>(g, std::make_integer_sequence<int, Layer::states>{});
  const List<int> inputs = g.inputs, first = transform::gradient(g, loss.id, inputs);
  Value total{&g, g.constant(0)};
  for (int k = 0; k < first.size(); ++k) {
    const Value d{&g, first[k]};
    total = total + sum(sin(d) + d * (0.25 * double(k + 1)));
    g.outputs.push(first[k]);
  }
  for (const int d : transform::gradient(g, total.id, inputs)) g.outputs.push(d);
  for (const int t : transform::push_forward(g, first, inputs, inputs)) g.outputs.push(t);
  return g;
}

std::vector<reference::Array> in_double(std::vector<reference::Array> inputs) {
  for (reference::Array& x : inputs) {
    reference::Array wide(Dtype::float64, x.shape);
    for (std::ptrdiff_t i = 0; i < x.shape.size(); ++i) wide.set(i, 0.5 * x.get(i));
    x = std::move(wide);
  }
  return inputs;
}

template <template <int> class Layer> void check(const char* name) {
  CAPTURE(name);
  const Builder kernel = derivatives_of<Layer<0>>(), steps = derivatives_of<Layer<64>>();
  CHECK(kernel.bodies.size() > 0);
  auto inputs = in_double(support::random_inputs(kernel, {}, 5));
  const auto count = inputs.size();
  reference::Interpreter interpreter(kernel, true);
  const auto found = interpreter.run(inputs), expected = reference::Interpreter(steps, true).run(inputs);
  REQUIRE(found.size() == 3 * count);
  for (std::size_t k = 0; k < found.size(); ++k) {
    CAPTURE(k);
    CHECK(support::difference(found[k], expected[k], {}) < 1e-9);
  }
  // What the gradients are summed to, with one element shifted.
  const auto total = [&] {
    const auto outputs = interpreter.run(inputs);
    double sum = 0;
    for (std::size_t k = 0; k < count; ++k)
      for (std::ptrdiff_t i = 0; i < outputs[k].shape.size(); ++i)
        sum += std::sin(outputs[k].get(i)) + outputs[k].get(i) * 0.25 * double(k + 1);
    return sum;
  };
  for (std::size_t k = 0; k < count; ++k)
    for (std::ptrdiff_t i = 0; i < inputs[k].shape.size(); i += 1 + inputs[k].shape.size() / 2) {
      CAPTURE(k);
      CAPTURE(i);
      const double at = inputs[k].get(i), h = 1e-5;
      inputs[k].set(i, at + h);
      const double right = total();
      inputs[k].set(i, at - h);
      const double left = total();
      inputs[k].set(i, at);
      CHECK(found[count + k].get(i) == doctest::Approx((right - left) / (2 * h)).epsilon(1e-6).scale(1));
    }
  // In float, by the executor of run-time graphs, whose loops and recurrences are a CPU's.
  std::vector<reference::Array> narrow;
  for (const reference::Array& x : inputs) {
    reference::Array a(Dtype::float32, x.shape);
    for (std::ptrdiff_t i = 0; i < x.shape.size(); ++i) a.set(i, x.get(i));
    narrow.push_back(std::move(a));
  }
  const auto fused = support::execute(kernel, narrow, {});
  for (std::size_t k = 0; k < found.size(); ++k) {
    CAPTURE(k);
    CHECK(support::difference(fused[k], found[k], {}) < 1e-4);
  }
}

/// The same over bounded time, of 4 steps and of none.
template <template <int> class Layer> void check_bounded(const char* name) {
  CAPTURE(name);
  constexpr auto time = upto<6, 'T'>;
  const Builder fixed = derivatives_of<Layer<0>>(), bounded = derivatives_of<Layer<0>, time>();
  const auto inputs = in_double(support::random_inputs(fixed, {}, 5));
  auto room = inputs;
  room[0] = reference::Array(Dtype::float64, shape_of<time, 2, 3>);
  const std::ptrdiff_t steps = inputs[0].shape.size();
  for (std::ptrdiff_t i = 0; i < room[0].shape.size(); ++i)
    room[0].set(i, i < steps ? inputs[0].get(i) : std::numeric_limits<double>::quiet_NaN());
  auto narrow = room;
  for (reference::Array& x : narrow) {
    reference::Array a(Dtype::float32, x.shape);
    for (std::ptrdiff_t i = 0; i < x.shape.size(); ++i) a.set(i, x.get(i));
    x = std::move(a);
  }
  const auto expected = reference::Interpreter(fixed, true).run(inputs),
             found = reference::Interpreter(bounded, true).run(room, {{'T', 4}}),
             fused = support::execute(bounded, narrow, {{'T', 4}});
  REQUIRE(found.size() == expected.size());
  for (std::size_t k = 0; k < found.size(); ++k) {
    CAPTURE(k);
    for (std::ptrdiff_t i = 0; i < expected[k].shape.size(); ++i) {  // the steps are the first axis
      CHECK(found[k].get(i) == doctest::Approx(expected[k].get(i)).epsilon(1e-9).scale(1));
      CHECK(fused[k].get(i) == doctest::Approx(expected[k].get(i)).epsilon(1e-3).scale(1));
    }
  }
  const auto none = reference::Interpreter(bounded, true).run(room, {{'T', 0}}),
             fused_none = support::execute(bounded, narrow, {{'T', 0}});
  for (std::size_t k = 1; k < none.size() / 3; ++k)
    for (std::ptrdiff_t i = 0; i < none[k].shape.size(); ++i) {
      const bool state = k < 1 + std::size_t(Layer<0>::states);  // the weights have no gradients then
      CHECK((state ? std::isfinite(none[k].get(i)) : none[k].get(i) == 0));
      CHECK(fused_none[k].get(i) == doctest::Approx(none[k].get(i)).epsilon(1e-4).scale(1));
    }
}

template <int Unroll> using Lstm = nn::LSTM<3, 3, RecurrentOptions{.unroll = Unroll}>;
template <int Unroll> using LstmOfBoth = nn::LSTM<3, 3, RecurrentOptions{.bidirectional = true, .unroll = Unroll}>;
template <int Unroll> using Gru = nn::GRU<3, 3, RecurrentOptions{.unroll = Unroll}>;
template <int Unroll> using GruOfBoth = nn::GRU<3, 3, RecurrentOptions{.bidirectional = true, .unroll = Unroll}>;
template <int Unroll> using Rnn = nn::RNN<3, 3, RecurrentOptions{.unroll = Unroll}>;
template <int Unroll> using Relu = nn::RNN<3, 3, RecurrentOptions{.bias = false, .unroll = Unroll}, Nonlinearity::relu>;

/// A cell's kernels, for units that fill no register, one, and several, against the interpreter.
template <ops::Cell C> void check_kernels(const char* name, Dtype dtype, double tolerance) {
  CAPTURE(name);
  for (const int hidden : {1, 2, 3, 5, 8, 17}) {
    CAPTURE(hidden);
    Builder g;
    const auto input = [&](auto... n) {
      Shape s;
      (s.push(n), ...);
      return Value{&g, g.input(dtype, s)};
    };
    const int gates = ops::gates(C) * hidden;
    const Value x = input(4, 3, gates), weight = input(gates, hidden), first = input(3, ops::states(C) * hidden);
    Value y;
    if constexpr (C == ops::Cell::gru) y = ops::Recur<C, false>{}(x, weight, first, input(hidden));
    else y = ops::Recur<C, false>{}(x, weight, first);
    g.outputs.push(y.id);
    for (const int d : transform::gradient(g, sum(sin(y)).id, g.inputs)) g.outputs.push(d);
    auto inputs = support::random_inputs(g, {}, 5);
    for (reference::Array& a : inputs)
      for (std::ptrdiff_t i = 0; i < a.shape.size(); ++i) a.set(i, 0.3 * a.get(i));
    const auto expected = reference::Interpreter(g, true).run(inputs), found = support::execute(g, inputs, {});
    for (std::size_t k = 0; k < found.size(); ++k) {
      CAPTURE(k);
      CHECK(support::difference(found[k], expected[k], {}) < tolerance);
    }
  }
}
void check_kernels(Dtype dtype, double tolerance) {
  check_kernels<ops::Cell::lstm>("lstm", dtype, tolerance);
  check_kernels<ops::Cell::gru>("gru", dtype, tolerance);
  check_kernels<ops::Cell::rnn_tanh>("rnn", dtype, tolerance);
  check_kernels<ops::Cell::rnn_relu>("rnn with relu", dtype, tolerance);
}

}  // namespace

TEST_CASE("the kernels of recurrences, in float and in double") {
  check_kernels(Dtype::float32, 1e-5);
  check_kernels(Dtype::float64, 1e-12);
}

TEST_CASE("recurrences have derivatives of second order, in reverse mode and forward over reverse") {
  check<Lstm>("lstm");
  check<LstmOfBoth>("lstm of both directions");
  check<Gru>("gru");
  check<GruOfBoth>("gru of both directions");
  check<Rnn>("rnn");
  check<Relu>("rnn with relu");
}

TEST_CASE("over bounded time they are those of the steps that there are") {
  check_bounded<Lstm>("lstm");
  check_bounded<LstmOfBoth>("lstm of both directions");
  check_bounded<GruOfBoth>("gru of both directions");
  check_bounded<Relu>("rnn with relu");
}

TEST_CASE("and in compiled programs: the penalty of a gradient") {
  static constexpr auto slope = [](auto x, auto w, auto u) {
    nn::GRU<2, 4, RecurrentOptions{.bias = false}> gru;  // 12 steps: one kernel
    std::apply([&](auto& in, auto& recurrent) { in.bind(w), recurrent.bind(u); }, gru.sinter_fields());
    return sum(square(std::get<0>(gru(x))));
  };
  static constexpr auto penalty = [](auto x, auto w, auto u) { return sum(square(grad(slope)(x, w, u))); };
  Tensor<float, 12, 2> x, w;
  Tensor<float, 12, 4> u;
  const Philox random(Seed{3});
  std::uint64_t drawn = 0;
  for (float& e : std::span(x.data(), 24)) e = random.normal(drawn++);
  for (float& e : std::span(w.data(), 24)) e = .5f * random.normal(drawn++);
  for (float& e : std::span(u.data(), 48)) e = .5f * random.normal(drawn++);
  const Tensor<float, 12, 4> d = grad(penalty, wrt<2>)(x, w, u);
  for (const int i : {0, 17, 40}) {
    CAPTURE(i);
    const float at = u.data()[i], h = 1e-2f;
    u.data()[i] = at + h;
    const float right = jit(penalty)(x, w, u);
    u.data()[i] = at - h;
    const float left = jit(penalty)(x, w, u);
    u.data()[i] = at;
    CHECK(d.data()[i] == doctest::Approx((right - left) / (2 * h)).epsilon(0.02).scale(0.1));
  }
}
