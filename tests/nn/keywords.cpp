// Options as keywords: the types and results of their structs.
#include <doctest/doctest.h>
#include <sinter/sinter.hpp>

#include <type_traits>

using namespace sinter;

namespace {

template <class A, class B> constexpr bool same = std::is_same_v<A, B>;

// any order, one type
using Stem = nn::Conv2d<3, 64, 7, Conv2dOptions{.stride = 2, .padding = 3, .bias = false}>;
static_assert(same<Stem, nn::Conv2d<3, 64, 7, Stride<2>, Padding<3>, NoBias>>);
static_assert(same<Stem, nn::Conv2d<3, 64, 7, NoBias, Padding<3>, Stride<2>>>);
// a struct, and keywords after it
static_assert(same<Stem, nn::Conv2d<3, 64, 7, Conv2dOptions{.stride = 2, .padding = 3}, NoBias>>);
// one number for each axis
static_assert(same<nn::Conv2d<3, 8, Spatial<2>{3, 5}, Padding<1, 2>, Dilation<1, 1>, Groups<1>>,
                   nn::Conv2d<3, 8, Spatial<2>{3, 5}, Conv2dOptions{.padding = {1, 2}}>>);
static_assert(same<nn::Conv3d<3, 8, 3, Stride<1, 2, 3>>, nn::Conv3d<3, 8, 3, Conv3dOptions{.stride = {1, 2, 3}}>>);
static_assert(same<nn::Conv1d<4, 8, 3, Groups<2>>, nn::Conv1d<4, 8, 3, Conv1dOptions{.groups = 2}>>);
// flags of conditions
static_assert(same<nn::Conv2d<3, 64, 7, NoBias(false)>, nn::Conv2d<3, 64, 7>>);
static_assert(same<nn::Linear<3, 4, NoBias(false)>, nn::Linear<3, 4>>);
static_assert(same<nn::AvgPool2d<3, Stride<2>, CountIncludePad(false)>,
                   nn::AvgPool2d<3, Pool2dOptions{.stride = 2, .count_include_pad = false}>>);
static_assert(same<nn::MaxPool1d<3, Stride<2>, Padding<1>>,
                   nn::MaxPool1d<3, Pool1dOptions{.stride = 2, .padding = 1}>>);
static_assert(same<nn::LSTM<8, 16, BatchFirst, NumLayers<2>>,
                   nn::LSTM<8, 16, RecurrentOptions{.num_layers = 2, .batch_first = true}>>);
static_assert(same<nn::GRU<8, 16, Bidirectional, Unroll<4>, NoBias>,
                   nn::GRU<8, 16, RecurrentOptions{.bias = false, .bidirectional = true, .unroll = 4}>>);
static_assert(same<nn::RNN<2, 3, NoBias, Nonlinearity::relu>,
                   nn::RNN<2, 3, RecurrentOptions{.bias = false}, Nonlinearity::relu>>);
static_assert(same<nn::TransformerEncoderLayer<8, 2, 16, IsCausal, NormFirst, DropoutP(.25),
                                               nn::TransformerActivation::gelu>,
                   nn::TransformerEncoderLayer<8, 2, 16,
                                               nn::TransformerOptions{.dropout = .25,
                                                                      .activation = nn::TransformerActivation::gelu,
                                                                      .norm_first = true,
                                                                      .is_causal = true}>>);
static_assert(same<nn::LSTMCell<2, 3, NoBias>, nn::LSTMCell<2, 3, false>>);
static_assert(nn::MultiheadAttention<8, 2, DropoutP(.5), IsCausal>::options ==
              AttentionOptions{.is_causal = true, .dropout_p = .5});

// of a template's parameters
template <int Step, bool Bias> struct Block {
  nn::Conv2d<1, 2, 3, Stride<Step>, NoBias(!Bias)> conv;
  nn::MaxPool2d<3, Stride<Step>> pool;
  nn::GRU<2, 3, NumLayers<Step>> gru;
  nn::TransformerEncoderLayer<8, 2, 16, NormFirst(Bias)> layer;
};
static_assert(same<decltype(Block<2, true>::conv), nn::Conv2d<1, 2, 3, Conv2dOptions{.stride = 2}>>);

struct Net {
  nn::Conv2d<1, 4, 3, Stride<2>, Padding<1>> conv;
  nn::Linear<4, 2, NoBias> fc;
  constexpr auto operator()(auto x) const { return fc(mean<-1, -2>(conv(x))); }
};

}  // namespace

TEST_CASE("functions take keywords as their structs") {
  const Tensor<float, 1, 2, 5, 5> image = random::normal<1, 2, 5, 5>(Seed{1}, 0);
  const Tensor<float, 2, 1, 3, 3> filters = random::normal<2, 1, 3, 3>(Seed{2}, 0);
  const Tensor<float, 1, 2, 3, 3> y = conv2d<Stride<2>, Groups<2>, Padding<1>>(image, filters);
  const Tensor<float, 1, 2, 3, 3> z = conv2d<Conv2dOptions{.stride = 2, .padding = 1, .groups = 2}>(image, filters);
  CHECK(allclose(y, z, 0, 0));
  const Tensor<double, 1, 2, 3, 3> wide = conv2d<double, Stride<2>, Groups<2>, Padding<1>>(image, filters);
  CHECK(wide(0, 1, 0, 0) == doctest::Approx(double(y(0, 1, 0, 0))));
  const Tensor<float, 1, 2, 3, 3> pooled = max_pool2d<3, Stride<2>, Padding<1>>(image);
  CHECK(allclose(pooled, max_pool2d<3, Pool2dOptions{.stride = 2, .padding = 1}>(image), 0, 0));
  const Tensor<float, 1, 2, 3, 4> q = random::normal<1, 2, 3, 4>(Seed{3}, 0);
  const Tensor<float, 1, 2, 3, 4> attended = scaled_dot_product_attention<IsCausal>(q, q, q);
  for (int head = 0; head < 2; ++head)  // the first query sees the first value alone
    for (int i = 0; i < 4; ++i) CHECK(attended(0, head, 0, i) == doctest::Approx(q(0, head, 0, i)));
}

TEST_CASE("layers without a bias have no parameter of that name") {
  const Model<Net> net(Seed{1});
  CHECK(net.state_dict().size() == 3);  // conv.weight, conv.bias, fc.weight
  Tensor<float, 1, 1, 4, 4> x;
  x.fill(0);
  const Tensor<float, 1, 2> y = net(x);  // fc of the bias of conv
  float expected = 0;
  for (int i = 0; i < 4; ++i) expected += net->fc.weight(1, i) * net->conv.bias(i);
  CHECK(y(0, 1) == doctest::Approx(expected));
}
