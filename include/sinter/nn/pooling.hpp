// Pooling layers over images [N, C, H, W].
#pragma once
#include "../ops/ops.hpp"

namespace sinter::inline SINTER_ABI::nn {

/// `nn::MaxPool2d<2>`, `nn::MaxPool2d<3, Pool2dOptions{.stride = 2, .padding = 1}>`. PyTorch: torch.nn.MaxPool2d.
template <Spatial<2> Size, Pool2dOptions Options = Pool2dOptions{}> struct MaxPool2d {
  constexpr auto operator()(const Operand auto& x) const { return max_pool2d<Size, Options>(x); }
};
/// PyTorch: torch.nn.AvgPool2d.
template <Spatial<2> Size, Pool2dOptions Options = Pool2dOptions{}> struct AvgPool2d {
  constexpr auto operator()(const Operand auto& x) const { return avg_pool2d<Size, Options>(x); }
};
/// Means of Out equal parts along each axis; Out must divide the image. PyTorch: torch.nn.AdaptiveAvgPool2d.
template <Spatial<2> Out> struct AdaptiveAvgPool2d {
  constexpr auto operator()(const Operand auto& x) const { return adaptive_avg_pool2d<Out>(x); }
};
/// The same over sequences [N, C, L]. PyTorch: torch.nn.MaxPool1d, AvgPool1d, AdaptiveAvgPool1d.
template <Spatial<1> Size, Pool1dOptions Options = Pool1dOptions{}> struct MaxPool1d {
  constexpr auto operator()(const Operand auto& x) const { return max_pool1d<Size, Options>(x); }
};
template <Spatial<1> Size, Pool1dOptions Options = Pool1dOptions{}> struct AvgPool1d {
  constexpr auto operator()(const Operand auto& x) const { return avg_pool1d<Size, Options>(x); }
};
template <Spatial<1> Out> struct AdaptiveAvgPool1d {
  constexpr auto operator()(const Operand auto& x) const { return adaptive_avg_pool1d<Out>(x); }
};

}  // namespace sinter::nn
