// Functions of rows in edge cases (reference/cells.txt): along rows, down columns, over no elements, one element,
// bounded axes of length 0, 1 and full, ties, infinities and NaN, 16-bit floats, integers and bools; derivatives of
// both orders.
#include <doctest/doctest.h>

#include "../support/cells.hpp"

using namespace sinter;
using support::check_cells;
using support::check_layer;
using support::check_typed;

namespace {
/// A function of images [2, 2, E…] and perhaps weights of this shape, whatever the element type and the batch.
template <int... E, class F, auto... W> void check_images(const std::string& name, F f, Tensor<float, W...>*) {
  check_typed<Sym<float, 2, 2, E...>, Sym<float, W...>>(name, f);
  check_typed<Sym<float, 0, 2, E...>, Sym<float, W...>>(name + ".empty", f);
  check_typed<Sym<float, upto<2, 'B'>, 2, E...>, Sym<float, W...>>(name + ".bounded", f);
  const auto of_type = [&]<class T>(T) {
    check_typed<Sym<T, 2, 2, E...>, Sym<T, W...>>(name + "." + std::string(name_of(dtype_of<T>)), f);
  };
  of_type(float16()), of_type(bfloat16()), of_type(std::int64_t()), of_type(int());
  of_type(std::uint8_t()), of_type(std::int8_t()), of_type(bool());
}
template <int... E, class F> void check_images(const std::string& name, F f) {
  check_typed<Sym<float, 2, 2, E...>>(name, f);
  check_typed<Sym<float, 0, 2, E...>>(name + ".empty", f);
  check_typed<Sym<float, upto<2, 'B'>, 2, E...>>(name + ".bounded", f);
  const auto of_type = [&]<class T>(T) {
    check_typed<Sym<T, 2, 2, E...>>(name + "." + std::string(name_of(dtype_of<T>)), f);
  };
  of_type(float16()), of_type(bfloat16()), of_type(std::int64_t()), of_type(int());
  of_type(std::uint8_t()), of_type(std::int8_t()), of_type(bool());
}

constexpr double inf = std::numeric_limits<double>::infinity();
}  // namespace

TEST_CASE("cells of sums, extrema and statistics") {
  check_cells<1>("sum", [](auto x) { return sum<1>(x); });
  check_cells<1>("sum.columns", [](auto x) { return sum<0>(x); });
  check_cells<1>("prod", [](auto x) { return prod<1>(x); });
  check_cells<1>("prod.columns", [](auto x) { return prod<0>(x); });
  check_cells<1>("mean", [](auto x) { return mean<1>(x); });
  check_cells<1>("mean.columns", [](auto x) { return mean<0>(x); });
  check_cells<1>("amax", [](auto x) { return amax<1>(x); });
  check_cells<1>("amax.columns", [](auto x) { return amax<0>(x); });
  check_cells<1>("amin", [](auto x) { return amin<1>(x); });
  check_cells<1>("amin.columns", [](auto x) { return amin<0>(x); });
  check_cells<1>("argmax", [](auto x) { return argmax<1>(x); });
  check_cells<1>("argmax.columns", [](auto x) { return argmax<0>(x); });
  check_cells<1>("argmin", [](auto x) { return argmin<1>(x); });
  check_cells<1>("argmin.columns", [](auto x) { return argmin<0>(x); });
  check_cells<1>("any", [](auto x) { return any<1>(x); });
  check_cells<1>("any.columns", [](auto x) { return any<0>(x); });
  check_cells<1>("all", [](auto x) { return all<1>(x); });
  check_cells<1>("all.columns", [](auto x) { return all<0>(x); });
  check_cells<1>("var", [](auto x) { return var<1>(x); });
  check_cells<1>("var.columns", [](auto x) { return var<0>(x); });
  check_cells<1>("var.population", [](auto x) { return var<1>(x, correction<0>); });
  check_cells<1>("var.population.columns", [](auto x) { return var<0>(x, correction<0>); });
  check_cells<1>("std_dev", [](auto x) { return std_dev<1>(x); });
  check_cells<1>("std_dev.columns", [](auto x) { return std_dev<0>(x); });
  check_cells<1>("norm", [](auto x) { return norm<1>(x); });
  check_cells<1>("norm.columns", [](auto x) { return norm<0>(x); });
}

TEST_CASE("cells of the softmax family and running sums") {
  check_cells<1>("logsumexp", [](auto x) { return logsumexp<1>(x); });
  check_cells<1>("logsumexp.columns", [](auto x) { return logsumexp<0>(x); });
  check_cells<1>("softmax", [](auto x) { return softmax<1>(x); });
  check_cells<1>("softmax.columns", [](auto x) { return softmax<0>(x); });
  check_cells<1>("log_softmax", [](auto x) { return log_softmax<1>(x); });
  check_cells<1>("log_softmax.columns", [](auto x) { return log_softmax<0>(x); });
  check_cells<1>("softmin", [](auto x) { return softmin<1>(x); });
  check_cells<1>("softmin.columns", [](auto x) { return softmin<0>(x); });
  check_cells<1>("cumsum", [](auto x) { return cumsum<1>(x); });
  check_cells<1>("cumsum.columns", [](auto x) { return cumsum<0>(x); });
}

