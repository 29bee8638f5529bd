// Parts of symbols, expressions and parameters by indices and ranges. They are held against parts of tensors, which are
// views: tests/tensor/tensor.cpp.
#include <doctest/doctest.h>

#include <sinter/sinter.hpp>

using namespace sinter;

namespace {

Tensor<float, 3, 4, 5> counted() {
  Tensor<float, 3, 4, 5> x;
  float n = 0;
  for (float& e : x) e = n++;
  return x;
}

/// f of a traced x equals f of the tensor x, in type and value.
template <class F, class X> void is_the_same_part(F f, const X& x) {
  const auto traced = jit(f)(x);
  const auto eager = f(x);
  if constexpr (requires { eager.strides(); }) {
    static_assert(std::is_same_v<std::remove_cvref_t<decltype(traced)>, typename decltype(eager)::Copy>);
    CHECK(equal(traced, eager));
  } else {
    CHECK(traced() == eager);
  }
}

}  // namespace

TEST_CASE("parts of symbols have the types and values of parts of tensors") {
  const auto x = counted();
  is_the_same_part([](const auto& a) { return a(1); }, x);
  is_the_same_part([](const auto& a) { return a[-1]; }, x);
  is_the_same_part([](const auto& a) { return a(1, -4); }, x);
  is_the_same_part([](const auto& a) { return a(2, 3, -5); }, x);
  is_the_same_part([](const auto& a) { return a(range<>, range<1, 3>); }, x);
  is_the_same_part([](const auto& a) { return a(range<-2>, 0, range<0, 8, 2>); }, x);
  is_the_same_part([](const auto& a) { return a(range<>, range<>, range<-3, -1>); }, x);
  is_the_same_part([](const auto& a) { return a(0, range<>, 2); }, x);
  is_the_same_part([](const auto& a) { return a(range<>, range<2, 2>); }, x);
  is_the_same_part([](const auto& a) { return a(range<1, 3>)(range<1, 2>, 3); }, x);
}

TEST_CASE("the gradient of a part is scattered into zeros") {
  const Tensor<float, 3, 4> x{{0, 1, 2, 3}, {4, 5, 6, 7}, {8, 9, 10, 11}};
  const Tensor<float, 3, 4> d = grad([](auto a) { return sum(square(a(range<1, 3>, range<0, 4, 3>))); })(x);
  CHECK(to_string(d) == "[[0, 0, 0, 0],\n [8, 0, 0, 14],\n [16, 0, 0, 22]]");
  const Tensor<float, 3, 4> row = grad([](auto a) { return sum(a(-1) * a(0)); })(x);
  CHECK(to_string(row) == "[[8, 9, 10, 11],\n [0, 0, 0, 0],\n [0, 1, 2, 3]]");
  const Tensor<float, 3, 4> one = grad([](auto a) { return a(1, 2) * a(1, 2); })(x);
  CHECK(to_string(one) == "[[0, 0, 0, 0],\n [0, 0, 12, 0],\n [0, 0, 0, 0]]");
}

TEST_CASE("parts in vmap and jvp") {
  const Tensor<float, 3, 4> x{{0, 1, 2, 3}, {4, 5, 6, 7}, {8, 9, 10, 11}};
  const Tensor<float, 3, 2> y = vmap([](auto row) { return row(range<1, 4, 2>) * row(0); })(x);
  CHECK(to_string(y) == "[[0, 0],\n [20, 28],\n [72, 88]]");
  const auto [value, tangent] = jvp([](auto a) { return a(range<>, 1) * a(range<>, -1); })(x, x);
  CHECK(to_string(value) == "[3, 35, 99]");
  CHECK(to_string(tangent) == "[6, 70, 198]");
}

TEST_CASE("parts of expressions, with indices known at run time") {
  const Tensor<float, 3, 4> x{{0, 1, 2, 3}, {4, 5, 6, 7}, {8, 9, 10, 11}};
  for (int i = -3; i < 3; ++i) {
    const Tensor<float, 4> row = (x * 2.f)(i);
    CHECK(equal(row, x(i) * 2.f));
    const float element = (x + x)(i, 1 - i % 2);
    CHECK(element == 2 * x(i, 1 - i % 2));
  }
  const Tensor<float, 3> column = exp(x)(range<>, 2);
  CHECK(allclose(column, exp(x(range<>, 2))));
  CHECK_THROWS_AS((void)eval((x * 2.f)(3)), Error);
  CHECK_THROWS_AS((void)eval((x * 2.f)(-4)), Error);
}

TEST_CASE("parts of bounded tensors") {
  Tensor<float, upto<4, 'B'>, 3> x{{1, 2, 3}, {4, 5, 6}, {0, 0, 0}, {0, 0, 0}};
  x.set_length<'B'>(2);
  const Tensor<float, upto<4, 'B'>, 2> columns = jit([](auto a) { return a(range<>, range<1, 3>) * 1.f; })(x);
  CHECK(columns.length<'B'>() == 2);
  CHECK(columns(1, 1) == 6);
  const Tensor<float, upto<4, 'B'>> one = jit([](auto a) { return a(range<>, 0) * 1.f; })(x);
  CHECK(one(1) == 4);
  const auto ends = jit([](auto a) { return a(0) * 10.f + a(-1); });
  CHECK(to_string(ends(x)) == "[14, 25, 36]");
  x.set_length<'B'>(1);
  CHECK(to_string(ends(x)) == "[11, 22, 33]");
  CHECK(to_string(x(-1)) == "[1, 2, 3]");
  CHECK_THROWS_AS((void)x(-2), Error);
  const Tensor<float, 3> first = (x * 2.f)(0);
  CHECK(to_string(first) == "[2, 4, 6]");
  CHECK_THROWS_AS((void)eval((x * 2.f)(1)), Error);  // beyond the length
  CHECK_THROWS_AS((void)eval((x * 2.f)(-2)), Error);
  const Tensor<float, upto<4, 'B'>, 3> d = grad([](auto a) { return sum(a(-1) * a(-1)); })(x);
  CHECK(d(0, 2) == 6);
}

namespace {
struct Halves {
  Param<float, 4, 3> weight{nn::init::ones()};
  Param<float, 4> bias{nn::init::constant(2)};
  constexpr auto operator()(auto x) const {
    return matmul(x, transpose(weight(range<0, 2>))) + bias(range<2, 4>) * weight(-1)[0] + (weight * 3.f)(1, 2);
  }
};
}  // namespace

TEST_CASE("parts of parameters, traced and in a model") {
  Model<Halves> net(Seed{1});
  auto infer = inference<Tensor<float, 1, 3>>(net);
  CHECK(to_string(infer(Tensor<float, 1, 3>{{1, 2, 3}})) == "[[11, 11]]");
  net->weight(1, 2) = 5;
  CHECK(to_string(infer(Tensor<float, 1, 3>{{1, 2, 3}})) == "[[23, 35]]");
  const Tensor<float, 2> column = net->weight(range<0, 2>, 2) * 2.f;
  CHECK(to_string(column) == "[2, 10]");
  const Tensor<float, 3> row = net->weight(1);
  CHECK(to_string(row) == "[1, 1, 5]");
}
