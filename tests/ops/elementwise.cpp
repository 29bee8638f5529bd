// The elementwise functions against PyTorch: values and gradients, in float and double.
#include "../support/against_pytorch.hpp"

using namespace sinter;
using namespace sinter::internals;
using support::check;
using support::check_values;

namespace {

template <auto... E> using F = Tensor<float, E...>;
template <auto... E> using I = Tensor<std::int64_t, E...>;

/// A second argument of similar size that depends on the first.
graph::Value twin(graph::Value x) { return x * 0.75 + 0.3; }

}  // namespace

TEST_CASE("functions of one number, at magnitude 1") {
  check<F<4, 5>>("expm1", [](auto x) { return expm1(x); });
  check<F<4, 5>>("log1p", [](auto x) { return log1p(x); });
  check<F<4, 5>>("rsqrt", [](auto x) { return rsqrt(x); });
  check<F<4, 5>>("sin", [](auto x) { return sin(x); });
  check<F<4, 5>>("cos", [](auto x) { return cos(x); });
  check<F<4, 5>>("tan", [](auto x) { return tan(x); });
  check<F<4, 5>>("atan", [](auto x) { return atan(x); });
  check<F<4, 5>>("erf", [](auto x) { return erf(x); });
  check<F<4, 5>>("abs", [](auto x) { return abs(x); });
  check<F<4, 5>>("square", [](auto x) { return square(x); });
  check<F<4, 5>>("clamp", [](auto x) { return clamp(x, -0.1, 0.9); });
}

TEST_CASE("powers: small constant exponents are products, 0 to a power has PyTorch's gradients") {
  check<F<4, 5>>("pow_2", [](auto x) { return pow(x, 2); }, 2e-6);
  check<F<4, 5>>("pow_3", [](auto x) { return pow(x, 3); }, 2e-6);
  check<F<4, 5>>("pow_4", [](auto x) { return pow(x, 4); }, 2e-6);
  check<F<4, 5>>("pow_0.5", [](auto x) { return pow(x, 0.5); }, 2e-6);
  check<F<4, 5>>("pow_-1", [](auto x) { return pow(x, -1); }, 2e-6);
  check<F<4, 5>>("pow_-0.5", [](auto x) { return pow(x, -0.5); }, 2e-6);
  check<F<4, 5>>("pow_-2", [](auto x) { return pow(x, -2); }, 2e-6);
  check<F<4, 5>>("pow_1.7", [](auto x) { return pow(x, 1.7); }, 2e-6);
  check<F<4, 5>>("pow_0", [](auto x) { return pow(x, 0); }, 2e-6);
  check<F<4, 5>>("pow_1", [](auto x) { return pow(x, 1); }, 2e-6);
  check<F<7>, F<7>>("pow", [](auto x, auto y) { return pow(x, y); });
  check<F<4, 5>>("pow_of_number", [](auto x) { return pow(1.5, x); });
}

TEST_CASE(
    "functions of several numbers: ties share the gradient, bounds of clamp receive it where they are the result") {
  check<F<4, 5>, F<4, 5>>("minimum", [](auto x, auto y) { return minimum(x, y); });
  check<F<12>, F<12>>("xlogy", [](auto x, auto y) { return xlogy(x, y); });
  check<F<4, 5>, F<4, 5>>("remainder", [](auto x, auto y) { return remainder(x, y); });
  check<F<4>, F<4>, F<4>>("clamp_tensors", [](auto x, auto low, auto high) { return clamp(x, low, high); });
}

TEST_CASE("clamp by numbers gives no gradient to x at its bounds") {
  const F<5> x{-1, 0, 0.5f, 1, 2};
  const auto d = grad([](auto v) { return sum(clamp(v, 0.0, 1.0)); })(x);
  CHECK((d(0) == 0 && d(1) == 0 && d(2) == 1 && d(3) == 0 && d(4) == 0));
}