TEST_CASE("cells of views and assemblies") {
  check_cells<1>("transpose", [](auto x) { return transpose(x); });
  check_cells<1>("permute", [](auto x) { return permute<1, 0>(x); });
  check_cells<1>("reshape", [](auto x) { return reshape<3, 4>(x); });
  check_cells<1>("reshape.empty", [](auto x) { return reshape<3, 0, 2>(x); });
  check_cells<1>("reshape.one", [](auto x) { return reshape<1, 1, 1>(x); });
  check_cells<1>("reshape.rows", [](auto x) { return reshape<upto<4, 'B'>, 3, 1>(x); });
  check_cells<1>("flatten", [](auto x) { return flatten(x); });
  check_cells<1>("unsqueeze", [](auto x) { return unsqueeze<1>(x); });
  check_cells<1>("broadcast_to", [](auto x) { return broadcast_to<2, 4, 3>(x); });
  check_cells<1>("broadcast_to.empty", [](auto x) { return broadcast_to<0, 3>(x); });
  check_cells<1>("broadcast_to.rows", [](auto x) { return broadcast_to<2, upto<4, 'B'>, 3>(x); });
  check_cells<1>("broadcast_to.one", [](auto x) { return broadcast_to<1, 1>(x); });
  check_cells<1>("slice", [](auto x) { return slice<1, 1>(x); });
  check_cells<1>("slice.one", [](auto x) { return slice<0, 0, 1>(x); });
  check_cells<1>("slice.nothing", [](auto x) { return slice<1, 2, 2>(x); });
  check_cells<1>("flip", [](auto x) { return flip<1>(x); });
  check_cells<1>("unfold", [](auto x) { return unfold<1, 2>(x); });
  check_cells<1>("unfold.one", [](auto x) { return unfold<0, 1>(x); });
  check_cells<2>("concatenate", [](auto x, auto y) { return concatenate<1>(x, y); });
  check_cells<2>("stack", [](auto x, auto y) { return stack<1>(x, y); });
  check_cells<1>("pad", [](auto x) { return pad<Border{1, 2}>(x); });
  check_cells<1>("pad.infinite", [](auto x) { return pad<Border{1, 0}>(x, -inf); });
  check_cells<1>("pad.cut", [](auto x) { return pad<Border{-1, 1}>(x, NAN); });
  check_cells<1>("pixel_shuffle", [](auto x) { return pixel_shuffle<2>(x); });
  check_cells<1>("pixel_shuffle.one", [](auto x) { return pixel_shuffle<1>(x); });
  check_cells<1>("pixel_unshuffle", [](auto x) { return pixel_unshuffle<2>(x); });
  check_cells<1>("pixel_unshuffle.one", [](auto x) { return pixel_unshuffle<1>(x); });
  check_cells<1>("stop_gradient", [](auto x) { return stop_gradient(x); });
}

TEST_CASE("cells of elements at indices") {
  check_cells<2>("gather", [](auto x, auto i) { return gather<1>(x, i); });
  check_cells<3>("scatter_add", [](auto x, auto i, auto u) { return scatter_add<1>(x, i, u); });
  check_cells<2>("take", [](auto x, auto i) { return take(x, i); });
  check_cells<2>("embedding", [](auto x, auto i) { return embedding(x, i); });
}

TEST_CASE("cells of products") {
  check_cells<2>("matmul", [](auto x, auto y) { return matmul(x, y); });
  check_cells<2>("matmul.vectors", [](auto x, auto y) { return matmul(x, y); });
  check_cells<2>("matmul.batches", [](auto x, auto y) { return matmul(x, y); });
  check_cells<2>("einsum", [](auto x, auto y) { return einsum<"ij,jk->ik">(x, y); });
  check_cells<2>("einsum.outer", [](auto x, auto y) { return einsum<"i,j->ij">(x, y); });
  check_cells<1>("einsum.sum", [](auto x) { return einsum<"ij->j">(x); });
}

