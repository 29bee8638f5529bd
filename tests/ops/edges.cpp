// Elementwise functions where their formulas change: at kinks and between branches, at zeros of both signs, at large
// arguments, at infinities and NaN (reference/edges.txt), of tensors of all lengths; and of 16-bit floats, integers and
// bools at the ends of their ranges (reference/cells.txt).
#include <doctest/doctest.h>

#include "../support/cells.hpp"
#include "../support/edges.hpp"

using namespace sinter;
using support::check_cells;
using support::check_edges;

TEST_CASE("edges of piecewise linear activations") {
  check_edges<1>("relu", [](auto x) { return relu(x); });
  check_edges<1>("leaky_relu", [](auto x) { return leaky_relu(x); });
  check_edges<1>("leaky_relu_zero", [](auto x) { return leaky_relu(x, 0); });
  check_edges<1>("leaky_relu_one", [](auto x) { return leaky_relu(x, 1); });
  check_edges<1>("relu6", [](auto x) { return relu6(x); });
  check_edges<1>("hardtanh", [](auto x) { return hardtanh(x); });
  check_edges<1>("hardtanh_wide", [](auto x) { return hardtanh(x, -3, 1.5); });
  check_edges<1>("hardsigmoid", [](auto x) { return hardsigmoid(x); });
  check_edges<1>("hardswish", [](auto x) { return hardswish(x); });
  check_edges<1>("softshrink", [](auto x) { return softshrink(x); });
  check_edges<1>("softshrink_zero", [](auto x) { return softshrink(x, 0); });
  check_edges<1>("hardshrink", [](auto x) { return hardshrink(x); });
  check_edges<1>("hardshrink_zero", [](auto x) { return hardshrink(x, 0); });
  check_edges<1>("threshold", [](auto x) { return threshold(x, 0.5, -2); });
}

TEST_CASE("edges of smooth activations") {
  check_edges<1>("sigmoid", [](auto x) { return sigmoid(x); });
  check_edges<1>("log_sigmoid", [](auto x) { return log_sigmoid(x); });
  check_edges<1>("silu", [](auto x) { return silu(x); });
  check_edges<1>("softplus", [](auto x) { return softplus(x); });
  check_edges<1>("softplus_beta", [](auto x) { return softplus(x, 0.5, 3); });
  check_edges<1>("softplus_far", [](auto x) { return softplus(x, 2, 1000); });
  check_edges<1>("mish", [](auto x) { return mish(x); });
  check_edges<1>("softsign", [](auto x) { return softsign(x); });
  check_edges<1>("tanhshrink", [](auto x) { return tanhshrink(x); });
  check_edges<1>("elu", [](auto x) { return elu(x); });
  check_edges<1>("elu_alpha", [](auto x) { return elu(x, 0.5); });
  check_edges<1>("elu_zero", [](auto x) { return elu(x, 0); });
  check_edges<1>("celu", [](auto x) { return celu(x); });
  check_edges<1>("celu_alpha", [](auto x) { return celu(x, 0.5); });
  check_edges<1>("selu", [](auto x) { return selu(x); });
  check_edges<1>("gelu", [](auto x) { return gelu(x); });
  check_edges<1>("gelu_tanh", [](auto x) { return gelu(x, tanh_approximation); });
}

TEST_CASE("edges of elementary functions") {
  check_edges<1>("abs", [](auto x) { return abs(x); });
  check_edges<1>("square", [](auto x) { return square(x); });
  check_edges<1>("exp", [](auto x) { return exp(x); });
  check_edges<1>("expm1", [](auto x) { return expm1(x); });
  check_edges<1>("log", [](auto x) { return log(x); });
  check_edges<1>("log1p", [](auto x) { return log1p(x); });
  check_edges<1>("sqrt", [](auto x) { return sqrt(x); });
  check_edges<1>("rsqrt", [](auto x) { return rsqrt(x); });
  check_edges<1>("tanh", [](auto x) { return tanh(x); });
  check_edges<1>("erf", [](auto x) { return erf(x); });
  check_edges<1>("sin", [](auto x) { return sin(x); });
  check_edges<1>("cos", [](auto x) { return cos(x); });
  check_edges<1>("tan", [](auto x) { return tan(x); });
  check_edges<1>("atan", [](auto x) { return atan(x); });
}

