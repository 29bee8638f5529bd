// The type of a symbol matches its node: every function on operands of every element type. If they differ, a program
// misreads its results.
#include <doctest/doctest.h>
#include <sinter/sinter.hpp>

using namespace sinter;
using namespace sinter::internals;

namespace {

template <class Y> void check_node(const std::string& function, const Y& y) {
  CAPTURE(function);
  const graph::Value node = y;
  CHECK(node.dtype() == Y::dtype);
  CHECK(node.extents() == Y::shape);
}
#define CHECK_TYPE(...) check_node(#__VA_ARGS__, __VA_ARGS__)

template <class T> void check_elementwise() {
  graph::Builder g;
  const auto x = graph::new_input<Sym<T, 4, 6>>(g);
  CHECK_TYPE(-x);
  CHECK_TYPE(x + 1);
  CHECK_TYPE(x * 0.5);
  CHECK_TYPE(x / 2);
  CHECK_TYPE(remainder(x, 2));
  CHECK_TYPE(xlogy(x, 2));
  CHECK_TYPE(abs(x));
  CHECK_TYPE(sign(x));
  CHECK_TYPE(floor(x));
  CHECK_TYPE(clamp(x, 0, 1));
  CHECK_TYPE(maximum(x, 1));
  CHECK_TYPE(pow(x, 2));
  CHECK_TYPE(pow(x, 0.5));
  CHECK_TYPE(square(x));
  CHECK_TYPE(exp(x));
  CHECK_TYPE(log1p(x));
  CHECK_TYPE(sqrt(x));
  CHECK_TYPE(rsqrt(x));
  CHECK_TYPE(erf(x));
  CHECK_TYPE(tanh(x));
  CHECK_TYPE(sin(x));
  CHECK_TYPE(atan(x));
  CHECK_TYPE(relu(x));
  CHECK_TYPE(leaky_relu(x));
  CHECK_TYPE(prelu(x, x));
  CHECK_TYPE(hardtanh(x));
  CHECK_TYPE(relu6(x));
  CHECK_TYPE(hardsigmoid(x));
  CHECK_TYPE(hardswish(x));
  CHECK_TYPE(softshrink(x));
  CHECK_TYPE(hardshrink(x));
  CHECK_TYPE(threshold(x, 1, 2));
  CHECK_TYPE(sigmoid(x));
  CHECK_TYPE(log_sigmoid(x));
  CHECK_TYPE(silu(x));
  CHECK_TYPE(softplus(x));
  CHECK_TYPE(mish(x));
  CHECK_TYPE(softsign(x));
  CHECK_TYPE(tanhshrink(x));
  CHECK_TYPE(elu(x));
  CHECK_TYPE(celu(x));
  CHECK_TYPE(selu(x));
  CHECK_TYPE(gelu(x));
  CHECK_TYPE(gelu(x, tanh_approximation));
  CHECK_TYPE(select(x > 0, x, 0));
  CHECK_TYPE(logical_and(x, x));
  CHECK_TYPE(isnan(x));
}

template <class T> void check_rows() {
  graph::Builder g;
  const auto x = graph::new_input<Sym<T, 4, 6>>(g);
  CHECK_TYPE(sum<1>(x));
  CHECK_TYPE(prod<1>(x));
  CHECK_TYPE(mean<1>(x));
  CHECK_TYPE(amax<1>(x));
  CHECK_TYPE(amin<1>(x, keepdims));
  CHECK_TYPE(argmax<1>(x));
  CHECK_TYPE(any<1>(x));
  CHECK_TYPE(all(x));
  CHECK_TYPE(var<1>(x));
  CHECK_TYPE(std_dev(x));
  CHECK_TYPE(norm<0>(x, keepdims));
  CHECK_TYPE(softmax(x));
  CHECK_TYPE(log_softmax<0>(x));
  CHECK_TYPE(softmin(x));
  CHECK_TYPE(logsumexp<1>(x));
  CHECK_TYPE(cumsum<1>(x));
  CHECK_TYPE(glu(x));
  CHECK_TYPE(flip<1>(x));
  CHECK_TYPE(pad<Border{1, 1}>(x));
  CHECK_TYPE(concatenate<0>(x, x));
  CHECK_TYPE(matmul(x, transpose(x)));
  CHECK_TYPE(einsum<"ij,kj->ik">(x, x));
}

template <class T> void check_images() {
  graph::Builder g;
  const auto image = graph::new_input<Sym<T, 1, 2, 4, 4>>(g);
  const auto weight = graph::new_input<Sym<T, 3, 2, 2, 2>>(g);
  const auto q = graph::new_input<Sym<T, 2, 3, 4>>(g);
  CHECK_TYPE(conv2d(image, weight));
  CHECK_TYPE(max_pool2d<2>(image));
  CHECK_TYPE(avg_pool2d<2>(image));
  CHECK_TYPE(avg_pool2d<3, Pool2dOptions{.padding = 1, .count_include_pad = false}>(image));
  CHECK_TYPE(adaptive_avg_pool2d<1>(image));
  CHECK_TYPE(scaled_dot_product_attention(q, q, q));
}

template <class T> void check_losses() {
  graph::Builder g;
  const auto x = graph::new_input<Sym<T, 4, 6>>(g), y = graph::new_input<Sym<T, 4, 6>>(g);
  const auto labels = graph::new_input<Sym<std::int64_t, 4>>(g);
  const auto bytes = graph::new_input<Sym<std::uint8_t, 4>>(g);
  CHECK_TYPE(nn::cross_entropy(x, labels));
  CHECK_TYPE(nn::cross_entropy(x, bytes, {.label_smoothing = .1}));
  CHECK_TYPE(nn::CrossEntropy<nn::Reduction::none>{}(x, labels));
  CHECK_TYPE(nn::nll_loss(x, labels));
  CHECK_TYPE(nn::mse_loss(x, y));
  CHECK_TYPE(nn::L1<nn::Reduction::sum>{}(x, y));
  CHECK_TYPE(nn::huber_loss(x, y));
  CHECK_TYPE(nn::smooth_l1_loss(x, y));
  CHECK_TYPE(nn::binary_cross_entropy_with_logits(x, y));
  CHECK_TYPE(nn::binary_cross_entropy(x, y));
  CHECK_TYPE(nn::kl_div(x, y));
}

/// A layer's results, in a training step and outside of one.
template <class Layer, class S> void check_layer(const char* name) {
  for (const bool training : {false, true}) {
    graph::Builder g;
    auto net = graph::NetOf<Layer>::make();
    train::bind(g, net, train::whole_blocks<Layer>);
    const S x = graph::new_input<S>(g);
    g.training = training;
    g.step = graph::new_input<Sym<std::int64_t>>(g).id;
    g.seed = graph::new_input<Sym<std::int64_t>>(g).id;
    const auto y = net(x);
    if constexpr (Symbolic<std::remove_const_t<decltype(y)>>) check_node(name, y);
    else std::apply([&](const auto&... each) { (check_node(name, each), ...); }, y);
  }
}
template <class T> void check_layers() {
  check_layer<nn::Linear<6, 2>, Sym<T, 4, 6>>("Linear");
  check_layer<nn::BatchNorm1d<6>, Sym<T, 4, 6>>("BatchNorm1d");
  check_layer<nn::LayerNorm<6>, Sym<T, 4, 6>>("LayerNorm");
  check_layer<nn::RMSNorm<6>, Sym<T, 4, 6>>("RMSNorm");
  check_layer<nn::GroupNorm<2, 6>, Sym<T, 4, 6>>("GroupNorm");
  check_layer<nn::PReLU<6>, Sym<T, 4, 6>>("PReLU");
  check_layer<nn::Conv2d<2, 3, 2>, Sym<T, 1, 2, 4, 4>>("Conv2d");
  check_layer<nn::MultiheadAttention<4, 2>, Sym<T, 2, 3, 4>>("MultiheadAttention");
  check_layer<nn::LSTM<2, 3>, Sym<T, 4, 1, 2>>("LSTM");
  check_layer<nn::GRU<2, 3, RecurrentOptions{.batch_first = true, .bidirectional = true, .unroll = 1}>,
              Sym<T, 2, 4, 2>>("GRU");
  if constexpr (is_floating(dtype_of<T>)) check_layer<nn::Dropout, Sym<T, 4, 6>>("Dropout");
}

template <class T> void check_all() {
  check_elementwise<T>();
  check_rows<T>();
  check_images<T>();
  check_losses<T>();
  check_layers<T>();
}

}  // namespace

TEST_CASE("symbols and nodes of floating types agree") {
  check_all<float16>();
  check_all<bfloat16>();
  check_all<double>();
}

TEST_CASE("symbols and nodes of bools and integers agree") {
  check_all<std::uint8_t>();
  check_all<std::int64_t>();
  check_elementwise<bool>();
  check_rows<bool>();
  check_elementwise<std::int16_t>();
  check_rows<std::int16_t>();
  check_elementwise<std::uint64_t>();
  check_rows<std::uint64_t>();
}