TEST_CASE("cells of convolutions") {
  constexpr auto one = [](auto x, auto w) { return conv1d(x, w); };
  constexpr auto two = [](auto x, auto w) { return conv2d(x, w); };
  constexpr auto three = [](auto x, auto w) { return conv3d(x, w); };
  check_images<6>("conv1d", one, static_cast<Tensor<float, 2, 2, 3>*>(nullptr));
  check_images<4, 5>("conv2d", two, static_cast<Tensor<float, 2, 2, 2, 3>*>(nullptr));
  check_images<3, 4, 3>("conv3d", three, static_cast<Tensor<float, 2, 2, 2, 2, 2>*>(nullptr));
  check_typed<Sym<float, 1, 1, 1>, Sym<float, 1, 1, 1>>("conv1d.one", one);
  check_typed<Sym<float, 1, 1, 1, 1>, Sym<float, 1, 1, 1, 1>>("conv2d.one", two);
  check_typed<Sym<float, 1, 1, 1, 1, 1>, Sym<float, 1, 1, 1, 1, 1>>("conv3d.one", three);
  check_typed<Sym<float, 2, 2, 6>, Sym<float, 2, 2, 3>>("conv1d.padded", [](auto x, auto w) {
    return conv1d<Conv1dOptions{.stride = 3, .padding = 4, .dilation = 2}>(x, w);
  });
  check_typed<Sym<float, 2, 2, 6>, Sym<float, 2, 1, 3>>(
      "conv1d.groups", [](auto x, auto w) { return conv1d<Conv1dOptions{.stride = 9, .groups = 2}>(x, w); });
  check_typed<Sym<float, 2, 2, 3, 4, 3>, Sym<float, 2, 2, 2, 2, 2>>("conv3d.padded", [](auto x, auto w) {
    constexpr Conv3dOptions wide{.stride = {1, 2, 3}, .padding = {1, 0, 2}, .dilation = {2, 1, 1}};
    return conv3d<wide>(x, w);
  });
  check_typed<Sym<float, 2, 2, 4, 5>, Sym<float, 2, 2, 2, 3>>(
      "conv2d.padded", [](auto x, auto w) { return conv2d<Conv2dOptions{.stride = 2, .padding = 2}>(x, w); });
  check_typed<Sym<float, 1, 1, 12, 12>, Sym<float, 1, 1, 3, 3>>(
      "conv2d.large", [](auto x, auto w) { return conv2d<Conv2dOptions{.padding = 1}>(x, w); });
}

TEST_CASE("cells of pooling") {
  check_images<6>("max_pool1d", [](auto x) { return max_pool1d<2, Pool1dOptions{.stride = 1}>(x); });
  check_images<4, 5>("max_pool2d", [](auto x) { return max_pool2d<2, Pool2dOptions{.stride = 1}>(x); });
  check_images<3, 4, 3>("max_pool3d", [](auto x) { return max_pool3d<2, Pool3dOptions{.stride = 1}>(x); });
  check_typed<Sym<float, 1, 1, 1>>("max_pool1d.one", [](auto x) { return max_pool1d<1>(x); });
  check_typed<Sym<float, 1, 1, 1, 1>>("max_pool2d.one", [](auto x) { return max_pool2d<1>(x); });
  check_typed<Sym<float, 1, 1, 1, 1, 1>>("max_pool3d.one", [](auto x) { return max_pool3d<1>(x); });
  check_typed<Sym<float, 2, 2, 6>>(
      "max_pool1d.padded", [](auto x) { return max_pool1d<3, Pool1dOptions{.stride = 2, .padding = 1}>(x); });
  check_typed<Sym<float, 2, 2, 4, 5>>(
      "max_pool2d.padded", [](auto x) { return max_pool2d<3, Pool2dOptions{.stride = 2, .padding = 1}>(x); });
  check_typed<Sym<float, 2, 2, 3, 4, 3>>(
      "max_pool3d.padded", [](auto x) { return max_pool3d<3, Pool3dOptions{.stride = 2, .padding = 1}>(x); });
  check_typed<Sym<float, 1, 1, 24>>("max_pool1d.large",
                                    [](auto x) { return max_pool1d<11, Pool1dOptions{.stride = 6}>(x); });
  check_images<6>("avg_pool1d", [](auto x) { return avg_pool1d<2, Pool1dOptions{.stride = 1}>(x); });
  check_images<4, 5>("avg_pool2d", [](auto x) { return avg_pool2d<2, Pool2dOptions{.stride = 1}>(x); });
  check_images<3, 4, 3>("avg_pool3d", [](auto x) { return avg_pool3d<2, Pool3dOptions{.stride = 1}>(x); });
  check_typed<Sym<float, 1, 1, 1>>("avg_pool1d.one", [](auto x) { return avg_pool1d<1>(x); });
  check_typed<Sym<float, 1, 1, 1, 1>>("avg_pool2d.one", [](auto x) { return avg_pool2d<1>(x); });
  check_typed<Sym<float, 1, 1, 1, 1, 1>>("avg_pool3d.one", [](auto x) { return avg_pool3d<1>(x); });
  check_typed<Sym<float, 2, 2, 6>>("avg_pool1d.padded", [](auto x) {
    return avg_pool1d<3, Pool1dOptions{.stride = 2, .padding = 1, .count_include_pad = false}>(x);
  });
  check_typed<Sym<float, 2, 2, 3, 4, 3>>("avg_pool3d.padded", [](auto x) {
    return avg_pool3d<3, Pool3dOptions{.stride = 2, .padding = 1, .count_include_pad = false}>(x);
  });
  check_typed<Sym<float, 2, 2, 4, 5>>("avg_pool2d.padded", [](auto x) {
    return avg_pool2d<3, Pool2dOptions{.stride = 2, .padding = 1, .count_include_pad = false}>(x);
  });
  check_images<6>("adaptive_avg_pool1d", [](auto x) { return adaptive_avg_pool1d<3>(x); });
  check_images<4, 5>("adaptive_avg_pool2d", [](auto x) { return adaptive_avg_pool2d<1>(x); });
  check_typed<Sym<float, 1, 1, 1>>("adaptive_avg_pool1d.one", [](auto x) { return adaptive_avg_pool1d<1>(x); });
  check_typed<Sym<float, 1, 1, 1, 1>>("adaptive_avg_pool2d.one", [](auto x) { return adaptive_avg_pool2d<1>(x); });
  check_cells<1>("glu", [](auto x) { return glu<1>(x); });
}

