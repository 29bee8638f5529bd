// nn/: modules against PyTorch: outputs, gradients, and buffers after training.
#include <doctest/doctest.h>

#include "../support/reference_case.hpp"

using namespace sinter;
using namespace sinter::internals;
using support::check_module;

namespace {
template <auto... E> using F = Tensor<float, E...>;
}  // namespace

TEST_CASE("pixel shuffles") {
  check_module<nn::PixelShuffle<2>, F<2, 8, 2, 3>>("pixel_shuffle");
  check_module<nn::PixelUnshuffle<2>, F<2, 2, 4, 6>>("pixel_unshuffle");
}

TEST_CASE("linear layers act on the last axis") { check_module<nn::Linear<4, 3>, F<2, 5, 4>>("linear_layer"); }

TEST_CASE("convolutions of every geometry") {
  check_module<nn::Conv1d<2, 3, 3, Conv1dOptions{.stride = 2, .padding = 1}>, F<2, 2, 8>>("conv1d");
  check_module<nn::Conv2d<2, 3, 3>, F<2, 2, 5, 6>>("conv2d");
  check_module<nn::Conv2d<1, 2, 3, Conv2dOptions{.padding = 1, .bias = false}>, F<2, 1, 4, 4>>("conv2d_pad");
  check_module<nn::Conv2d<2, 4, {3, 2}, Conv2dOptions{.stride = {2, 3}, .padding = {2, 1}, .dilation = {2, 1}}>,
               F<2, 2, 7, 8>>("conv2d_mixed");
  check_module<nn::Conv2d<4, 6, 3, Conv2dOptions{.padding = 1, .groups = 2}>, F<2, 4, 4, 5>>("conv2d_groups");
  check_module<nn::Conv2d<3, 6, 3, Conv2dOptions{.stride = 2, .padding = 1, .groups = 3}>, F<2, 3, 5, 5>>(
      "conv2d_depthwise");
  check_module<nn::Conv2d<3, 4, 1, Conv2dOptions{.stride = 2, .padding = 2}>, F<1, 3, 3, 3>>("conv2d_pointwise");
  check_module<nn::Conv3d<2, 2, {2, 3, 2}, Conv3dOptions{.stride = {1, 2, 1}, .padding = {1, 1, 0}}>, F<1, 2, 3, 4, 3>>(
      "conv3d");
}

TEST_CASE("pooling: overlapping windows, borders, and gradients to the first of equal maxima") {
  check_module<nn::MaxPool2d<2>, F<2, 2, 6, 7>>("max_pool");
  check_module<nn::MaxPool2d<3, Pool2dOptions{.stride = 2, .padding = 1}>, F<2, 2, 6, 7>>("max_pool_overlap");
  check_module<nn::MaxPool2d<{4, 3}, Pool2dOptions{.stride = 1, .padding = {2, 1}}>, F<2, 2, 6, 7>>("max_pool_large");
  check_module<nn::MaxPool2d<{2, 5}, Pool2dOptions{.stride = {3, 1}}>, F<2, 2, 6, 7>>("max_pool_large_step");
  check_module<nn::MaxPool2d<2, Pool2dOptions{.stride = 1, .dilation = {3, 2}}>, F<2, 2, 6, 7>>("max_pool_dilated");
  check_module<nn::MaxPool1d<3, Pool1dOptions{.stride = 1}>, F<2, 6, 7>>("max_pool1d");
  check_module<nn::AvgPool2d<2>, F<2, 2, 5, 6>>("avg_pool");
  check_module<nn::AvgPool2d<3, Pool2dOptions{.stride = 2, .padding = 1}>, F<2, 2, 5, 6>>("avg_pool_overlap");
  check_module<nn::AvgPool2d<{2, 3}, Pool2dOptions{.stride = 1, .padding = 1, .count_include_pad = false}>,
               F<1, 2, 4, 5>>("avg_pool_valid");
  check_module<nn::AvgPool1d<2>, F<2, 2, 6>>("avg_pool1d");
  check_module<nn::AdaptiveAvgPool2d<{2, 3}>, F<2, 2, 4, 6>>("adaptive");
  check_module<nn::AdaptiveAvgPool2d<1>, F<2, 2, 4, 6>>("adaptive_one");
}