TEST_CASE("NaN, infinities, zeros of both signs, halves") {
  check_values<F<12>>("special_expm1", [](auto x) { return expm1(x); });
  check_values<F<12>>("special_log1p", [](auto x) { return log1p(x); });
  check_values<F<12>>("special_rsqrt", [](auto x) { return rsqrt(x); });
  check_values<F<12>>("special_sin", [](auto x) { return sin(x); });
  check_values<F<12>>("special_cos", [](auto x) { return cos(x); });
  check_values<F<12>>("special_tan", [](auto x) { return tan(x); });
  check_values<F<12>>("special_atan", [](auto x) { return atan(x); });
  check_values<F<12>>("special_erf", [](auto x) { return erf(x); });
  check_values<F<12>>("special_sigmoid", [](auto x) { return sigmoid(x); });
  check_values<F<12>>("special_abs", [](auto x) { return abs(x); });
  check_values<F<12>>("special_sign", [](auto x) { return sign(x); });
  check_values<F<12>>("special_floor", [](auto x) { return floor(x); });
  check_values<F<12>>("special_ceil", [](auto x) { return ceil(x); });
  check_values<F<12>>("special_round", [](auto x) { return round(x); });
  check_values<F<12>>("special_trunc", [](auto x) { return trunc(x); });
  check_values<F<12>>("special_isnan", [](auto x) { return isnan(x); });
  check_values<F<12>>("special_isfinite", [](auto x) { return isfinite(x); });
  check_values<F<12>>("special_not", [](auto x) { return !x; });
  check_values<F<12>>("special_clamp", [](auto x) { return clamp(x, -1.0, 2.0); });
  check_values<F<121>, F<121>>("special_pow", [](auto x, auto y) { return pow(x, y); });
  check_values<F<121>, F<121>>("special_remainder", [](auto x, auto y) { return remainder(x, y); });
  check_values<F<121>, F<121>>("special_minimum", [](auto x, auto y) { return minimum(x, y); });
  check_values<F<121>, F<121>>("special_maximum", [](auto x, auto y) { return maximum(x, y); });
  check_values<F<121>, F<121>>("special_not_equal", [](auto x, auto y) { return x != y; });
  check_values<F<121>, F<121>>("special_and", [](auto x, auto y) { return x && y; });
  check_values<F<121>, F<121>>("special_or", [](auto x, auto y) { return x || y; });
}

TEST_CASE("integers stay integers, except where functions are of real numbers") {
  check_values<I<6>, I<6>>("int_remainder", [](auto x, auto y) { return remainder(x, y); });
  check_values<I<6>, I<6>>("int_pow", [](auto x, auto y) { return pow(x, y); });
  check_values<I<6>>("int_abs", [](auto x) { return abs(x); });
  check_values<I<6>>("int_sign", [](auto x) { return sign(x); });
  check_values<I<6>>("int_clamp", [](auto x) { return clamp(x, -2, 5); });
  check_values<I<6>>("int_sin", [](auto x) { return sin(x); });
}

TEST_CASE("rounding keeps the sign of zeros") {
  const F<4> x{-0.f, -0.25f, 0.f, 0.25f};
  const F<4> up = ceil(x), near = round(x), cut = trunc(x);
  for (const F<4>& y : {up, near, cut}) CHECK(std::signbit(y(1)));
  CHECK(std::signbit(up(0)));
  CHECK_FALSE(std::signbit(near(3)));
}

TEST_CASE("division of integers by zero and powers below zero do not stop the program") {
  const Tensor<int, 3> x{5, -1, 1};
  const Tensor<int, 3> r = remainder(x, 0), p = pow(x, -3);
  CHECK((r(0) == 5 && p(0) == 0 && p(1) == -1 && p(2) == 1));
}