TEST_CASE("edges of powers: 0 to the power 0, negative bases, the gradient of both operands") {
  check_edges<1>("pow_0_0", [](auto x) { return pow(x, 0.0); });
  check_edges<1>("pow_0_5", [](auto x) { return pow(x, 0.5); });
  check_edges<1>("pow_1_0", [](auto x) { return pow(x, 1.0); });
  check_edges<1>("pow_1_5", [](auto x) { return pow(x, 1.5); });
  check_edges<1>("pow_2_0", [](auto x) { return pow(x, 2.0); });
  check_edges<1>("pow_3_0", [](auto x) { return pow(x, 3.0); });
  check_edges<1>("pow_4_0", [](auto x) { return pow(x, 4.0); });
  check_edges<1>("pow_minus_0_5", [](auto x) { return pow(x, -0.5); });
  check_edges<1>("pow_minus_1_0", [](auto x) { return pow(x, -1.0); });
  check_edges<1>("pow_minus_2_0", [](auto x) { return pow(x, -2.0); });
  check_edges<1>("pow_minus_1_5", [](auto x) { return pow(x, -1.5); });
  check_edges<1>("number_pow_0", [](auto x) { return pow(0.0, x); });
  check_edges<1>("number_pow_2", [](auto x) { return pow(2.0, x); });
  check_edges<2>("pow", [](auto x, auto y) { return pow(x, y); });
}

TEST_CASE("edges of functions of two and three operands") {
  check_edges<2>("maximum", [](auto x, auto y) { return maximum(x, y); });
  check_edges<2>("minimum", [](auto x, auto y) { return minimum(x, y); });
  check_edges<2>("xlogy", [](auto x, auto y) { return xlogy(x, y); });
  check_edges<2>("remainder", [](auto x, auto y) { return remainder(x, y); });
  check_edges<2>("div", [](auto x, auto y) { return x / y; });
  check_edges<2>("mul", [](auto x, auto y) { return x * y; });
  check_edges<1>("clamp_numbers", [](auto x) { return clamp(x, -0.5, 3.0); });
  check_edges<1>("clamp_one", [](auto x) { return clamp(x, 1.0, 1.0); });
  check_edges<1>("clamp_crossed", [](auto x) { return clamp(x, 3.0, -0.5); });
  check_edges<3>("clamp", [](auto x, auto low, auto high) { return clamp(x, low, high); });
}

namespace {
constexpr auto each = nn::Reduction::none;
/// Losses take symbols whose shape is in their type; this applies the same elementwise functions to values of a graph
/// built at run time.
template <class Each> constexpr auto elements_of = [](auto... x) {
  return ops::Composed<nn::loss_detail::Reduced<each, Each>, int(sizeof...(x))>{}(x...);
};
}  // namespace

TEST_CASE("edges of losses of an element and its target") {
  using namespace nn::loss_detail;
  const auto number = [](auto x, double v) { return graph::Value{x.graph, x.graph->constant(v, x.dtype())}; };
  check_edges<2>("mse_loss", elements_of<SquaredError>);
  check_edges<2>("l1_loss", elements_of<AbsoluteError>);
  check_edges<2>("huber_loss", [&](auto x, auto t) { return HuberError{}(x, t, number(x, 1)); });
  check_edges<2>("huber_loss_delta", [&](auto x, auto t) { return HuberError{}(x, t, number(x, 0.5)); });
  check_edges<2>("huber_loss_far", [&](auto x, auto t) { return HuberError{}(x, t, number(x, INFINITY)); });
  check_edges<2>("smooth_l1_loss", [&](auto x, auto t) { return SmoothError{}(x, t, number(x, 1)); });
  check_edges<2>("smooth_l1_loss_beta", [&](auto x, auto t) { return SmoothError{}(x, t, number(x, 0.5)); });
  check_edges<2>("smooth_l1_loss_zero", [&](auto x, auto t) { return SmoothError{}(x, t, number(x, 0)); });
  check_edges<2>("smooth_l1_loss_far", [&](auto x, auto t) { return SmoothError{}(x, t, number(x, INFINITY)); });
  check_edges<2>("binary_cross_entropy_with_logits",
                 [&](auto x, auto t) { return LogisticLossOf<each>{}(x, t, number(x, 1)); });
  check_edges<2>("binary_cross_entropy_with_logits_weight",
                 [&](auto x, auto t) { return LogisticLossOf<each>{}(x, t, number(x, 2.5)); });
  check_edges<2>("binary_cross_entropy", elements_of<ops::Apply<ops::ProbabilityLoss>>);
  check_edges<2>("kl_div", elements_of<Divergence>);
  check_edges<2>("kl_div_log", elements_of<DivergenceOfLogs>);
}

TEST_CASE("cells of piecewise linear activations") {
  check_cells<1>("relu", [](auto x) { return relu(x); });
  check_cells<1>("leaky_relu", [](auto x) { return leaky_relu(x); });
  check_cells<1>("relu6", [](auto x) { return relu6(x); });
  check_cells<1>("hardtanh", [](auto x) { return hardtanh(x); });
  check_cells<1>("hardsigmoid", [](auto x) { return hardsigmoid(x); });
  check_cells<1>("hardswish", [](auto x) { return hardswish(x); });
  check_cells<1>("softshrink", [](auto x) { return softshrink(x); });
  check_cells<1>("hardshrink", [](auto x) { return hardshrink(x); });
  check_cells<1>("threshold", [](auto x) { return threshold(x, 0.5, -2); });
  check_cells<2>("prelu", [](auto x, auto w) { return prelu(x, w); });
}

