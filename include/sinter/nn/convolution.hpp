// Convolution layers, named and initialised as in PyTorch: torch.nn.Conv1d, Conv2d, Conv3d.
#pragma once
#include "../ops/ops.hpp"
#include "init.hpp"

namespace sinter::inline SINTER_ABI::nn {

namespace convolution_detail {

/// The channels that a filter reads.
template <int In, int Out, auto Options> consteval int channels() {
  static_assert(Options.are_sound(),
                "a convolution needs a stride, a dilation and groups of 1 or more, and a padding of 0 or more");
  constexpr int groups = Options.groups > 0 ? Options.groups : 1;
  static_assert(In % groups == 0 && Out % groups == 0, "groups must divide the channels of input and output");
  return In / groups;
}

/// y + bias along axis 1, or y where there is no bias.
template <int Channels, int Axes, class Y, class B> constexpr auto add_bias(const Y& y, const B& bias) {
  if constexpr (std::is_same_v<B, NoParam>) return y;
  else if constexpr (Axes == 1) return y + reshape<Channels, 1>(bias);
  else if constexpr (Axes == 2) return y + reshape<Channels, 1, 1>(bias);
  else return y + reshape<Channels, 1, 1, 1>(bias);
}

}  // namespace convolution_detail

/// Learned filters over sequences [N, In, L] → [N, Out, windows]. Parameters weight [Out, In / groups, Kernel] and,
/// unless `.bias = false`, bias [Out].
template <int In, int Out, Spatial<1> Kernel, Conv1dOptions Options = Conv1dOptions{}> struct Conv1d {
  static constexpr int channels = convolution_detail::channels<In, Out, Options>();  ///< that a filter reads
  static constexpr Initializer start = nn::init::fan_in_uniform(channels * Kernel[0]);
  Param<float, Out, channels, Kernel[0]> weight{start};
  ParamIf<Options.bias, float, Out> bias{start};

  constexpr auto operator()(const Operand auto& x) const {
    return convolution_detail::add_bias<Out, 1>(conv1d<Options>(x, weight), bias);
  }
};

/// Learned filters over images [N, In, H, W] → [N, Out, windows…]: `nn::Conv2d<3, 64, 7, Conv2dOptions{.stride = 2,
/// .padding = 3}>`. Parameters weight [Out, In / groups, KH, KW] and, unless `.bias = false`, bias [Out].
template <int In, int Out, Spatial<2> Kernel, Conv2dOptions Options = Conv2dOptions{}> struct Conv2d {
  static constexpr int channels = convolution_detail::channels<In, Out, Options>();  ///< that a filter reads
  static constexpr Initializer start = nn::init::fan_in_uniform(channels * Kernel[0] * Kernel[1]);
  Param<float, Out, channels, Kernel[0], Kernel[1]> weight{start};
  ParamIf<Options.bias, float, Out> bias{start};

  constexpr auto operator()(const Operand auto& x) const {
    return convolution_detail::add_bias<Out, 2>(conv2d<Options>(x, weight), bias);
  }
};

/// The same over volumes [N, In, D, H, W]; groups are 1.
template <int In, int Out, Spatial<3> Kernel, Conv3dOptions Options = Conv3dOptions{}> struct Conv3d {
  static_assert(Options.groups == 1, "groups of Conv3d must be 1");
  static constexpr Initializer start = nn::init::fan_in_uniform(In * Kernel[0] * Kernel[1] * Kernel[2]);
  Param<float, Out, In, Kernel[0], Kernel[1], Kernel[2]> weight{start};
  ParamIf<Options.bias, float, Out> bias{start};

  constexpr auto operator()(const Operand auto& x) const {
    return convolution_detail::add_bias<Out, 3>(conv3d<Options>(x, weight), bias);
  }
};

}  // namespace sinter::nn
