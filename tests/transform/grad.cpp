// transform/: gradients of functions.
#include <doctest/doctest.h>
#include <sinter/sinter.hpp>

#include <cmath>

using namespace sinter;
using namespace sinter::internals;

TEST_CASE("value_and_grad gives both, with respect to the arguments named, numbers included") {
  constexpr auto f = [](auto x, auto a) { return sum(tanh(a * x)); };
  const Tensor<float, 3> x{0.1f, 0.2f, 0.3f};
  const auto [value, dx, da] = value_and_grad(f, wrt<0, 1>)(x, 2.f);
  double expected = 0, expected_da = 0;
  for (int i = 0; i < 3; ++i) {
    const double t = std::tanh(2.0 * double(x(i)));
    expected += t;
    expected_da += (1 - t * t) * double(x(i));
    CHECK(dx(i) == doctest::Approx(2 * (1 - t * t)));
  }
  CHECK(float(value) == doctest::Approx(expected));
  CHECK(float(da) == doctest::Approx(expected_da));
}

TEST_CASE("a gradient of a function that contains a gradient") {
  constexpr auto cube = [](auto x) { return sum(x * x * x); };
  constexpr auto slope = [](auto x) { return sum(grad(decltype(cube){})(x)); };
  constexpr auto curvature = [](auto x) { return sum(grad(decltype(slope){})(x)); };
  const Tensor<float, 2> x{1, 2};
  CHECK(grad(cube)(x)(1) == doctest::Approx(12));
  CHECK(grad(slope)(x)(1) == doctest::Approx(12));
  CHECK(grad(curvature)(x)(0) == doctest::Approx(6));
}

TEST_CASE("an argument that the result does not depend on has a gradient of zeros") {
  const auto d =
      grad([](auto, auto y) { return sum(y * y); }, wrt<0, 1>)(Tensor<float, 2>{1, 2}, Tensor<float, 3>{1, 2, 3});
  CHECK(std::get<0>(d)(1) == 0);
  CHECK(std::get<1>(d)(2) == 6);
}

TEST_CASE("gradients are zero where lengths end, whatever lies after them") {
  Tensor<float, upto<5, 'N'>> x;
  x.fill(std::numeric_limits<float>::quiet_NaN());
  x.set_length<'N'>(2);
  x(0) = 3;
  x(1) = 5;
  const auto [value, d] = value_and_grad([](auto v) { return mean(v * v); })(x);
  CHECK(float(value) == 17);
  CHECK(d.length<'N'>() == 2);
  CHECK(d(0) == 3);
  CHECK(d(1) == 5);
}

TEST_CASE("the Rosenbrock function is minimised by its gradient") {
  constexpr auto f = [](auto x, auto y) { return (1.0 - x) * (1.0 - x) + 100.0 * (y - x * x) * (y - x * x); };
  Tensor<double> x = -0.5, y = 0.5;
  for (int i = 0; i < 20000; ++i) {
    const auto [dx, dy] = grad(f, wrt<0, 1>)(x, y);
    x = double(x) - 1e-3 * double(dx);
    y = double(y) - 1e-3 * double(dy);
  }
  CHECK(double(x) == doctest::Approx(1).epsilon(0.01));
  CHECK(double(y) == doctest::Approx(1).epsilon(0.02));
}

TEST_CASE("jvp gives the value and the derivative in a direction") {
  constexpr auto f = [](auto x, auto a) { return tanh(a * x); };
  const Tensor<float, 3> x{0.1f, -0.2f, 0.3f}, tx{1, 2, 3};
  const auto [y, dy] = jvp(f)(x, 2.f, tx, 0.5f);
  for (int i = 0; i < 3; ++i) {
    const double t = std::tanh(2.0 * double(x(i)));
    CHECK(y(i) == doctest::Approx(t));
    CHECK(dy(i) == doctest::Approx((1 - t * t) * (2 * double(tx(i)) + 0.5 * double(x(i)))));
  }
}

TEST_CASE("a Hessian times a vector is forward mode over reverse mode") {
  constexpr auto f = [](auto x) { return sum(x * x * x) + sum(x) * sum(x); };
  constexpr auto gradient = grad(f);
  const Tensor<float, 3> x{1, 2, 3}, v{1, 0, -1};
  const auto [g, hv] = jvp(gradient)(x, v);
  for (int i = 0; i < 3; ++i) {
    CHECK(g(i) == doctest::Approx(3 * x(i) * x(i) + 12));
    CHECK(hv(i) == doctest::Approx(6 * x(i) * v(i) + 0));  // 2 · sum(v) = 0 off the diagonal
  }
}