namespace {
constexpr AttentionOptions composed{.composed = true};
}  // namespace

TEST_CASE("cells of attention") {
  check_cells<3>("attention", [](auto q, auto k, auto v) { return scaled_dot_product_attention(q, k, v); });
  check_cells<4>("attention.masked",
                 [](auto q, auto k, auto v, auto m) { return scaled_dot_product_attention(q, k, v, m); });
  check_cells<4>("attention.added",
                 [](auto q, auto k, auto v, auto m) { return scaled_dot_product_attention(q, k, v, m); });
  check_cells<3>("attention.composed",
                 [](auto q, auto k, auto v) { return scaled_dot_product_attention<composed>(q, k, v); });
  check_cells<4>("attention.composed.masked",
                 [](auto q, auto k, auto v, auto m) { return scaled_dot_product_attention<composed>(q, k, v, m); });
  check_cells<4>("attention.composed.added",
                 [](auto q, auto k, auto v, auto m) { return scaled_dot_product_attention<composed>(q, k, v, m); });
  check_cells<3>("multi_head", [](auto q, auto k, auto v) { return multi_head_attention<2>(q, k, v); });
}

namespace {
/// A normalisation of four features.
template <class Four> void check_normalisation(const std::string& name, bool training = true, bool empty = true) {
  check_layer<Four, Sym<float, 4, 4>>(name, "", training);
  if (empty) check_layer<Four, Sym<float, 0, 4>>(name + ".empty", "", training);
  check_layer<Four, Sym<float, upto<4, 'B'>, 4>>(name + ".bounded", "", training);
  check_layer<Four, Sym<float16, 4, 4>>(name + ".float16", "", training);
  check_layer<Four, Sym<bfloat16, 4, 4>>(name + ".bfloat16", "", training);
  check_layer<Four, Sym<std::int64_t, 4, 4>>(name + ".int64", "", training);
}
template <class Layer> void check_recurrence(const std::string& name) {
  const auto sequence = [](auto y) { return graph::Value(std::get<0>(y)); };
  check_layer<Layer, Sym<float, 3, 2, 3>>(name, sequence);
  check_layer<Layer, Sym<float, 1, 1, 3>>(name + ".step", sequence);
  check_layer<Layer, Sym<float, 3, 0, 3>>(name + ".empty", sequence);
  check_layer<Layer, Sym<float, 3, upto<2, 'B'>, 3>>(name + ".bounded", sequence);
  check_layer<Layer, Sym<float16, 3, 2, 3>>(name + ".float16", sequence);
  check_layer<Layer, Sym<std::int64_t, 3, 2, 3>>(name + ".int64", sequence);
  check_layer<Layer, Sym<float, 12, 2, 3>>(name + ".long", sequence);
}
}  // namespace

TEST_CASE("cells of normalisation") {
  check_normalisation<nn::LayerNorm<4>>("layer_norm");
  check_normalisation<nn::RMSNorm<4>>("rms_norm");
  check_normalisation<nn::GroupNorm<2, 4>>("group_norm");
  check_normalisation<nn::BatchNorm1d<4>>("batch_norm", true, false);
  check_normalisation<nn::BatchNorm1d<4>>("batch_norm.inference", false);
  check_layer<nn::LayerNorm<1>, Sym<float, 3, 1>>("layer_norm.one");
  check_layer<nn::RMSNorm<1>, Sym<float, 3, 1>>("rms_norm.one");
  check_layer<nn::BatchNorm2d<4>, Sym<float, 2, 4, 1, 2>>("batch_norm2d");
  check_layer<nn::BatchNorm2d<4>, Sym<float, upto<2, 'B'>, 4, 1, 2>>("batch_norm2d.bounded");
  check_layer<nn::BatchNorm3d<4>, Sym<float, 2, 4, 1, 1, 2>>("batch_norm3d");
  check_layer<nn::BatchNorm3d<4>, Sym<float, upto<2, 'B'>, 4, 1, 1, 2>>("batch_norm3d.bounded");
}

