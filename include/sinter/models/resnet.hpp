// Residual networks (He et al., 2015). Members have the names of their counterparts in torchvision, so that its state
// dicts load unchanged.
#pragma once
#include "../tensor/optimised_begin.hpp"
#include <type_traits>

#include "../nn/activation.hpp"
#include "../nn/convolution.hpp"
#include "../nn/linear.hpp"
#include "../nn/normalization.hpp"
#include "../nn/pooling.hpp"
#include "../nn/sequential.hpp"

namespace sinter::inline SINTER_ABI::models {

/// Two convolutions with a shortcut, which is a convolution if the shape changes (He et al., 2015, figure 2).
template <int In, int Out, int Step> struct BasicBlock {
  static constexpr bool same_shape = In == Out && Step == 1;
  nn::Conv2d<In, Out, 3, Stride<Step>, Padding<1>, NoBias> conv1;
  nn::BatchNorm2d<Out> bn1;
  nn::Conv2d<Out, Out, 3, Padding<1>, NoBias> conv2;
  nn::BatchNorm2d<Out> bn2;
  std::conditional_t<same_shape, nn::Identity,
                     nn::Sequential<nn::Conv2d<In, Out, 1, Stride<Step>, NoBias>, nn::BatchNorm2d<Out>>>
      downsample;

  constexpr auto operator()(auto x) const { return relu(bn2(conv2(relu(bn1(conv1(x))))) + downsample(x)); }
};
/// Two basic blocks, the first with stride `Step`: [B, In, H, W] → [B, Out, H / Step, W / Step]. torchvision: layer1 to
/// layer4.
template <int In, int Out, int Step> using Stage =
    nn::Sequential<BasicBlock<In, Out, Step>, BasicBlock<Out, Out, 1>>;

/// ResNet-18 of images [B, 3, H, W]. PyTorch: torchvision.models.resnet18. `Small` is the usual variant for CIFAR's
/// 32 × 32 pixels: a stem of 3 × 3 without stride and without a pool.
template <int Classes, bool Small = false> struct ResNet18 {
  nn::Conv2d<3, 64, Small ? 3 : 7, Stride<Small ? 1 : 2>, Padding<Small ? 1 : 3>, NoBias> conv1;
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
    else return max_pool2d<3, Stride<2>, Padding<1>>(x);
  }
};

}  // namespace sinter::models

#include "../tensor/optimised_end.hpp"
