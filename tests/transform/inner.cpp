// transform/inner.hpp: inner values by name, and gradients with respect to them.
#include <doctest/doctest.h>
#include <sinter/sinter.hpp>

#include "../support/throws.hpp"

using namespace sinter;

namespace inner {

struct Net {
  nn::Linear<3, 4> fc1, fc2;
  nn::Linear<4, 2> out;
  // PyTorch would need hooks on two modules; the name "hidden" is given twice, "features" to a view
  constexpr auto operator()(auto x) const { return out(named<"features">(transpose(named<"hidden">(both(x))))); }
  constexpr auto both(auto x) const {
    const auto first = named<"hidden">(tanh(fc1(x)));
    return transpose(first * sigmoid(fc2(x)));
  }
};

struct Without {
  nn::Linear<3, 4> fc1, fc2;
  nn::Linear<4, 2> out;
  constexpr auto operator()(auto x) const { return out(tanh(fc1(x)) * sigmoid(fc2(x))); }
};
struct Both {
  nn::Linear<3, 4> fc;
  nn::Linear<4, 2> out;
  constexpr auto operator()(auto x) const {
    const auto h = named<"h">(tanh(fc(x)));
    return out(h);
  }
};
struct Returned {
  nn::Linear<3, 4> fc;
  nn::Linear<4, 2> out;
  constexpr auto operator()(auto x) const {
    const auto h = tanh(fc(x));
    return std::tuple{out(h), h};
  }
};

Tensor<float, 5, 3> input() { return random::normal<5, 3>(Seed{3}); }

TEST_CASE("a net hands out what it computed under a name, and the gradient of it") {
  const Model<Net> net(Seed{1});
  const auto x = input();
  const auto [y, features, hidden, of_features, of_x] = jit([](const auto& net, const auto& x) {
    const auto y = net(x);
    const auto h = named_value<"features", float, 5, 4>(y);
    const auto [dh, dx] = gradient_of(sum(square(y)), h, x);
    return std::tuple{y, h, named_value<"hidden", float, 4, 5>(y), dh, dx};
  })(net, x);
  const Tensor<float, 5, 4> expected =
      tanh(matmul(x, transpose(net->fc1.weight)) + net->fc1.bias) *
      sigmoid(matmul(x, transpose(net->fc2.weight)) + net->fc2.bias);
  CHECK(allclose(features, expected));
  CHECK(allclose(transpose(hidden), expected));  // the last of that name
  CHECK(allclose(y, net(x)));
  // d Σ y² / dh = 2 y W, by hand
  CHECK(allclose(of_features, 2.f * matmul(y, net->out.weight)));
  CHECK(allclose(of_x, grad([](auto x, const auto& net) { return sum(square(net(x))); })(x, net)));
}

TEST_CASE("names are free: the same program, and the value itself in a statement") {
  const Model<Net> net(Seed{1});
  using Named = decltype(inference<Tensor<float, 5, 3>>(net));
  using Unnamed = decltype(inference<Tensor<float, 5, 3>>(Model<Without>(Seed{1})));
  CHECK(Named::Program::steps == Unnamed::Program::steps);
  CHECK(Named::workspace_bytes == Unnamed::workspace_bytes);
  CHECK(Named::flops == Unnamed::flops);
  const auto x = input();
  const Tensor<float, 5, 3> same = named<"x">(x) + 1.f;
  CHECK(equal(same, x + 1.f));
}

TEST_CASE("a loss of inner values: a step with an auxiliary term, as of a net that returns them") {
  Model<Both> net(Seed{1});
  Model<Returned> other(Seed{1});
  const auto x = input();
  auto step = training<Tensor<float, 5, 3>>(net, optim::SGD{.lr = .1f}, [](auto& net, const auto& x) {
    const auto y = net(x);
    return mean(square(y)) + .5f * mean(abs(named_value<"h", float, 5, 4>(y)));
  });
  auto by_result = training<Tensor<float, 5, 3>>(other, optim::SGD{.lr = .1f}, [](auto& net, const auto& x) {
    const auto [y, h] = net(x);
    return mean(square(y)) + .5f * mean(abs(h));
  });
  for (int i = 0; i < 3; ++i) CHECK(step(x).loss == by_result(x).loss);
  CHECK(std::equal(net.data(), net.data() + net.parameters, other.data()));
}

TEST_CASE("gradient_of: a module's gradients are a module, zeros where nothing depends, second derivatives") {
  const Model<Net> net(Seed{1});
  const auto x = input();
  const auto [of_weight, unused, second, norm] = jit([](const auto& net, const auto& x) {
    const auto loss = mean(square(net(x)));
    const auto g = gradient_of(loss, net);
    const auto dx = gradient_of(loss, x);
    return std::tuple{gradient_of(loss, net.out.weight), gradient_of(sum(x), net.out.bias),
                      gradient_of(sum(square(dx)), x), global_norm(g)};
  })(net, x);
  const auto whole = grad([](const auto& net, auto x) { return mean(square(net(x))); })(net, x);
  CHECK(allclose(of_weight, whole->out.weight));
  CHECK(norm.item() == doctest::Approx(Tensor<float>(jit([](const auto& m) { return global_norm(m); })(whole)).item()));
  CHECK(equal(unused, Tensor<float, 2>{0.f, 0.f}));
  const auto twice = grad([](auto x, const auto& net) {
    const auto f = [&](auto x) { return mean(square(net(x))); };
    return sum(square(grad(f)(x)));
  })(x, net);
  CHECK(allclose(second, twice));
}

}  // namespace inner