TEST_CASE(
    "batch normalisation: the batch's statistics in training, the running ones elsewhere, which two steps move as in "
    "PyTorch") {
  check_module<nn::BatchNorm1d<3>, F<6, 3>>("batch_norm1d");
  check_module<nn::BatchNorm1d<3>, F<2, 3, 4>>("batch_norm1d_long");
  check_module<nn::BatchNorm2d<2>, F<3, 2, 2, 3>>("batch_norm2d");
  check_module<nn::BatchNorm3d<2>, F<2, 2, 2, 2, 2>>("batch_norm3d");
  check_module<nn::BatchNorm2d<2>, F<3, 2, 2, 3>>("batch_norm2d_eval", false);
}

TEST_CASE("normalisation of each sample by itself") {
  check_module<nn::LayerNorm<5>, F<2, 3, 5>>("layer_norm");
  check_module<nn::LayerNorm<3, 5>, F<2, 3, 5>>("layer_norm2");
  check_module<nn::GroupNorm<2, 4>, F<2, 4, 2, 3>>("group_norm");
  check_module<nn::GroupNorm<2, 6>, F<2, 6>>("group_norm_row");
  check_module<nn::GroupNorm<2, 4>, F<2, 4, 4>>("group_norm_long");
  check_module<nn::GroupNorm<2, 4>, F<2, 4, 4, 1, 3>>("group_norm_volume");
  check_module<nn::GroupNorm<2, 4>, F<2, 4, 1, 4, 1, 3>>("group_norm_six_axes");
  check_module<nn::RMSNorm<5>, F<2, 3, 5>>("rms_norm");
}

TEST_CASE("embeddings sum the gradients of ids that occur several times") {
  check_module<nn::Embedding<5, 3>, Tensor<std::int64_t, 2, 4>>("embedding");
}

TEST_CASE("PReLU learns a slope for each channel") {
  check_module<nn::PReLU<3>, F<2, 3, 2>>("prelu_layer");
  check_module<nn::PReLU<3>, F<2, 3, 3, 1, 2>>("prelu_volume");
}

TEST_CASE("dropout draws zeros by step and seed, scales the rest, and masks the gradient alike") {
  constexpr int n = 4096;
  const auto run = [](bool training, std::int64_t step, std::int64_t seed) {
    const graph::Builder g = support::ModuleTrace<nn::Dropout, F<n>>{training}();
    std::vector<reference::Array> inputs;
    for (const int i : g.inputs) inputs.emplace_back(g[i].dtype, g.shape(i));
    for (int i = 0; i < n; ++i) inputs[1].set(i, 1 + i % 7), inputs[2].set(i, 1);
    inputs[3].set(0, double(step));
    inputs[4].set(0, double(seed));
    auto outputs = support::execute(g, inputs, {});
    const auto interpreted = reference::Interpreter(g).run(inputs);
    for (std::size_t k = 0; k < outputs.size(); ++k) CHECK(outputs[k].bytes == interpreted[k].bytes);
    return outputs;
  };
  const auto a = run(true, 1, 5), same = run(true, 1, 5), next = run(true, 2, 5), other = run(true, 1, 6),
             inference = run(false, 1, 5);
  int zeros = 0, equal_next = 0, equal_other = 0;
  for (int i = 0; i < n; ++i) {
    const double x = 1 + i % 7, y = a[0].get(i), gradient = a[1].get(i);
    REQUIRE((y == 0 || y == 2 * x));
    REQUIRE(gradient == (y == 0 ? 0 : 2));
    REQUIRE(inference[0].get(i) == x);
    REQUIRE(inference[1].get(i) == 1);
    zeros += y == 0;
    equal_next += (y == 0) == (next[0].get(i) == 0);
    equal_other += (y == 0) == (other[0].get(i) == 0);
  }
  CHECK(same[0].bytes == a[0].bytes);
  for (const int count : {zeros, equal_next, equal_other}) CHECK(std::abs(count - n / 2) < 200);  // six deviations
}

