// Functions of float16 and bfloat16: computed in float32 from their operands to their result, values and gradients,
// against PyTorch's in float64 rounded once (reference/make_half.py). Inputs overflow or vanish where a function rounds
// between its primitives.
#include <doctest/doctest.h>

#include "../support/execute.hpp"
#include "../support/reference_case.hpp"

using namespace sinter;
using namespace sinter::internals;

namespace {

template <class H, class T> struct AsHalf { using type = T; };
template <class H, auto... E> struct AsHalf<H, Tensor<float, E...>> { using type = Tensor<H, E...>; };

/// The distance of a number to its neighbours.
template <class H> double spacing(double x) {
  constexpr int digits = std::is_same_v<H, float16> ? 10 : 7, least = std::is_same_v<H, float16> ? -24 : -133;
  if (x == 0 || !std::isfinite(x)) return std::ldexp(1.0, least);
  return std::ldexp(1.0, std::max(std::ilogb(x) - digits, least));
}
/// To the last bit; sums in float32 may have lost a millionth of the largest element.
template <class H> void check_array(const reference::Array& found, const std::string& name) {
  const auto& expected = support::reference_value(name).elements;
  REQUIRE(std::ptrdiff_t(expected.size()) == found.shape.size());
  double largest = 0;
  for (const double e : expected) largest = std::isfinite(e) ? std::max(largest, std::abs(e)) : largest;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const double y = found.get(std::ptrdiff_t(i)), e = expected[i];
    if (y == e || (std::isnan(y) && std::isnan(e)) || std::abs(y - e) <= 1.01 * spacing<H>(e) + 2e-6 * largest)
      continue;
    FAIL_CHECK(name << "[" << i << "]: expected " << e << ", found " << y);
  }
}

template <class H, class... X, class F> void check_type(const std::string& name, F f) {
  graph::Builder g;
  std::vector<reference::Array> inputs;
  std::vector<std::string> expected{name + ".y"};
  graph::List<int> wrt;
  int n = 0;
  const auto input = [&]<class S>(S*) {
    const S s = graph::new_input<S>(g);
    const std::string number = std::to_string(n++);
    inputs.push_back(support::reference_array(name + "." + number, S::dtype, S::shape));
    if (support::has_reference_value(name + ".d" + number)) wrt.push(s.id), expected.push_back(name + ".d" + number);
    return s;
  };
  const std::tuple<typename AsHalf<H, X>::type::symbol...> x{
      input(static_cast<typename AsHalf<H, X>::type::symbol*>(nullptr))...};
  const auto y = std::apply(f, x);
  using Y = std::remove_cvref_t<decltype(y)>;
  CAPTURE(name);
  g.outputs.push(y.id);
  if (support::has_reference_value(name + ".w")) {
    CHECK(Y::dtype == dtype_of<H>);
    const Y w = graph::new_input<Y>(g);
    inputs.push_back(support::reference_array(name + ".w", Y::dtype, Y::shape));
    for (const int d : transform::gradient(g, sum(y * w).id, wrt)) g.outputs.push(d);
  }
  const auto outputs = support::execute(g, inputs, {});
  for (std::size_t k = 0; k < expected.size(); ++k) check_array<H>(outputs[k], expected[k]);
}
template <class... X, class F> void check_half(const std::string& name, F f) {
  check_type<float16, X...>("float16." + name, f);
  check_type<bfloat16, X...>("bfloat16." + name, f);
}

template <auto... E> using F = Tensor<float, E...>;
using M = F<4, 6>;

template <class Fn> void with_small(const std::string& name, Fn f) {
  check_half<M>(name, f);
  check_half<M>(name + "_small", f);
}
template <class Fn> void with_large(const std::string& name, Fn f) {
  with_small(name, f);
  check_half<M>(name + "_large", f);
}

}  // namespace

TEST_CASE("activations of 16-bit floats round once") {
  with_small("sigmoid", [](auto x) { return sigmoid(x); });
  with_small("log_sigmoid", [](auto x) { return log_sigmoid(x); });
  with_small("silu", [](auto x) { return silu(x); });
  with_small("softplus", [](auto x) { return softplus(x); });
  with_small("softplus_beta", [](auto x) { return softplus(x, 0.3, 3); });
  with_small("mish", [](auto x) { return mish(x); });
  with_small("softsign", [](auto x) { return softsign(x); });
  check_half<M>("tanhshrink",
                [](auto x) { return tanhshrink(x); });  // for small x the difference is rounding error in float32 too
  with_small("elu", [](auto x) { return elu(x); });
  with_small("elu_alpha", [](auto x) { return elu(x, 0.3); });
  with_small("celu", [](auto x) { return celu(x, 0.3); });
  with_small("selu", [](auto x) { return selu(x); });
  with_small("gelu", [](auto x) { return gelu(x); });
  with_small("gelu_tanh", [](auto x) { return gelu(x, tanh_approximation); });
  with_small("hardsigmoid", [](auto x) { return hardsigmoid(x); });
  with_small("hardswish", [](auto x) { return hardswish(x); });
  with_small("leaky_relu", [](auto x) { return leaky_relu(x); });
  with_small("softshrink", [](auto x) { return softshrink(x); });
  with_small("hardshrink", [](auto x) { return hardshrink(x); });
  with_small("relu6", [](auto x) { return relu6(x); });
  with_small("square", [](auto x) { return square(x); });
  with_small("exp", [](auto x) { return exp(x); });
  with_small("tanh", [](auto x) { return tanh(x); });
  check_half<M, F<6>>("prelu", [](auto x, auto w) { return prelu(x, w); });
}