TEST_CASE("cells of recurrent layers") {
  check_recurrence<nn::RNN<3, 2>>("rnn");
  check_recurrence<nn::GRU<3, 2>>("gru");
  check_recurrence<nn::LSTM<3, 2>>("lstm");
}

namespace {
/// A loss of a prediction and a target, also with other types and lengths.
template <class T, class F> void check_loss(const std::string& name, F f) {
  check_typed<Sym<float, 4, 3>, Sym<float, 4, 3>>(name, f);
  check_typed<Sym<float, 1, 1>, Sym<float, 1, 1>>(name + ".one", f);
  check_typed<Sym<float, 0, 3>, Sym<float, 0, 3>>(name + ".empty", f);
  check_typed<Sym<float, upto<4, 'B'>, 3>, Sym<float, upto<4, 'B'>, 3>>(name + ".bounded", f);
  check_typed<Sym<float16, 4, 3>, Sym<float16, 4, 3>>(name + ".float16", f);
  check_typed<Sym<bfloat16, 4, 3>, Sym<bfloat16, 4, 3>>(name + ".bfloat16", f);
  check_typed<Sym<T, 4, 3>, Sym<T, 4, 3>>(name + "." + std::string(name_of(dtype_of<T>)), f);
}
template <class F> void check_label_loss(const std::string& name, F f) {
  using Labels = Sym<std::int64_t, 4>;
  check_typed<Sym<float, 4, 3>, Labels>(name, f);
  check_typed<Sym<float, 1, 1>, Sym<std::int64_t, 1>>(name + ".one", f);
  check_typed<Sym<float, 0, 3>, Sym<std::int64_t, 0>>(name + ".empty", f);
  check_typed<Sym<float, upto<4, 'B'>, 3>, Sym<std::int64_t, upto<4, 'B'>>>(name + ".bounded", f);
  check_typed<Sym<float16, 4, 3>, Labels>(name + ".float16", f);
  check_typed<Sym<bfloat16, 4, 3>, Labels>(name + ".bfloat16", f);
  check_typed<Sym<std::int64_t, 4, 3>, Labels>(name + ".int64", f);
}
}  // namespace

TEST_CASE("cells of losses") {
  using Byte = std::uint8_t;
  check_loss<Byte>("mse_loss", [](auto x, auto t) { return nn::mse_loss(x, t); });
  check_loss<Byte>("l1_loss", [](auto x, auto t) { return nn::l1_loss(x, t); });
  check_loss<Byte>("huber_loss", [](auto x, auto t) { return nn::huber_loss(x, t); });
  check_loss<Byte>("smooth_l1_loss", [](auto x, auto t) { return nn::smooth_l1_loss(x, t); });
  check_loss<bool>("kl_div", [](auto x, auto t) { return nn::kl_div(x, t); });
  check_loss<bool>("binary_cross_entropy", [](auto x, auto t) { return nn::binary_cross_entropy(x, t); });
  check_loss<bool>("binary_cross_entropy_with_logits",
                   [](auto x, auto t) { return nn::binary_cross_entropy_with_logits(x, t); });
  check_label_loss("cross_entropy", [](auto x, auto t) { return nn::cross_entropy(x, t); });
  check_label_loss("cross_entropy.smooth",
                   [](auto x, auto t) { return nn::cross_entropy(x, t, {.label_smoothing = .25}); });
  check_label_loss("nll_loss", [](auto x, auto t) { return nn::nll_loss(x, t); });
}

namespace {
/// Three steps of an optimizer for parameters of N elements, from moments of 0.
template <int N, class Optimizer> void check_steps(const std::string& name, Optimizer optimizer, const char* cases) {
  support::check_cases(
      name,
      [=](const support::Arguments& x) -> graph::Value {
        using Flat = Sym<float, N>;
        graph::Builder* const g = x[0].graph;
        Flat p(x[0]);
        std::array<Flat, std::size_t(Optimizer::moments)> moments;
        for (Flat& m : moments) m = Flat(broadcast_to<N>(graph::Value{g, g->constant(0, Dtype::float32)}));
        for (std::size_t t = 1; t < x.size(); ++t) {
          const Sym<double> step(graph::Value{g, g->constant(double(t), Dtype::float64)});
          const auto next = std::apply([&](auto... m) { return optimizer(p, Flat(x[t]), step, m...); }, moments);
          p = Flat(std::get<0>(next));
          [&]<std::size_t... I>(std::index_sequence<I...>) {
            ((moments[I] = Flat(std::get<I + 1>(next))), ...);
          }(std::make_index_sequence<std::size_t(Optimizer::moments)>{});
        }
        return p;
      },
      cases);
}
template <class Optimizer> void check_optimizer(const std::string& name, Optimizer optimizer) {
  check_steps<8>(name, optimizer, "values");
  check_steps<1>(name, optimizer, "one");
}
}  // namespace

