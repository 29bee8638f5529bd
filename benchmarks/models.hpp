// The networks of the scoreboard as plain structs. Members have the names of their counterparts in torchvision and in
// peer_values.py, so that PyTorch's state dicts load unchanged.
#pragma once
#include <sinter/sinter.hpp>

#include <array>
#include <type_traits>

namespace nets {

using namespace sinter;

/// 784-256-128-10.
using Mlp = nn::Sequential<nn::Linear<784, 256>, nn::ReLU, nn::Linear<256, 128>, nn::ReLU, nn::Linear<128, 10>>;

/// Images [B, 1, 28, 28] → [B, 10].
using LeNet = nn::Sequential<nn::Conv2d<1, 16, 5, Conv2dOptions{.padding = 2}>, nn::ReLU, nn::MaxPool2d<2>,
                             nn::Conv2d<16, 32, 5, Conv2dOptions{.padding = 2}>, nn::ReLU, nn::MaxPool2d<2>,
                             nn::Flatten, nn::Linear<1568, 128>, nn::ReLU, nn::Linear<128, 10>>;

/// Two convolutions with a shortcut, which is a convolution if the shape changes (He et al., 2015, figure 2).
template <int In, int Out, int Stride> struct BasicBlock {
  static constexpr bool same_shape = In == Out && Stride == 1;
  nn::Conv2d<In, Out, 3, Conv2dOptions{.stride = Stride, .padding = 1, .bias = false}> conv1;
  nn::BatchNorm2d<Out> bn1;
  nn::Conv2d<Out, Out, 3, Conv2dOptions{.padding = 1, .bias = false}> conv2;
  nn::BatchNorm2d<Out> bn2;
  std::conditional_t<
      same_shape, nn::Identity,
      nn::Sequential<nn::Conv2d<In, Out, 1, Conv2dOptions{.stride = Stride, .bias = false}>, nn::BatchNorm2d<Out>>>
      downsample;

  constexpr auto operator()(auto x) const { return relu(bn2(conv2(relu(bn1(conv1(x))))) + downsample(x)); }
};
template <int In, int Out, int Stride> using Stage =
    nn::Sequential<BasicBlock<In, Out, Stride>, BasicBlock<Out, Out, 1>>;

/// ResNet-18 of images [B, 3, H, W]. PyTorch: torchvision.models.resnet18. `Small` is the usual variant for CIFAR's
/// 32 × 32 pixels: a stem of 3 × 3 without stride and without a pool.
template <int Classes, bool Small = false> struct ResNet18 {
  nn::Conv2d<3, 64, Small ? 3 : 7, Conv2dOptions{.stride = Small ? 1 : 2, .padding = Small ? 1 : 3, .bias = false}>
      conv1;
  nn::BatchNorm2d<64> bn1;
  Stage<64, 64, 1> layer1;
  Stage<64, 128, 2> layer2;
  Stage<128, 256, 2> layer3;
  Stage<256, 512, 2> layer4;
  nn::Linear<512, Classes> fc;

  constexpr auto operator()(auto image) const {
    const auto x = stem(relu(bn1(conv1(image))));
    return fc(mean<2, 3>(layer4(layer3(layer2(layer1(x))))));
  }

 private:
  static constexpr auto stem(auto x) {
    if constexpr (Small) return x;
    else return max_pool2d<3, Pool2dOptions{.stride = 2, .padding = 1}>(x);
  }
};

/// A convolution without a bias, batch normalisation and ReLU6.
template <int In, int Out, int Kernel, int Stride = 1, int Groups = 1> using ConvBnReLU6 =
    nn::Sequential<nn::Conv2d<In, Out, Kernel,
                              Conv2dOptions{.stride = Stride, .padding = Kernel / 2, .groups = Groups, .bias = false}>,
                   nn::BatchNorm2d<Out>, nn::ReLU6>;
/// A block of MobileNetV2 (Sandler et al., 2018): a pointwise expansion, a depthwise convolution, a pointwise
/// projection.
template <int In, int Out, int Stride, int Expansion> struct InvertedResidual {
  static constexpr int hidden = In * Expansion;
  using Depthwise = ConvBnReLU6<hidden, hidden, 3, Stride, hidden>;
  using Narrow = nn::Conv2d<hidden, Out, 1, Conv2dOptions{.bias = false}>;
  std::conditional_t<Expansion == 1, nn::Sequential<Depthwise, Narrow, nn::BatchNorm2d<Out>>,
                     nn::Sequential<ConvBnReLU6<In, hidden, 1>, Depthwise, Narrow, nn::BatchNorm2d<Out>>>
      conv;

  constexpr auto operator()(auto x) const {
    if constexpr (In == Out && Stride == 1) return x + conv(x);
    else return conv(x);
  }
};
/// Images [B, 3, H, W]. PyTorch: torchvision.models.mobilenet_v2.
template <int Classes> struct MobileNetV2 {
  template <int In, int Out, int Stride, int Expansion = 6> using Block = InvertedResidual<In, Out, Stride, Expansion>;
  nn::Sequential<ConvBnReLU6<3, 32, 3, 2>, Block<32, 16, 1, 1>, Block<16, 24, 2>, Block<24, 24, 1>, Block<24, 32, 2>,
                 Block<32, 32, 1>, Block<32, 32, 1>, Block<32, 64, 2>, Block<64, 64, 1>, Block<64, 64, 1>,
                 Block<64, 64, 1>, Block<64, 96, 1>, Block<96, 96, 1>, Block<96, 96, 1>, Block<96, 160, 2>,
                 Block<160, 160, 1>, Block<160, 160, 1>, Block<160, 320, 1>, ConvBnReLU6<320, 1280, 1>>
      features;
  nn::Sequential<nn::Dropout, nn::Linear<1280, Classes>> classifier;

  constexpr auto operator()(auto image) const { return classifier(mean<2, 3>(features(image))); }
};

/// Attention of queries, keys and values that are concatenated: [B, T, 3 · D] → [B, T, D].
template <int Heads, bool Causal = false, TypedSymbol X> constexpr auto attention(const X& qkv) {
  constexpr int D = X::shape[2] / 3;
  return multi_head_attention<Heads, AttentionOptions{.is_causal = Causal}>(
      slice<-1, 0, D>(qkv), slice<-1, D, 2 * D>(qkv), slice<-1, 2 * D, 3 * D>(qkv));
}

/// A block of BERT: attention and a network of two layers, each with a residual connection and normalised after it.
template <int D, int Heads, int Hidden> struct Encoder {
  nn::Linear<D, 3 * D> qkv;
  nn::Linear<D, D> out;
  nn::LayerNorm<D> norm1;
  nn::Linear<D, Hidden> up;
  nn::Linear<Hidden, D> down;
  nn::LayerNorm<D> norm2;

  constexpr auto operator()(auto x) const {
    const auto h = norm1(x + out(attention<Heads>(qkv(x))));
    return norm2(h + down(gelu(up(h))));
  }
};

/// With the sizes of all-MiniLM-L6: ids [B, T] → the mean embedding of each sequence [B, 384].
struct MiniLM {
  nn::Embedding<30522, 384> embedding;
  Param<float, 512, 384> positions{nn::init::normal(0, .02)};
  nn::LayerNorm<384> norm;
  std::array<Encoder<384, 12, 1536>, 6> layers;

