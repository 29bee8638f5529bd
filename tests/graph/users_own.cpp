// A user-defined primitive and a user-defined derivative, in a user's file, without changes to the library.
#include <doctest/doctest.h>
#include <sinter/sinter.hpp>

#include <cmath>

#include "../support/throws.hpp"

namespace mine {

/// log cosh x, without overflow: one struct with name, evaluation and derivative.
struct LogCosh : sinter::ops::Elementwise<LogCosh, 1, sinter::ops::Floating> {
  static constexpr const char* name = "log_cosh";
  static constexpr double flops = 40;
  static constexpr auto eval(auto x) { return abs(x) + log1p(exp(abs(x) * -2.f)) - 0.69314718f; }
  static constexpr auto derivative(int, auto x, auto, auto t) { return t * tanh(x); }
};
template <sinter::Operand X> constexpr auto log_cosh(X&& x) { return sinter::apply<LogCosh>(std::forward<X>(x)); }

/// The sign, differentiated as if it were the identity between −1 and 1 (straight-through estimator).
inline constexpr auto binarise =
    sinter::custom_gradient<[](auto x) { return select(x > 0.f, x * 0.f + 1.f, x * 0.f - 1.f); },
                            [](auto x, auto, auto cotangent) {
                              return select(x * x < 1.f, cotangent, cotangent * 0.f);
                            }>;

/// A rule that uses the result.
inline constexpr auto rounded = sinter::custom_gradient<[](auto x) { return round(x); },
                                                        [](auto, auto y, auto cotangent) { return cotangent * y; }>;

struct Net {
  sinter::nn::Linear<4, 3> fc;
  constexpr auto operator()(auto x) const { return log_cosh(fc(x)); }
};

}  // namespace mine

using namespace sinter;

TEST_CASE("a primitive of the user's own: value, gradient, eager and in a model") {
  const Tensor<float, 5> x{-50, -1, 0, 2, 50};
  const Tensor<float, 5> y = mine::log_cosh(x) * 2.f;
  constexpr auto f = [](auto v) { return sum(mine::log_cosh(v)); };
  const auto d = grad(f)(x);
  for (int i = 0; i < 5; ++i) {
    CHECK(y(i) == doctest::Approx(2 * std::log(std::cosh(double(x(i))))).epsilon(1e-6).scale(1));
    CHECK(d(i) == doctest::Approx(std::tanh(double(x(i)))).epsilon(1e-6));
  }
  Model<mine::Net> net(Seed{1});
  auto step = training<Tensor<float, 8, 4>, Tensor<float, 8, 3>>(net, nn::mse_loss, optim::Adam{.lr = 0.05f});
  Tensor<float, 8, 4> input;
  Tensor<float, 8, 3> target;
  for (int i = 0; i < 32; ++i) input.data()[i] = float(i % 7) / 7;
  target.fill(0.5f);
  const float before = step(input, target).loss;
  for (int i = 0; i < 100; ++i) step(input, target);
  CHECK(step(input, target).loss < 0.1f * before);
}

TEST_CASE("a derivative of the user's own") {
  const Tensor<float, 4> x{-2, -0.5f, 0.5f, 2}, w{1, 2, 3, 4};
  constexpr auto f = [](auto v, auto u) { return sum(mine::binarise(v) * u); };
  const auto [value, d] = value_and_grad(f)(x, w);
  CHECK(float(value) == 4);  // −1 − 2 + 3 + 4
  CHECK(d(0) == 0);
  CHECK(d(1) == 2);
  CHECK(d(2) == 3);
  CHECK(d(3) == 0);
}

TEST_CASE("a derivative of the user's own goes through vmap, forward mode and second derivatives") {
  const Tensor<float, 4> x{-2, -0.5f, 0.5f, 2}, w{1, 2, 3, 4};
  constexpr auto mapped_sum = [](auto v, auto u) {
    return sum(vmap([](auto one) { return mine::binarise(one) * 1.f; })(v) * u);
  };
  const Tensor<float, 4> d = grad(mapped_sum)(x, w);
  const auto [y, tangent] = jvp([](auto v) { return mine::binarise(v); })(x, w);
  const Tensor<float, 4> expected{0, 2, 3, 0};  // the rule: w where |x| < 1
  CHECK(equal(d, expected));
  CHECK(equal(tangent, expected));
  // A rule that uses its result is differentiated through this function again,
  // as torch.autograd.Function's is: y, and y.
  constexpr auto f = [](auto v) { return sum(mine::rounded(v)); };
  constexpr auto slope = [](auto v) { return sum(grad(decltype(f){})(v)); };
  const Tensor<float, 3> z{0.6f, -1.2f, 2.4f}, rounds{1, -1, 2};
  CHECK(equal(grad(f)(z), rounds));
  CHECK(equal(grad(slope)(z), rounds));
}

TEST_CASE("a rule that returns a cotangent of another shape is an error") {
  graph::Builder g;
  const graph::Value x{&g, g.input(Dtype::float32, shape_of<4>)};
  constexpr auto bad = custom_gradient<[](auto v) { return v * 2.0; },
                                       [](auto v, auto, auto ct) { return graph::reshape_to(ct + v, shape_of<2, 2>); }>;
  graph::List<int> wrt;
  wrt.push(x.id);
  const graph::Value y = sum(bad(x));
  const auto e = support::thrown([&] { (void)internals::transform::gradient(g, y.id, wrt); });
  CHECK(std::string(e.what()) ==
        "custom_gradient, argument 0: expected a cotangent of its shape (4), found (2, 2); the rule returns a "
        "cotangent for each argument");
}

TEST_CASE("stop_gradient is the value, and constant to differentiation") {
  const Tensor<float, 2> x{3, 4};
  const auto d = grad([](auto v) { return sum(v * stop_gradient(v)); })(x);
  CHECK(d(0) == 3);
  CHECK(d(1) == 4);
}