TEST_CASE("cells of optimizers: gradients of 0, infinity and NaN, what overflows and vanishes") {
  check_optimizer("sgd", optim::SGD{.lr = .1f});
  check_optimizer("sgd.momentum", optim::SGD{.lr = .1f, .momentum = .9f, .weight_decay = .01f, .nesterov = 1});
  check_optimizer("adam", optim::Adam{.lr = .1f});
  check_optimizer("adamw", optim::AdamW{.lr = .1f, .weight_decay = .01f});
  check_optimizer("amsgrad", optim::AMSGrad{.lr = .1f});
  check_optimizer("rmsprop", optim::RMSprop{.lr = .1f, .alpha = .99f, .momentum = .5f});
  check_optimizer("adagrad", optim::Adagrad{.lr = .1f});
  check_optimizer("clip_norm", optim::clip_norm(optim::SGD{.lr = .5f}, 1.f));
  check_optimizer("clip_value", optim::clip_value(optim::SGD{.lr = .5f}, .25f));
}

namespace {
/// Two expressions that add the same nodes to a graph are one node.
bool same(const graph::Value& a, const graph::Value& b) { return a.id == b.id; }
#define CHECK_SAME(...) CHECK(same(__VA_ARGS__))
/// A layer bound to parameters.
template <class Layer> auto bound(graph::Builder& g) {
  auto net = graph::NetOf<Layer>::make();
  internals::train::bind(g, net, internals::train::whole_blocks<Layer>);
  return net;
}
}  // namespace

TEST_CASE("modules are their functions: the same nodes") {
  graph::Builder g;
  const auto x = graph::new_input<Sym<float, 4, 6>>(g);
  CHECK_SAME(nn::Identity{}(x), x);
  CHECK_SAME(nn::ReLU{}(x), relu(x));
  CHECK_SAME(nn::LeakyReLU{.negative_slope = .5f}(x), leaky_relu(x, .5f));
  CHECK_SAME(nn::ReLU6{}(x), relu6(x));
  CHECK_SAME((nn::Threshold{.at = 1, .value = 2}(x)), threshold(x, 1, 2));
  CHECK_SAME((nn::Hardtanh{.min_val = -2, .max_val = 3}(x)), hardtanh(x, -2, 3));
  CHECK_SAME(nn::Hardsigmoid{}(x), hardsigmoid(x));
  CHECK_SAME(nn::Hardswish{}(x), hardswish(x));
  CHECK_SAME(nn::Hardshrink{.lambd = .25f}(x), hardshrink(x, .25));
  CHECK_SAME(nn::Softshrink{.lambd = .25f}(x), softshrink(x, .25));
  CHECK_SAME(nn::Tanhshrink{}(x), tanhshrink(x));
  CHECK_SAME(nn::Tanh{}(x), tanh(x));
  CHECK_SAME(nn::Sigmoid{}(x), sigmoid(x));
  CHECK_SAME(nn::LogSigmoid{}(x), log_sigmoid(x));
  CHECK_SAME(nn::SiLU{}(x), silu(x));
  CHECK_SAME(nn::Mish{}(x), mish(x));
  CHECK_SAME(nn::GELU{}(x), gelu(x));
  CHECK_SAME(nn::GELUTanh{}(x), gelu(x, tanh_approximation));
  CHECK_SAME(nn::ELU{.alpha = 2}(x), elu(x, 2));
  CHECK_SAME(nn::CELU{.alpha = 2}(x), celu(x, 2));
  CHECK_SAME(nn::SELU{}(x), selu(x));
  CHECK_SAME((nn::Softplus{.beta = 2, .threshold = 3}(x)), softplus(x, 2, 3));
  CHECK_SAME(nn::Softsign{}(x), softsign(x));
  CHECK_SAME(nn::GLU<1>{}(x), glu<1>(x));
  CHECK_SAME(nn::Softmax<1>{}(x), softmax<1>(x));
  CHECK_SAME(nn::LogSoftmax<1>{}(x), log_softmax<1>(x));
  CHECK_SAME(nn::Softmin<1>{}(x), softmin<1>(x));
  CHECK_SAME(nn::Flatten{}(x), flatten(x));
  const auto slopes = bound<nn::PReLU<6>>(g);
  CHECK_SAME(slopes(x), prelu(x, slopes.weight));
  const auto dense = bound<nn::Linear<6, 3>>(g);
  CHECK_SAME(dense(x), matmul(x, transpose(dense.weight)) + dense.bias);
  const auto table = bound<nn::Embedding<5, 2>>(g);
  const auto ids = graph::new_input<Sym<int, 4>>(g);
  CHECK_SAME(table(ids), embedding(table.weight, ids));
  const auto both = bound<nn::Sequential<nn::Tanh, nn::ReLU>>(g);
  CHECK_SAME(both(x), relu(tanh(x)));
  CHECK_SAME(nn::Dropout{.p = .5f}(x), x);  // outside of training
}