  constexpr auto operator()(auto ids) const {
    auto h = norm(embedding(ids) + slice<0, 0, decltype(ids)::shape[1]>(positions));
    for (const auto& layer : layers) h = layer(h);
    return mean<1>(h);
  }
};

/// A block of GPT-2: the same parts with pre-norm and causal attention.
template <int D, int Heads> struct Decoder {
  nn::LayerNorm<D> ln_1;
  nn::Linear<D, 3 * D> attn;
  nn::Linear<D, D> proj;
  nn::LayerNorm<D> ln_2;
  nn::Linear<D, 4 * D> up;
  nn::Linear<4 * D, D> down;

  constexpr auto operator()(auto x) const {
    const auto h = x + proj(attention<Heads, true>(attn(ln_1(x))));
    return h + down(gelu(up(ln_2(h)), tanh_approximation));
  }
};
/// Ids [B, T] → logits [B · T, Vocabulary] of the next token.
template <int Vocabulary, int T, int D, int Heads, int Layers> struct Gpt {
  nn::Embedding<Vocabulary, D> wte;
  Param<float, T, D> wpe{nn::init::normal(0, .02)};
  std::array<Decoder<D, Heads>, Layers> h;
  nn::LayerNorm<D> ln_f;

  constexpr auto operator()(auto ids) const {
    auto x = wte(ids) + wpe;
    for (const auto& block : h) x = block(x);
    return matmul(reshape<-1, D>(ln_f(x)), transpose(wte.weight));
  }
};

}  // namespace nets