TEST_CASE("rows of 16-bit floats whose sums and squares do not fit 16 bits, or vanish in them") {
  with_large("sum", [](auto x) { return sum<1>(x); });
  with_large("mean", [](auto x) { return mean<1>(x); });
  with_large("var", [](auto x) { return var<1>(x); });
  with_large("var_population", [](auto x) { return var<1>(x, correction<0>); });
  with_large("std_dev", [](auto x) { return std_dev<1>(x); });
  with_large("norm", [](auto x) { return norm<1>(x); });
  with_large("softmax", [](auto x) { return softmax<1>(x); });
  with_large("log_softmax", [](auto x) { return log_softmax<1>(x); });
  with_large("softmin", [](auto x) { return softmin<1>(x); });
  with_large("logsumexp", [](auto x) { return logsumexp<1>(x); });
  with_large("cumsum", [](auto x) { return cumsum<1>(x); });
  with_large("glu", [](auto x) { return glu<1>(x); });
  with_large("mean_all", [](auto x) { return mean(x); });
  with_large("std_dev_all", [](auto x) { return std_dev(x); });
  with_large("norm_all", [](auto x) { return norm(x); });
  check_half<M>("prod", [](auto x) { return prod<1>(x); });
}

TEST_CASE("windows, products and attention of 16-bit floats") {
  using Images = F<2, 2, 4, 6>;
  check_half<Images>("avg_pool", [](auto x) { return avg_pool2d<2>(x); });
  check_half<Images>("avg_pool_borders", [](auto x) {
    return avg_pool2d<3, Pool2dOptions{.stride = 2, .padding = 1, .count_include_pad = false}>(x);
  });
  check_half<Images>("adaptive_avg_pool", [](auto x) { return adaptive_avg_pool2d<1>(x); });
  check_half<Images>("max_pool", [](auto x) { return max_pool2d<2>(x); });
  check_half<F<2, 3, 4>, F<2, 5, 4>, F<2, 5, 4>>(
      "attention", [](auto q, auto k, auto v) { return scaled_dot_product_attention(q, k, v); });
  check_half<F<2, 3, 4>, F<2, 5, 4>, F<2, 5, 4>>("attention", [](auto q, auto k, auto v) {
    return scaled_dot_product_attention<AttentionOptions{.composed = true}>(q, k, v);
  });
  check_half<F<3, 40>, F<40, 2>>("matmul", [](auto x, auto y) { return matmul(x, y); });
  check_half<F<1, 2, 5, 5>, F<3, 2, 3, 3>>("conv", [](auto x, auto w) { return conv2d(x, w); });
}

TEST_CASE("losses of 16-bit floats") {
  using Labels = Tensor<std::int64_t, 4>;
  using nn::Reduction;
  check_half<M, Labels>("cross_entropy_mean", [](auto x, auto y) { return nn::cross_entropy(x, y); });
  check_half<M, Labels>("cross_entropy_sum", [](auto x, auto y) { return nn::CrossEntropy<Reduction::sum>{}(x, y); });
  check_half<M, Labels>("cross_entropy_none", [](auto x, auto y) { return nn::CrossEntropy<Reduction::none>{}(x, y); });
  check_half<M, Labels>("cross_entropy_large", [](auto x, auto y) { return nn::cross_entropy(x, y); });
  check_half<M, Labels>("cross_entropy_smooth",
                        [](auto x, auto y) { return nn::cross_entropy(x, y, {.label_smoothing = 0.1}); });
  check_half<M, Labels>("nll", [](auto x, auto y) { return nn::nll_loss(x, y); });
  check_half<M, M>("mse_mean", [](auto x, auto t) { return nn::mse_loss(x, t); });
  check_half<M, M>("mse_sum", [](auto x, auto t) { return nn::MeanSquaredError<Reduction::sum>{}(x, t); });
  check_half<M, M>("mse_none", [](auto x, auto t) { return nn::MeanSquaredError<Reduction::none>{}(x, t); });
  check_half<M, M>("mse_large", [](auto x, auto t) { return nn::mse_loss(x, t); });
  check_half<M, M>("l1_large", [](auto x, auto t) { return nn::l1_loss(x, t); });
  check_half<M, M>("huber", [](auto x, auto t) { return nn::huber_loss(x, t, 0.3); });
  check_half<M, M>("smooth_l1", [](auto x, auto t) { return nn::smooth_l1_loss(x, t, 0.3); });
  check_half<M, M>("bce_logits", [](auto x, auto t) { return nn::binary_cross_entropy_with_logits(x, t); });
  check_half<M, M>("bce", [](auto x, auto t) { return nn::binary_cross_entropy(x, t); });
  check_half<M, M>("kl_div", [](auto x, auto t) { return nn::kl_div(x, t); });
}