TEST_CASE("inside a traced function, arguments that depend on each other are differentiated separately") {
  constexpr auto product = [](auto a, auto c) { return sum(a * c); };
  constexpr auto square = [](auto a, auto b) { return sum(a * a * b); };
  const Tensor<float, 2> x{1, 2};
  const auto with_exp = run_function([](auto v) { return grad(decltype(product){})(v, exp(v)); }, x);
  CHECK(with_exp(1) == doctest::Approx(std::exp(2.0)));
  const auto twice = run_function([](auto v) { return grad(decltype(product){})(v, v); }, x);
  CHECK(twice(1) == 2);
  const auto [da, db] = run_function([](auto v) { return grad(decltype(square){}, wrt<0, 1>)(v, v * v); }, x);
  CHECK(da(0) == 2);
  CHECK(da(1) == 16);
  CHECK(db(1) == 4);
  // through the inner argument
  const auto outer = grad([](auto v) { return sum(grad(decltype(product){})(v, exp(v))); })(x);
  CHECK(outer(1) == doctest::Approx(std::exp(2.0)));
}

TEST_CASE("what a differentiated function captures is constant to it, whatever it was computed from") {
  const Tensor<float, 2> t{3, 5};
  const auto twice = [](auto x) {
    const auto y = x * 2.f;
    return grad([&](auto a) { return sum(a * y); })(x);
  };
  CHECK(equal(jit(twice)(t), Tensor<float, 2>{6, 10}));
  const auto itself = [](auto x) { return grad([&](auto a) { return sum(a * x); })(x); };
  CHECK(equal(jit(itself)(t), Tensor<float, 2>{3, 5}));
  // The outer derivative includes both: d/dx Σ x · 2x² = 6x².
  const auto nested = grad([](auto x) { return sum(x * grad([&](auto a) { return sum(a * a * x); })(x)); });
  CHECK(equal(nested(t), Tensor<float, 2>{54, 150}));
  const auto forward = [](auto x) { return std::get<1>(jvp([&](auto a) { return a * x; })(x, x * 0.f + 1.f)); };
  CHECK(equal(jit(forward)(t), Tensor<float, 2>{3, 5}));
  const auto samples = vmap([](auto s) { return grad([&](auto a) { return sum(a * a * s); })(s); });
  CHECK(equal(samples(Tensor<float, 2, 1>{{3}, {5}}), Tensor<float, 2, 1>{{18}, {50}}));
}

TEST_CASE("what slices of one tensor send back is put side by side, and overlapping slices are added up") {
  constexpr auto separate = [](auto x) {
    const auto a = slice<0, 0, 3>(x);
    const auto b = slice<0, 3, 4>(x);
    const auto c = slice<0, 6, 8>(x);
    return sum(a * a) + sum(exp(b)) + sum(c) * 2.f;  // nothing reads elements 4 and 5
  };
  constexpr auto over = [](auto x) {
    const auto a = slice<0, 0, 5>(x), b = slice<0, 3, 8>(x);
    return sum(a * a) + sum(b * b * b);
  };
  const Tensor<float, 8> x{1, 2, 3, 4, 5, 6, 7, 8};
  const Tensor<float, 8> dx = grad(separate)(x), dy = grad(over)(x);
  const Tensor<double, 8> expected{2, 4, 6, std::exp(4.0), 0, 0, 2, 2};
  for (int i = 0; i < 8; ++i) {
    CHECK(dx(i) == doctest::Approx(expected(i)));
    CHECK(dy(i) == doctest::Approx((i < 5 ? 2 * x(i) : 0) + (i >= 3 ? 3 * x(i) * x(i) : 0)));
  }
  graph::Builder g = graph::FunctionTrace<decltype(separate), Sym<float, 8>>{}();
  graph::List<int> inputs;
  inputs.push(g.inputs[0]);
  const int d = transform::gradient(g, g.outputs[0], inputs)[0];
  CHECK(g[d].op->kind == graph::Kind::assemble);
  CHECK(g[d].operands == 4);
}
