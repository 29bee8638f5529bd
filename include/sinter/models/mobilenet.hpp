// MobileNetV2 (Sandler et al., 2018). Members have the names of their counterparts in torchvision, so that its state
// dicts load unchanged.
#pragma once
#include "../tensor/optimised_begin.hpp"
#include <type_traits>

#include "../nn/activation.hpp"
#include "../nn/convolution.hpp"
#include "../nn/dropout.hpp"
#include "../nn/linear.hpp"
#include "../nn/normalization.hpp"
#include "../nn/sequential.hpp"

namespace sinter::inline SINTER_ABI::models {

/// A convolution without a bias, batch normalisation and ReLU6.
template <int In, int Out, int Kernel, int Step = 1, int Parts = 1> using ConvBnReLU6 =
    nn::Sequential<nn::Conv2d<In, Out, Kernel, Stride<Step>, Padding<Kernel / 2>, Groups<Parts>, NoBias>,
                   nn::BatchNorm2d<Out>, nn::ReLU6>;
/// A block of MobileNetV2 (Sandler et al., 2018): a pointwise expansion, a depthwise convolution, a pointwise
/// projection.
template <int In, int Out, int Step, int Expansion> struct InvertedResidual {
  static constexpr int hidden = In * Expansion;
  using Depthwise = ConvBnReLU6<hidden, hidden, 3, Step, hidden>;
  using Narrow = nn::Conv2d<hidden, Out, 1, NoBias>;
  std::conditional_t<Expansion == 1, nn::Sequential<Depthwise, Narrow, nn::BatchNorm2d<Out>>,
                     nn::Sequential<ConvBnReLU6<In, hidden, 1>, Depthwise, Narrow, nn::BatchNorm2d<Out>>>
      conv;

  constexpr auto operator()(auto x) const {
    if constexpr (In == Out && Step == 1) return x + conv(x);
    else return conv(x);
  }
};
/// Images [B, 3, H, W]. PyTorch: torchvision.models.mobilenet_v2.
template <int Classes> struct MobileNetV2 {
  template <int In, int Out, int Step, int Expansion = 6> using Block = InvertedResidual<In, Out, Step, Expansion>;
  nn::Sequential<ConvBnReLU6<3, 32, 3, 2>, Block<32, 16, 1, 1>, Block<16, 24, 2>, Block<24, 24, 1>, Block<24, 32, 2>,
                 Block<32, 32, 1>, Block<32, 32, 1>, Block<32, 64, 2>, Block<64, 64, 1>, Block<64, 64, 1>,
                 Block<64, 64, 1>, Block<64, 96, 1>, Block<96, 96, 1>, Block<96, 96, 1>, Block<96, 160, 2>,
                 Block<160, 160, 1>, Block<160, 160, 1>, Block<160, 320, 1>, ConvBnReLU6<320, 1280, 1>>
      features;
  nn::Sequential<nn::Dropout, nn::Linear<1280, Classes>> classifier;

  constexpr auto operator()(auto image) const { return classifier(mean<2, 3>(features(image))); }
};

}  // namespace sinter::models

#include "../tensor/optimised_end.hpp"
