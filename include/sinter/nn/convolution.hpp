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

template <int D> constexpr int taps(const Spatial<D>& kernel) {
  int n = 1;
  for (int i = 0; i < D; ++i) n *= kernel[i];
  return n;
}
template <int D, int Out, int Channels, Spatial<D> Kernel, class = std::make_index_sequence<std::size_t(D)>>
struct FiltersOf;
template <int D, int Out, int Channels, Spatial<D> Kernel, std::size_t... Axis>
struct FiltersOf<D, Out, Channels, Kernel, std::index_sequence<Axis...>> {
  using type = Param<float, Out, Channels, Kernel[int(Axis)]...>;
};
template <int D, int Out, int Channels, Spatial<D> Kernel> using Filters =
    typename FiltersOf<D, Out, Channels, Kernel>::type;

}  // namespace convolution_detail

/// Learned filters over D spatial axes: images [N, In, …] → [N, Out, windows…]. Parameters weight [Out, In / groups,
/// Kernel…] and, unless `NoBias`, bias [Out].
template <int D, int In, int Out, Spatial<D> Kernel, ConvOptions<D> Options> struct Convolution {
  static_assert(D < 3 || Options.groups == 1, "groups of Conv3d must be 1");
  static constexpr int channels = convolution_detail::channels<In, Out, Options>();  ///< that a filter reads
  static constexpr Initializer start = nn::init::fan_in_uniform(channels * convolution_detail::taps<D>(Kernel));
  convolution_detail::Filters<D, Out, channels, Kernel> weight{start};
  ParamIf<Options.bias, float, Out> bias{start};

  constexpr auto operator()(const Operand auto& x) const {
    if constexpr (D == 1) return convolution_detail::add_bias<Out, D>(conv1d<Options>(x, weight), bias);
    else if constexpr (D == 2) return convolution_detail::add_bias<Out, D>(conv2d<Options>(x, weight), bias);
    else return convolution_detail::add_bias<Out, D>(conv3d<Options>(x, weight), bias);
  }
};

namespace convolution_detail {
template <int In, int Out, Spatial<1> Kernel, Conv1dOptions First, auto... More> struct Conv1dOf {
  using type = Convolution<1, In, Out, Kernel, ops::options<Conv1dOptions, First, More...>>;
};
template <int In, int Out, Spatial<2> Kernel, Conv2dOptions First, auto... More> struct Conv2dOf {
  using type = Convolution<2, In, Out, Kernel, ops::options<Conv2dOptions, First, More...>>;
};
template <int In, int Out, Spatial<3> Kernel, Conv3dOptions First, auto... More> struct Conv3dOf {
  using type = Convolution<3, In, Out, Kernel, ops::options<Conv3dOptions, First, More...>>;
};
}  // namespace convolution_detail

/// Over sequences [N, In, L] → [N, Out, windows]: `nn::Conv1d<16, 32, 5, Padding<2>>`.
template <int In, int Out, Spatial<1> Kernel, Conv1dOptions First = Conv1dOptions{}, auto... More> using Conv1d =
    typename convolution_detail::Conv1dOf<In, Out, Kernel, First, More...>::type;
/// Over images [N, In, H, W] → [N, Out, windows…]: `nn::Conv2d<3, 64, 7, Stride<2>, Padding<3>, NoBias>`.
template <int In, int Out, Spatial<2> Kernel, Conv2dOptions First = Conv2dOptions{}, auto... More> using Conv2d =
    typename convolution_detail::Conv2dOf<In, Out, Kernel, First, More...>::type;
/// Over volumes [N, In, D, H, W]; groups are 1.
template <int In, int Out, Spatial<3> Kernel, Conv3dOptions First = Conv3dOptions{}, auto... More> using Conv3d =
    typename convolution_detail::Conv3dOf<In, Out, Kernel, First, More...>::type;

}  // namespace sinter::nn