TEST_CASE("a softmax of more elements than float16 counts, and sums of many") {
  Tensor<float16, 70000> zeros, ones;
  ones.fill(float16(1));
  const Tensor<float16, 70000> p = softmax<0>(zeros);
  CHECK(float(p(0)) == float(float16(1.f / 70000)));
  CHECK(float(p(69999)) == float(float16(1.f / 70000)));
  CHECK(float(float16(mean(ones))) == 1);
  CHECK(float(float16(norm(ones))) == float(float16(std::sqrt(70000.f))));
  CHECK(float(float16(logsumexp(ones))) == float(float16(1 + std::log(70000.f))));
  CHECK(float(float16(var(ones))) == 0);
  CHECK(std::isinf(float(float16(sum(ones)))));
}

TEST_CASE("numbers with 16-bit tensors are not rounded to 16 bits in functions of several primitives") {
  const Tensor<float16, 1> x{float16(1)};
  const Tensor<float16, 1> y = leaky_relu(-x, 0.3), z = elu(-x, 0.3);
  CHECK(float(y(0)) == float(float16(-0.3f)));
  CHECK(float(z(0)) == float(float16(0.3f * (std::exp(-1.f) - 1))));
}

namespace {
template <class Layer> struct Only {
  Layer layer;
  constexpr auto operator()(auto x) const { return layer(x); }
};
/// The graph of a training step, with weights of 1 and biases of 0.
template <class Layer, class H, int Rows> void check_layer(const std::string& name) {
  CAPTURE(name);
  graph::Builder g;
  auto net = graph::NetOf<Only<Layer>>::make();
  train::bind(g, net, train::whole_blocks<Only<Layer>>);
  const auto x = graph::new_input<Sym<H, Rows, 6>>(g);
  g.training = true;
  g.outputs.push(net(x).id);
  std::vector<reference::Array> inputs;
  for (int i = 0; i < g.inputs.size(); ++i) {
    const int id = g.inputs[i];
    inputs.push_back(id == x.id ? support::reference_array(name + ".0", dtype_of<H>, Sym<H, Rows, 6>::shape)
                                : reference::Array(g[id].dtype, g.shape(id)));
    if (i == 0)
      for (int k = 0; k < 6; ++k) inputs[0].set(k, 1);
  }
  const auto y = support::execute(g, inputs, {});
  CHECK(y[0].dtype == Dtype::float32);
  CHECK(support::difference(y[0], support::reference_array(name + ".y", Dtype::float32, y[0].shape), {}) < 1e-6);
}
template <class Layer> void check_layers(const std::string& name) {
  check_layer<Layer, float16, 4>("float16." + name);
  check_layer<Layer, bfloat16, 4>("bfloat16." + name);
  check_layer<Layer, float16, 4>("float16." + name + "_small");
  check_layer<Layer, bfloat16, 4>("bfloat16." + name + "_small");
  check_layer<Layer, float16, 3>("float16." + name + "_large");
  check_layer<Layer, bfloat16, 3>("bfloat16." + name + "_large");
}
}  // namespace

TEST_CASE("normalisation layers take 16-bit floats to float32 at once") {
  check_layers<nn::LayerNorm<6>>("layer_norm");
  check_layers<nn::RMSNorm<6>>("rms_norm");
  check_layers<nn::GroupNorm<2, 6>>("group_norm");
  check_layers<nn::BatchNorm1d<6>>("batch_norm");
}

TEST_CASE("a compiled layer norm of float16") {
  const Model<Only<nn::LayerNorm<6>>> net(Seed{1});
  auto layer = inference<Tensor<float16, 3, 6>>(net);
  CHECK(support::distance(layer(support::reference_tensor<Tensor<float16, 3, 6>>("float16.layer_norm_large.0")),
                          "float16.layer_norm_large.y") < 1e-6);
}