TEST_CASE("losses and batch norms under two names are one") {
  graph::Builder g;
  const auto x = graph::new_input<Sym<float, 4, 3>>(g), t = graph::new_input<Sym<float, 4, 3>>(g);
  const auto labels = graph::new_input<Sym<int, 4>>(g);
  CHECK_SAME(nn::MeanSquaredError<>{}(x, t), nn::mse_loss(x, t));
  CHECK_SAME(nn::L1<>{}(x, t), nn::l1_loss(x, t));
  CHECK_SAME(nn::Huber<>{}(x, t), nn::huber_loss(x, t));
  CHECK_SAME(nn::SmoothL1<>{}(x, t), nn::smooth_l1_loss(x, t));
  CHECK_SAME(nn::BinaryCrossEntropy<>{}(x, t), nn::binary_cross_entropy(x, t));
  CHECK_SAME(nn::BinaryCrossEntropyWithLogits<>{}(x, t), nn::binary_cross_entropy_with_logits(x, t));
  CHECK_SAME(nn::KullbackLeibler<>{}(x, t), nn::kl_div(x, t));
  CHECK_SAME(nn::CrossEntropy<>{}(x, labels), nn::cross_entropy(x, labels));
  CHECK_SAME(nn::NegativeLogLikelihood<>{}(x, labels), nn::nll_loss(x, labels));
  static_assert(std::is_same_v<nn::BatchNorm1d<4>, nn::BatchNorm<4, 2, 3>>);
}

TEST_CASE("extrema of nothing: what every number exceeds, and no index") {
  graph::Builder g;
  const auto x = graph::new_input<Sym<float, 2, 0>>(g);
  const auto rows = graph::new_input<Sym<float, 2, upto<3, 'B'>>>(g);
  for (const graph::Value v : {graph::Value(amax<1>(x)), graph::Value(amax<1>(rows)), graph::Value(amin<1>(x)),
                               graph::Value(amin<1>(rows)), graph::Value(argmax<1>(x)), graph::Value(argmin<1>(x)),
                               graph::Value(argmax<1>(rows)), graph::Value(argmin<1>(rows))})
    g.outputs.push(v.id);
  std::vector<internals::reference::Array> inputs{{Dtype::float32, Sym<float, 2, 0>::shape},
                                                  {Dtype::float32, Sym<float, 2, 3>::shape}};
  for (std::ptrdiff_t i = 0; i < 6; ++i) inputs[1].set(i, NAN);
  const auto y = support::execute(g, inputs, {{'B', 0}});
  for (std::ptrdiff_t i = 0; i < 2; ++i) {
    CHECK((y[0].get(i) == -inf && y[1].get(i) == -inf && y[2].get(i) == inf && y[3].get(i) == inf));
    for (const std::size_t k : {4, 5, 6, 7}) CHECK(y[k].get(i) < 0);
  }
}

TEST_CASE("layers over images are their functions: the same nodes") {
  graph::Builder g;
  const auto line = graph::new_input<Sym<float, 2, 2, 6>>(g);
  const auto image = graph::new_input<Sym<float, 2, 2, 4, 4>>(g);
  const auto block = graph::new_input<Sym<float, 2, 2, 3, 3, 3>>(g);
  CHECK_SAME(nn::MaxPool1d<2>{}(line), max_pool1d<2>(line));
  CHECK_SAME(nn::MaxPool2d<2>{}(image), max_pool2d<2>(image));
  CHECK_SAME(nn::AvgPool1d<2>{}(line), avg_pool1d<2>(line));
  CHECK_SAME(nn::AvgPool2d<2>{}(image), avg_pool2d<2>(image));
  CHECK_SAME(nn::AdaptiveAvgPool1d<3>{}(line), adaptive_avg_pool1d<3>(line));
  CHECK_SAME(nn::AdaptiveAvgPool2d<2>{}(image), adaptive_avg_pool2d<2>(image));
  CHECK_SAME(nn::PixelUnshuffle<2>{}(image), pixel_unshuffle<2>(image));
  const auto pixels = nn::PixelUnshuffle<2>{}(image);
  CHECK_SAME(nn::PixelShuffle<2>{}(pixels), pixel_shuffle<2>(pixels));
  const auto one = bound<nn::Conv1d<2, 3, 2>>(g);
  CHECK_SAME(one(line), conv1d(line, one.weight) + reshape<3, 1>(one.bias));
  const auto two = bound<nn::Conv2d<2, 3, 2>>(g);
  CHECK_SAME(two(image), conv2d(image, two.weight) + reshape<3, 1, 1>(two.bias));
  const auto three = bound<nn::Conv3d<2, 3, 2>>(g);
  CHECK_SAME(three(block), conv3d(block, three.weight) + reshape<3, 1, 1, 1>(three.bias));
}