TEST_CASE("derivatives of elementwise primitives and reductions are the slopes of their values") {
  using graph::Value;
  struct Sample {
    const char* name;
    Value (*f)(Value);
    double low, high;
  };
  static constexpr Sample samples[]{
      {"exp", [](Value x) -> Value { return exp(x); }, -2, 2},
      {"log", [](Value x) -> Value { return log(x); }, 0.2, 3},
      {"tanh", [](Value x) -> Value { return tanh(x); }, -2, 2},
      {"sqrt", [](Value x) -> Value { return sqrt(x); }, 0.2, 3},
      {"expm1", [](Value x) -> Value { return expm1(x); }, -2, 2},
      {"log1p", [](Value x) -> Value { return log1p(x); }, -0.8, 3},
      {"rsqrt", [](Value x) -> Value { return rsqrt(x); }, 0.2, 3},
      {"erf", [](Value x) -> Value { return erf(x); }, -2, 2},
      {"sin", [](Value x) -> Value { return sin(x); }, -9, 9},
      {"cos", [](Value x) -> Value { return cos(x); }, -9, 9},
      {"tan", [](Value x) -> Value { return tan(x); }, -1.2, 1.2},
      {"atan", [](Value x) -> Value { return atan(x); }, -3, 3},
      {"sigmoid", [](Value x) -> Value { return sigmoid(x); }, -4, 4},
      {"relu", [](Value x) -> Value { return relu(x); }, -2, 2},
      {"abs", [](Value x) -> Value { return abs(x); }, -2, 2},
      {"sign", [](Value x) -> Value { return sign(x); }, -2, 2},
      {"floor", [](Value x) -> Value { return floor(x); }, -3, 3},
      {"ceil", [](Value x) -> Value { return ceil(x); }, -3, 3},
      {"round", [](Value x) -> Value { return round(x); }, -3, 3},
      {"trunc", [](Value x) -> Value { return trunc(x); }, -3, 3},
      {"neg", [](Value x) -> Value { return -x; }, -2, 2},
      {"add", [](Value x) -> Value { return x + twin(x); }, -2, 2},
      {"sub", [](Value x) -> Value { return x - twin(x); }, -2, 2},
      {"mul", [](Value x) -> Value { return x * twin(x); }, -2, 2},
      {"div", [](Value x) -> Value { return x / twin(x); }, 0.1, 2},
      {"pow", [](Value x) -> Value { return pow(x, twin(x)); }, 0.1, 2},
      {"pow_number", [](Value x) -> Value { return pow(x, 2.7); }, 0.1, 2},
      {"maximum", [](Value x) -> Value { return maximum(x, twin(x)); }, -2, 4},
      {"minimum", [](Value x) -> Value { return minimum(x, twin(x)); }, -2, 4},
      {"xlogy", [](Value x) -> Value { return xlogy(x, twin(x)); }, 0.1, 4},
      {"remainder", [](Value x) -> Value { return remainder(x, twin(x)); }, 0.1, 4},
      {"clamp", [](Value x) -> Value { return clamp(x, -0.5, 1.0); }, -2, 2},
      {"clamp_low", [](Value x) -> Value { return clamp(0.2, x, 5.0); }, -2, 2},
      {"clamp_high", [](Value x) -> Value { return clamp(0.2, -5.0, x); }, -2, 2},
      {"select", [](Value x) -> Value { return select(x > 0.4, x * x, x); }, -2, 2},
      {"sum", [](Value x) -> Value { return sum<0>(x); }, -2, 2},
      {"prod", [](Value x) -> Value { return prod<1>(x); }, -2, 2},
      {"amax", [](Value x) -> Value { return amax<0>(x); }, -2, 2},
      {"amin", [](Value x) -> Value { return amin<1>(x); }, -2, 2},
      {"mean", [](Value x) -> Value { return mean<1>(x); }, -2, 2},
      {"var", [](Value x) -> Value { return var<1>(x); }, -2, 2},
      {"std_dev", [](Value x) -> Value { return std_dev<0>(x); }, -2, 2},
      {"norm", [](Value x) -> Value { return norm<1>(x); }, -2, 2},
      {"logsumexp", [](Value x) -> Value { return logsumexp<1>(x); }, -2, 2},
      {"softmax", [](Value x) -> Value { return softmax(x); }, -2, 2},
  };
  for (const Sample& s : samples) {
    CAPTURE(s.name);
    graph::Builder g;
    const Value x{&g, g.input(Dtype::float64, shape_of<3, 4>)};
    const Value y = s.f(x), loss = sum(y * y * 0.5 + y);
    graph::List<int> wrt;
    wrt.push(x.id);
    g.outputs.push(loss.id);
    g.outputs.push(transform::gradient(g, loss.id, wrt)[0]);
    reference::Interpreter interpreter(g);
    std::vector<reference::Array> in{reference::Array(Dtype::float64, shape_of<3, 4>)};
    for (int i = 0; i < 12; ++i)
      in[0].set(i, s.low + (s.high - s.low) * (double(Philox(Seed{3}).uniform(std::uint64_t(i))) * 0.98 + 0.01));
    const auto slopes = interpreter.run(in)[1];
    for (int i = 0; i < 12; ++i) {
      const double at = in[0].get(i), h = 1e-6;
      in[0].set(i, at + h);
      const double right = interpreter.run(in)[0].get(0);
      in[0].set(i, at - h);
      const double left = interpreter.run(in)[0].get(0);
      in[0].set(i, at);
      CHECK(slopes.get(i) == doctest::Approx((right - left) / (2 * h)).epsilon(1e-6).scale(1));
    }
  }
}

TEST_CASE("integers wrap, at every operation that can leave their range") {
  constexpr int least = std::numeric_limits<int>::min(), most = std::numeric_limits<int>::max();
  const Tensor<int, 2> x{least, most}, y{-1, -1};
  const Tensor<int, 2> sum = x + x, difference = x - 1 - x * 2, negative = -x, product = x * x, magnitude = abs(x),
                       quotient = x / y, rest = remainder(x, y);
  CHECK((sum(0) == 0 && sum(1) == -2));
  CHECK((difference(0) == most && difference(1) == -most - 1));
  CHECK((negative(0) == least && negative(1) == -most));
  CHECK((product(0) == 0 && product(1) == 1));
  CHECK((magnitude(0) == least && magnitude(1) == most));
  CHECK((quotient(0) == least && quotient(1) == -most));
  CHECK((rest(0) == 0 && rest(1) == 0));
}