TEST_CASE("cells of smooth activations") {
  check_cells<1>("sigmoid", [](auto x) { return sigmoid(x); });
  check_cells<1>("log_sigmoid", [](auto x) { return log_sigmoid(x); });
  check_cells<1>("silu", [](auto x) { return silu(x); });
  check_cells<1>("softplus", [](auto x) { return softplus(x); });
  check_cells<1>("mish", [](auto x) { return mish(x); });
  check_cells<1>("softsign", [](auto x) { return softsign(x); });
  check_cells<1>("tanhshrink", [](auto x) { return tanhshrink(x); });
  check_cells<1>("elu", [](auto x) { return elu(x); });
  check_cells<1>("celu", [](auto x) { return celu(x); });
  check_cells<1>("selu", [](auto x) { return selu(x); });
  check_cells<1>("gelu", [](auto x) { return gelu(x); });
  check_cells<1>("gelu.tanh", [](auto x) { return gelu(x, tanh_approximation); });
}

TEST_CASE("cells of elementary functions") {
  check_cells<1>("exp", [](auto x) { return exp(x); });
  check_cells<1>("expm1", [](auto x) { return expm1(x); });
  check_cells<1>("log", [](auto x) { return log(x); });
  check_cells<1>("log1p", [](auto x) { return log1p(x); });
  check_cells<1>("sqrt", [](auto x) { return sqrt(x); });
  check_cells<1>("rsqrt", [](auto x) { return rsqrt(x); });
  check_cells<1>("tanh", [](auto x) { return tanh(x); });
  check_cells<1>("erf", [](auto x) { return erf(x); });
  check_cells<1>("sin", [](auto x) { return sin(x); });
  check_cells<1>("cos", [](auto x) { return cos(x); });
  check_cells<1>("tan", [](auto x) { return tan(x); });
  check_cells<1>("atan", [](auto x) { return atan(x); });
  check_cells<1>("abs", [](auto x) { return abs(x); });
  check_cells<1>("square", [](auto x) { return square(x); });
}

TEST_CASE("cells of arithmetic, rounding, comparisons and casts") {
  check_cells<1>("neg", [](auto x) { return -x; });
  check_cells<1>("sign", [](auto x) { return sign(x); });
  check_cells<1>("floor", [](auto x) { return floor(x); });
  check_cells<1>("ceil", [](auto x) { return ceil(x); });
  check_cells<1>("trunc", [](auto x) { return trunc(x); });
  check_cells<1>("round", [](auto x) { return round(x); });
  check_cells<1>("clamp", [](auto x) { return clamp(x, 0, 1); });
  check_cells<1>("isnan", [](auto x) { return isnan(x); });
  check_cells<1>("isfinite", [](auto x) { return isfinite(x); });
  check_cells<1>("logical_not", [](auto x) { return logical_not(x); });
  check_cells<1>("logical_not", [](auto x) { return !x; });
  check_cells<1>("cast.int32", [](auto x) { return cast<std::int32_t>(x); });
  check_cells<1>("cast.bool", [](auto x) { return cast<bool>(x); });
  check_cells<1>("cast.float", [](auto x) { return cast<float>(x); });
  check_cells<1>("one_hot", [](auto x) { return one_hot<3>(x); });
  check_cells<2>("add", [](auto x, auto y) { return x + y; });
  check_cells<2>("sub", [](auto x, auto y) { return x - y; });
  check_cells<2>("mul", [](auto x, auto y) { return x * y; });
  check_cells<2>("div", [](auto x, auto y) { return x / y; });
  check_cells<2>("maximum", [](auto x, auto y) { return maximum(x, y); });
  check_cells<2>("minimum", [](auto x, auto y) { return minimum(x, y); });
  check_cells<2>("pow", [](auto x, auto y) { return pow(x, y); });
  check_cells<2>("xlogy", [](auto x, auto y) { return xlogy(x, y); });
  check_cells<2>("remainder", [](auto x, auto y) { return remainder(x, y); });
  check_cells<2>("less", [](auto x, auto y) { return x < y; });
  check_cells<2>("less_equal", [](auto x, auto y) { return x <= y; });
  check_cells<2>("greater", [](auto x, auto y) { return x > y; });
  check_cells<2>("greater_equal", [](auto x, auto y) { return x >= y; });
  check_cells<2>("equal", [](auto x, auto y) { return x == y; });
  check_cells<2>("not_equal", [](auto x, auto y) { return x != y; });
  check_cells<2>("logical_and", [](auto x, auto y) { return logical_and(x, y); });
  check_cells<2>("logical_and", [](auto x, auto y) { return x && y; });
  check_cells<2>("logical_or", [](auto x, auto y) { return logical_or(x, y); });
  check_cells<2>("logical_or", [](auto x, auto y) { return x || y; });
  check_cells<2>("select", [](auto x, auto y) { return select(x > y, x, y); });
}