namespace {
struct AllDropped {
  nn::Linear<4, 4> fc;
  nn::Dropout drop{.p = 1.f};
  constexpr auto operator()(auto x) const { return drop(fc(x)); }
};
}  // namespace

TEST_CASE("dropout of everything gives zeros, and no gradient") {
  Model<AllDropped> net(Seed{1});
  const Model<AllDropped> before = net;
  auto step = training<Tensor<float, 2, 4>, Tensor<float, 2, 4>>(net, nn::mse_loss, optim::SGD{.lr = .1f});
  Tensor<float, 2, 4> x;
  x.fill(1.f);
  CHECK(float(step(x, x).loss) == 1);
  CHECK(equal(std::as_const(net)->fc.weight, before->fc.weight));
  graph::Builder g;
  g.training = true;
  const auto v = graph::new_input<Sym<float, 3>>(g);
  CHECK_THROWS_WITH_AS(dropout(v, 1.5), "dropout, p: expected 0 … 1, found 1.5", Error);
}

namespace {
template <class Norm> struct Normed {
  Norm norm;
  nn::Linear<4, 3> fc;
  constexpr auto operator()(auto x) const {
    if constexpr (decltype(x)::shape.rank == 2) return fc(norm(x));
    else return fc(mean<2, 3>(norm(x)));
  }
};
/// PyTorch: an empty batch leaves running_mean 0, running_var 1 and the parameters, and counts as a batch.
template <class Norm, class X> void check_empty_batch() {
  using Net = Normed<Norm>;
  using Labels = Tensor<int, upto<8, 'B'>>;
  Model<Net> net(Seed{1});
  const Model<Net> before = net;
  auto step = training<X, Labels>(net, nn::cross_entropy, optim::SGD{.lr = .1f});
  X x;
  Labels label;
  x.template set_length<'B'>(0);
  label.template set_length<'B'>(0);
  CHECK(std::isnan(float(step(x, label).loss)));
  const auto& norm = std::as_const(net)->norm;
  for (int c = 0; c < 4; ++c) {
    if constexpr (requires { norm.running_mean; }) {
      CHECK(norm.running_mean(c) == 0);
      CHECK(norm.running_var(c) == 1);
      CHECK(norm.num_batches_tracked() == 1);
    }
    CHECK(norm.weight(c) == 1);
    CHECK(norm.bias(c) == 0);
  }
  CHECK(equal(std::as_const(net)->fc.weight, before->fc.weight));
  for (const int length : {2, 8}) {  // and later ones are as usual
    x.template set_length<'B'>(length);
    label.template set_length<'B'>(length);
    for (std::ptrdiff_t i = 0; i < x.size(); ++i) x.data()[i] = float(i % 5);
    CHECK(std::isfinite(float(step(x, label).loss)));
  }
}
}  // namespace

TEST_CASE("an empty batch moves neither running statistics nor parameters") {
  using Rows = Tensor<float, upto<8, 'B'>, 4>;
  using Images = Tensor<float, upto<8, 'B'>, 4, 3, 3>;
  check_empty_batch<nn::BatchNorm1d<4>, Rows>();
  check_empty_batch<nn::BatchNorm2d<4>, Images>();
}

TEST_CASE("batch norm refuses to train on one value a channel; inference and several positions are fine") {
  graph::Builder g;
  auto net = graph::NetOf<Normed<nn::BatchNorm1d<4>>>::make();
  train::bind(g, net, train::whole_blocks<Normed<nn::BatchNorm1d<4>>>);
  const auto one = graph::new_input<Sym<float, 1, 4>>(g);
  CHECK(net.norm(one).extents().rank == 2);
  g.training = true;
  CHECK_THROWS_WITH_AS(net.norm(one),
                       "batch norm: expected more than one value for each channel in training, found (1, 4)", Error);
  CHECK(net.norm(graph::new_input<Sym<float, 1, 4, 2>>(g)).extents().rank == 3);
}
