// Transforms of functions of modules, models and trees of tensors.
#include <doctest/doctest.h>
#include <sinter/sinter.hpp>

#include <vector>

#include "../support/allocations.hpp"

using namespace sinter;

namespace modules {

struct Net {
  std::array<nn::Linear<3, 3>, 2> layers;
  nn::Linear<3, 1> last;
  float factor = 2;
  constexpr auto u(auto x) const { return last(tanh(layers[1](tanh(layers[0](x))))) * factor; }
  constexpr auto operator()(auto x) const { return u(x); }
};
/// u and its derivatives by the input, in the forward pass.
struct Derivatives {
  Net net;
  constexpr auto operator()(auto x) const {
    const auto slope = grad([](auto at, const auto& n) { return sum(n.u(at)); });
    const auto [du, ddu] = jvp(slope, wrt<0>)(x, net, ones_like(x));
    return std::tuple{net.u(x), du, ddu};
  }
};
template <class A, class B> struct Both {
  A a;
  B b;
};
template <class A, class B> Both(A, B) -> Both<A, B>;

using X = Tensor<float, 4, 3>;
X inputs() {
  X x;
  for (int i = 0; i < 12; ++i) x.data()[i] = .1f * float(i * 7 % 11) - .5f;
  return x;
}
constexpr auto energy = [](const auto& net, auto x) { return sum(square(net.u(x))); };

/// Central differences of f by all parameters of a model.
template <class N, class F> std::vector<double> differences(Model<N>& net, const F& f) {
  std::vector<double> d;
  for (int i = 0; i < net.parameters; ++i) {
    const float old = net.data()[i], h = 1e-2f;
    net.data()[i] = old + h;
    const double up = f();
    net.data()[i] = old - h;
    const double down = f();
    net.data()[i] = old;
    d.push_back((up - down) / (2 * double(h)));
  }
  return d;
}

TEST_CASE("the gradient of a function of a model is a model") {
  Model<Net> net(Seed{1});
  const X x = inputs();
  const auto [value, g] = value_and_grad(energy)(net, x);
  static_assert(std::is_same_v<decltype(g), const Model<Net>>);
  CHECK(float(value) == doctest::Approx(float(jit(energy)(net, x))));
  const auto expected = differences(net, [&] { return double(float(jit(energy)(net, x))); });
  for (int i = 0; i < net.parameters; ++i)
    CHECK(g.data()[i] == doctest::Approx(expected[std::size_t(i)]).epsilon(2e-3).scale(1));
  const auto by_input = grad(energy, wrt<1>)(net, x);
  static_assert(std::is_same_v<decltype(by_input), const X>);
  const auto [of_net, of_input] = grad(energy, wrt<0, 1>)(net, x);
  CHECK(allclose(of_input, by_input));
  CHECK(of_net.data()[5] == g.data()[5]);
}

TEST_CASE("a Hessian times a vector is a model, and is the difference of gradients") {
  Model<Net> net(Seed{1}), direction(Seed{2});
  const X x = inputs();
  const auto [g, product] = jvp(grad(energy), wrt<0>)(net, x, direction);
  Model<Net> up = net, down = net;
  for (int i = 0; i < net.parameters; ++i) {
    up.data()[i] += 1e-2f * direction.data()[i];
    down.data()[i] -= 1e-2f * direction.data()[i];
  }
  const auto a = grad(energy)(up, x), b = grad(energy)(down, x);
  for (int i = 0; i < net.parameters; ++i)
    CHECK(product.data()[i] == doctest::Approx((a.data()[i] - b.data()[i]) / 2e-2f).epsilon(5e-3).scale(1));
  CHECK(g.data()[3] == doctest::Approx(grad(energy)(net, x).data()[3]));
}

TEST_CASE("gradients by sample are tensors with a batch axis, which sum to the gradient of the sum") {
  const Model<Net> net(Seed{1});
  const X x = inputs();
  const auto each = vmap(grad(energy), mapped<1>)(net, reshape<4, 1, 3>(x));
  static_assert(std::tuple_size_v<std::remove_const_t<decltype(each)>> == 6);
  const auto whole = grad(energy)(net, x);
  const float* g = whole.data();
  std::apply([&](const auto&... t) {
    ([&] {
      const auto total = eval(sum<0>(t));
      for (std::ptrdiff_t i = 0; i < total.size(); ++i) CHECK(total.data()[i] == doctest::Approx(*g++).epsilon(1e-4));
    }(), ...);
  }, each);
}

TEST_CASE("a net is differentiated by its input in its own forward pass") {
  const Model<Derivatives> net(Seed{1});
  auto run = inference<X>(net);
  const X x = inputs();
  const auto [u, du, ddu] = run(x);
  for (int i = 0; i < 12; ++i) {
    X up = x, down = x;
    up.data()[i] += 1e-2f;
    down.data()[i] -= 1e-2f;
    const int row = i / 3;
    CHECK(du.data()[i] ==
          doctest::Approx((std::get<0>(run(up))(row, 0) - std::get<0>(run(down))(row, 0)) / 2e-2f)
              .epsilon(2e-3)
              .scale(1));
  }
  X up = x, down = x;
  for (int i = 0; i < 12; ++i) up.data()[i] += 1e-2f, down.data()[i] -= 1e-2f;
  const auto upper = run(up);
  const auto lower = run(down);
  for (int i = 0; i < 12; ++i)
    CHECK(ddu.data()[i] ==
          doctest::Approx((std::get<1>(upper).data()[i] - std::get<1>(lower).data()[i]) / 2e-2f)
              .epsilon(5e-3)
              .scale(1));
}

TEST_CASE("and that derivative is trained: the gradient of a loss of derivatives") {
  Model<Derivatives> net(Seed{1});
  const X x = inputs();
  constexpr auto residual = [](const auto& n, auto in) {
    const auto [u, du, ddu] = n(in);
    return sum(square(ddu)) + sum(square(du - 1.f));
  };
  const auto g = grad(residual)(net, x);
  const auto expected = differences(net, [&] { return double(float(jit(residual)(net, x))); });
  for (int i = 0; i < net.parameters; ++i)
    CHECK(g.data()[i] == doctest::Approx(expected[std::size_t(i)]).epsilon(5e-3).scale(1));
  auto step = training<X>(net, optim::SGD{.lr = .01f}, residual);
  const float first = step(x).loss;
  for (int i = 0; i < 50; ++i) step(x);
  CHECK(step(x).loss < .8f * first);
}

TEST_CASE("arguments and results are trees; has_aux passes a second result on") {
  const X x = inputs();
  const Both both{x, std::tuple{x, 2.f}};
  constexpr auto f = [](const auto& in) {
    const auto& [y, k] = in.b;
    return std::pair{sum(in.a * y * y) * k, Both{y, in.a}};
  };
  const auto [value, aux, g] = value_and_grad(f, wrt<0>, has_aux)(both);
  CHECK(equal(aux.b, x));
  CHECK(float(value) == doctest::Approx(float(sum(x * x * x)) * 2));
  CHECK(allclose(g.a, eval(2.f * x * x)));
  CHECK(allclose(std::get<0>(g.b), eval(4.f * x * x)));
  CHECK(float(std::get<1>(g.b)) == doctest::Approx(float(sum(x * x * x))));
  const auto [again, more] = grad(f, has_aux)(both);
  CHECK(allclose(again.a, g.a));
  CHECK(equal(more.a, x));
}

TEST_CASE("vjp gives the products of cotangents with derivatives, jvp those with tangents") {
  const X x = inputs(), c = random::normal<4, 3>(Seed{5}), t = random::normal<4, 3>(Seed{6});
  constexpr auto f = [](auto a, auto b) { return std::pair{sin(a) * b, sum<1>(b)}; };
  const Tensor<float, 4> d{1, 2, 3, 4};
  const auto [y, da, db] = vjp(f, wrt<0, 1>)(x, x, std::pair{c, d});
  CHECK(allclose(y.first, eval(sin(x) * x)));
  CHECK(allclose(da, eval(cos(x) * x * c)));
  CHECK(allclose(db, eval(sin(x) * c + reshape<4, 1>(d))));
  const auto [z, dz] = jvp(f, wrt<1>)(x, x, t);
  CHECK(allclose(dz.first, eval(sin(x) * t)));
  CHECK(allclose(dz.second, eval(sum<1>(t))));
}

TEST_CASE("vmap maps the tensors of trees") {
  const X x = inputs();
  const auto r = vmap([](const auto& s) { return Both{sum(s.a), s.a * s.b}; })(Both{x, Tensor<float, 4>{1, 2, 3, 4}});
  CHECK(allclose(r.a, eval(sum<1>(x))));
  CHECK(allclose(r.b, eval(x * reshape<4, 1>(Tensor<float, 4>{1, 2, 3, 4}))));
}

TEST_CASE("steps by hand in a traced function: tree_map, tree_leaves, global_norm, stop_gradient of modules") {
  const Model<Net> net(Seed{1});
  const X x = inputs();
  constexpr auto inner = [](const auto& n, auto in) {
    const auto g = grad(energy)(n, in);
    const auto moved = tree_map([](auto p, auto d) { return p - .01f * d; }, n, g);
    return std::tuple{moved, global_norm(g), energy(moved, in), std::get<0>(tree_leaves(g))};
  };
  const auto [moved, norm, after, first] = jit(inner)(net, x);
  const auto g = grad(energy)(net, x);
  float squares = 0;
  for (int i = 0; i < net.parameters; ++i) {
    squares += g.data()[i] * g.data()[i];
    CHECK(moved.data()[i] == doctest::Approx(std::as_const(net).data()[i] - .01f * g.data()[i]));
  }
  CHECK(float(norm) == doctest::Approx(std::sqrt(squares)));
  CHECK(float(after) < float(jit(energy)(net, x)));
  CHECK(first(0, 0) == doctest::Approx(g.data()[0]));
  // model-agnostic meta-learning: the gradient goes through the inner step, or past it
  constexpr auto outer = [](const auto& n, auto in) {
    return energy(tree_map([](auto p, auto d) { return p - .01f * d; }, n, grad(energy)(n, in)), in);
  };
  Model<Net> m = net;
  const auto meta = grad(outer)(m, x);
  const auto expected = differences(m, [&] { return double(float(jit(outer)(m, x))); });
  for (int i = 0; i < m.parameters; ++i)
    CHECK(meta.data()[i] == doctest::Approx(expected[std::size_t(i)]).epsilon(5e-3).scale(1));
  const auto none = grad([](const auto& n, auto in) { return energy(stop_gradient(n), in); })(net, x);
  for (int i = 0; i < net.parameters; ++i) CHECK(none.data()[i] == 0);
}

TEST_CASE("a function for training may compute the gradients itself") {
  Model<Net> shortly(Seed{1}), own(Seed{1}), frozen(Seed{1});
  const X x = inputs();
  auto a = training<X>(shortly, optim::Adam{}, energy);
  constexpr auto explicitly = [](const auto& n, const auto& in) {
    const auto [l, g] = value_and_grad(energy)(n, in);
    return with_gradients(std::tuple{l, global_norm(g)}, g);
  };
  auto b = training<X>(own, optim::Adam{}, explicitly);
  auto c = training<X>(frozen, optim::only<"last">(optim::Adam{}), explicitly);
  const Model<Net> start = own;
  c(x);
  for (int i = 0; i < 3; ++i) {
    const auto [loss, norm] = b(x);
    CHECK(a(x).loss == doctest::Approx(loss));
    CHECK(norm > 0);
    if (i == 0) CHECK(frozen->last.weight.const_view()(0, 1) == doctest::Approx(own->last.weight.const_view()(0, 1)));
  }
  CHECK(frozen.data()[0] == start.data()[0]);
  for (int i = 0; i < own.parameters; ++i) CHECK(own.data()[i] == doctest::Approx(shortly.data()[i]).epsilon(1e-4));
}

TEST_CASE("an optimizer for loose tensors and models moves them as a training step does") {
  Model<Net> net(Seed{1}), other(Seed{1});
  const X x = inputs();
  constexpr auto make = [] { return optim::clip_norm(optim::no_decay(optim::AdamW{.lr = .01f}), .5f); };
  auto step = training<X>(other, make(), energy);
  auto by_hand = optimizer(make(), net);
  Tensor<float, 3> w{1, 2, 3};
  auto of_tensor = optimizer(optim::SGD{.lr = .5f}, w);
  for (int i = 0; i < 4; ++i) {
    const auto [l, g] = value_and_grad(energy)(net, x);
    by_hand(g);
    CHECK(float(l) == doctest::Approx(step(x).loss));
    of_tensor(2.f * w);
  }
  CHECK(by_hand.steps() == 4);
  CHECK(allclose(w, Tensor<float, 3>{}));
  for (int i = 0; i < net.parameters; ++i) CHECK(net.data()[i] == doctest::Approx(other.data()[i]).epsilon(1e-4));
  const auto g = grad(energy)(net, x);
  support::Allocations allocations;
  by_hand(g);
  CHECK(allocations.count() == 0);
}

}  // namespace modules