TEST_CASE("one step of a recurrent layer is its cell") {
  const auto check = []<class Layer, class Cell>(Layer*, Cell*) {
    graph::Builder g;
    auto layer = bound<Layer>(g);
    auto cell = graph::NetOf<Cell>::make();
    const auto x = graph::new_input<Sym<float, 1, 2, 3>>(g);
    std::vector<graph::Value> leaves;
    graph::for_each_leaf(layer, [&](auto& p) { leaves.push_back(p.symbolic(&g)); });
    std::size_t next = 0;
    graph::for_each_leaf(cell, [&](auto& p) { p.bind(leaves.at(next++)); });
    const Sym<float, 2, 3> first(reshape<2, 3>(graph::Value(x)));
    const Sym<float, 2, 2> zero(broadcast_to<2, 2>(graph::Value{&g, g.constant(0, Dtype::float32)}));
    g.outputs.push(std::get<0>(layer(x)).id);
    if constexpr (requires { cell(first, zero, zero); }) g.outputs.push(std::get<0>(cell(first, zero, zero)).id);
    else g.outputs.push(cell(first, zero).id);
    std::vector<internals::reference::Array> inputs;
    for (const int id : g.inputs) {
      inputs.emplace_back(g[id].dtype, g.shape(id));
      for (std::ptrdiff_t i = 0; i < inputs.back().shape.size(); ++i)
        inputs.back().set(i, double((i * 7 + 3) % 11) / 4 - 1);
    }
    inputs.back().set(1, inf), inputs.back().set(4, NAN);
    const auto y = support::execute(g, inputs, {});
    for (std::ptrdiff_t i = 0; i < 4; ++i) CHECK(support::distance(y[0].get(i), y[1].get(i)) < 1e-6);
  };
  check(static_cast<nn::RNN<3, 2>*>(nullptr), static_cast<nn::RNNCell<3, 2>*>(nullptr));
  check(static_cast<nn::GRU<3, 2>*>(nullptr), static_cast<nn::GRUCell<3, 2>*>(nullptr));
  check(static_cast<nn::LSTM<3, 2>*>(nullptr), static_cast<nn::LSTMCell<3, 2>*>(nullptr));
}

TEST_CASE("dropout of nothing, of one element, of bounded rows") {
  graph::Builder g;
  g.training = true;
  g.step = graph::new_input<Sym<std::int64_t>>(g).id;
  g.seed = graph::new_input<Sym<std::int64_t>>(g).id;
  const auto none = graph::new_input<Sym<float, 3, 0>>(g);
  const auto rows = graph::new_input<Sym<float, upto<4, 'B'>, 2>>(g);
  const auto y = nn::Dropout{.p = .5f}(none);
  const auto z = nn::Dropout{.p = .5f}(rows);
  g.outputs.push(y.id);
  g.outputs.push(z.id);
  g.outputs.push(internals::transform::gradient(g, sum(z).id, graph::List<int>(1, rows.id))[0]);
  std::vector<internals::reference::Array> inputs;
  for (const int id : g.inputs) inputs.emplace_back(g[id].dtype, g.shape(id));
  for (const int length : {0, 1, 4}) {
    for (std::ptrdiff_t i = 0; i < 8; ++i) inputs[3].set(i, i < 2 * length ? 3 : NAN);
    const auto found = support::execute(g, inputs, {{'B', length}});
    for (std::ptrdiff_t i = 0; i < 2 * length; ++i) {
      CHECK((found[1].get(i) == 0 || found[1].get(i) == 6));
      CHECK(found[2].get(i) == found[1].get(i) / 3);
    }
  }
}

TEST_CASE("random numbers at the ends of their ranges, none, one") {
  graph::Builder g;
  const auto seed = graph::new_input<Sym<std::int64_t>>(g), stream = graph::new_input<Sym<std::int64_t>>(g);
  for (const graph::Value v :
       {graph::Value(random::uniform<64>(seed, stream)), graph::Value(random::normal<64>(seed, stream)),
        graph::Value(random::bernoulli<64>(0, seed, stream)), graph::Value(random::bernoulli<64>(1, seed, stream)),
        graph::Value(random::uniform<0>(seed, stream)), graph::Value(random::normal<1>(seed, stream)),
        graph::Value(random::normal<3, 0>(seed, stream)), graph::Value(random::bernoulli<0>(.5, seed, stream))})
    g.outputs.push(v.id);
  std::vector<internals::reference::Array> inputs(2, {Dtype::int64, Shape{}});
  inputs[0].set(0, 9e18), inputs[1].set(0, -1);
  const auto y = support::execute(g, inputs, {});
  for (std::ptrdiff_t i = 0; i < 64; ++i) {
    CHECK((y[0].get(i) >= 0 && y[0].get(i) < 1));
    CHECK(std::abs(y[1].get(i)) < 6);  // √(2 · 25 · log 2)
    CHECK((y[2].get(i) == 0 && y[3].get(i) == 1));
  }
  CHECK(std::isfinite(y[5].get(0)));
  CHECK_THROWS_AS((void)random::bernoulli<1>(-.5, seed, stream), Error);
  CHECK_THROWS_AS((void)random::bernoulli<1>(1.5, seed, stream), Error);
}
