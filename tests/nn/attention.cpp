// nn/: attention layers and transformer blocks against PyTorch.
#include <doctest/doctest.h>

#include "../support/reference_case.hpp"

using namespace sinter;
using namespace sinter::internals;
using support::check_module;

namespace {
template <auto... E> using F = Tensor<float, E...>;
}  // namespace

TEST_CASE("multi-head attention, with a batch and without") {
  check_module<nn::MultiheadAttention<6, 2>, F<2, 5, 6>>("multihead", false);
  check_module<nn::MultiheadAttention<6, 3, AttentionOptions{.is_causal = true}>, F<5, 6>>("multihead_causal", false);
}

TEST_CASE("encoder layers, normalised last and first") {
  check_module<nn::TransformerEncoderLayer<6, 2, 10>, F<2, 4, 6>>("encoder_layer", false);
  check_module<nn::TransformerEncoderLayer<6, 3, 8,
                                           nn::TransformerOptions{.activation = nn::TransformerActivation::gelu,
                                                                  .layer_norm_eps = 1e-3,
                                                                  .norm_first = true}>,
               F<2, 4, 6>>("encoder_layer_first", false);
}

TEST_CASE("names of an encoder's parameters are PyTorch's") {
  using Net = nn::TransformerEncoder<nn::TransformerEncoderLayer<6, 2, 10>, 2>;
  std::vector<std::string> names;
  Net net;
  graph::for_each_named_leaf(net, [&](const std::string& name, const auto&) { names.push_back(name); });
  REQUIRE(names.size() == 24);
  CHECK(names[0] == "layers.0.self_attn.in_proj_weight");
  CHECK(names[3] == "layers.0.self_attn.out_proj.bias");
  CHECK(names[12] == "layers.1.self_attn.in_proj_weight");
  CHECK(names[23] == "layers.1.norm2.bias");
}

TEST_CASE("attention to other keys, and a mask of padded keys, agree with self-attention") {
  Model<nn::MultiheadAttention<8, 2>> net(Seed{3});
  const F<2, 4, 8> x = random::normal<2, 4, 8>(Seed{1}, 0);
  const F<2, 6, 8> keys = random::normal<2, 6, 8>(Seed{1}, 1);
  Tensor<bool, 2, 1, 1, 6> there;
  for (int i = 0; i < 6; ++i) there(0, 0, 0, i) = true, there(1, 0, 0, i) = i < 4;
  const F<2, 4, 8> all = net->operator()(x, keys, keys, there);
  F<1, 4, 8> second, alone;
  F<1, 4, 8> few;
  for (int t = 0; t < 4; ++t)
    for (int e = 0; e < 8; ++e) second(0, t, e) = x(1, t, e), few(0, t, e) = keys(1, t, e);
  alone = net->operator()(second, few, few);
  for (int t = 0; t < 4; ++t)
    for (int e = 0; e < 8; ++e) CHECK(all(1, t, e) == doctest::Approx(alone(0, t, e)).epsilon(1e-5));
  const F<2, 4, 8> self = (*net)(x), cross = (*net)(x, x, x);
  for (int i = 0; i < self.size(); ++i) CHECK(self.data()[i] == doctest::Approx(cross.data()[i]).epsilon(1e-5));
}

TEST_CASE("queries, keys and values are views of one tensor, and no copy of them is made") {
  struct Trace {
    graph::Builder operator()() const {
      graph::Builder g;
      auto net = graph::NetOf<nn::MultiheadAttention<8, 2>>::make();
      train::bind(g, net, train::whole_blocks<nn::MultiheadAttention<8, 2>>);
      g.outputs.push(net(graph::new_input<Sym<float, 2, 4, 8>>(g)).id);
      return g;
    }
  };
  CHECK(compile::compile(Trace{}(), 0, cpu::target).run.steps == 3);  // one projection, attention, the other projection
}

TEST_CASE("an encoder of bounded length does for every length what one of that length does") {
  using Net = nn::TransformerEncoder<
      nn::TransformerEncoderLayer<8, 2, 16, nn::TransformerOptions{.norm_first = true, .is_causal = true}>, 2>;
  Model<Net> net(Seed{4});
  auto bounded = inference<Tensor<float, upto<2, 'B'>, upto<9, 'T'>, 8>>(net);
  auto fixed = inference<F<2, 5, 8>>(net);
  const F<2, 5, 8> x = random::normal<2, 5, 8>(Seed{5}, 0);
  Tensor<float, upto<2, 'B'>, upto<9, 'T'>, 8> y;
  y.set_length<'B'>(2);
  y.set_length<'T'>(5);
  for (int b = 0; b < 2; ++b)
    for (int t = 0; t < 5; ++t)
      for (int e = 0; e < 8; ++e) y(b, t, e) = x(b, t, e);
  const auto& found = bounded(y);
  const auto& expected = fixed(x);
  for (int b = 0; b < 2; ++b)
    for (int t = 0; t < 5; ++t)
      for (int e = 0; e < 8; ++e) CHECK(found(b, t, e) == doctest::Approx(expected(b, t, e)).epsilon(1e-5));
}

TEST_CASE("a block learns") {
  using Block =
      nn::Sequential<nn::TransformerEncoderLayer<8, 2, 16,
                                                 nn::TransformerOptions{.dropout = 0,
                                                                        .attention_dropout = 0.1,
                                                                        .activation = nn::TransformerActivation::gelu}>,
                     nn::Flatten, nn::Linear<32, 3>>;
  Model<Block> net(Seed{6});
  auto step = training<F<6, 4, 8>, Tensor<int, 6>>(net, nn::cross_entropy, optim::Adam{.lr = 1e-2f});
  const F<6, 4, 8> x = random::normal<6, 4, 8>(Seed{7}, 0);
  Tensor<int, 6> label;
  for (int i = 0; i < 6; ++i) label(i) = i % 3;
  const float first = step(x, label).loss;
  float last = first;
  for (int i = 0; i < 60; ++i) last = step(x, label).loss;
  CHECK(last < 0.2f * first);
}
