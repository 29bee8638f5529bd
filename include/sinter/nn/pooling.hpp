// Pooling layers over images [N, C, H, W].
#pragma once
#include "../ops/ops.hpp"

namespace sinter::inline SINTER_ABI::nn {

/// Maxima of windows over D spatial axes: images [N, C, …] → [N, C, windows…].
template <int D, Spatial<D> Size, PoolOptions<D> Options> struct MaxPool {
  constexpr auto operator()(const Operand auto& x) const {
    if constexpr (D == 1) return max_pool1d<Size, Options>(x);
    else return max_pool2d<Size, Options>(x);
  }
};
/// Means of windows over D spatial axes: images [N, C, …] → [N, C, windows…].
template <int D, Spatial<D> Size, PoolOptions<D> Options> struct AvgPool {
  constexpr auto operator()(const Operand auto& x) const {
    if constexpr (D == 1) return avg_pool1d<Size, Options>(x);
    else return avg_pool2d<Size, Options>(x);
  }
};

namespace pooling_detail {
template <Spatial<1> Size, Pool1dOptions First, auto... More> struct Pool1dOf {
  using Max = MaxPool<1, Size, ops::options<Pool1dOptions, First, More...>>;
  using Avg = AvgPool<1, Size, ops::options<Pool1dOptions, First, More...>>;
};
template <Spatial<2> Size, Pool2dOptions First, auto... More> struct Pool2dOf {
  using Max = MaxPool<2, Size, ops::options<Pool2dOptions, First, More...>>;
  using Avg = AvgPool<2, Size, ops::options<Pool2dOptions, First, More...>>;
};
}  // namespace pooling_detail

/// `nn::MaxPool2d<2>`, `nn::MaxPool2d<3, Stride<2>, Padding<1>>`. PyTorch: torch.nn.MaxPool2d.
template <Spatial<2> Size, Pool2dOptions First = Pool2dOptions{}, auto... More> using MaxPool2d =
    typename pooling_detail::Pool2dOf<Size, First, More...>::Max;
/// Means of windows of images [N, C, H, W]: `nn::AvgPool2d<2>`. PyTorch: torch.nn.AvgPool2d.
template <Spatial<2> Size, Pool2dOptions First = Pool2dOptions{}, auto... More> using AvgPool2d =
    typename pooling_detail::Pool2dOf<Size, First, More...>::Avg;
/// Means of Out equal parts along each axis; Out must divide the image. PyTorch: torch.nn.AdaptiveAvgPool2d.
template <Spatial<2> Out> struct AdaptiveAvgPool2d {
  constexpr auto operator()(const Operand auto& x) const { return adaptive_avg_pool2d<Out>(x); }
};
/// Over sequences [N, C, L] → [N, C, windows]. PyTorch: torch.nn.MaxPool1d.
template <Spatial<1> Size, Pool1dOptions First = Pool1dOptions{}, auto... More> using MaxPool1d =
    typename pooling_detail::Pool1dOf<Size, First, More...>::Max;
/// Over sequences [N, C, L] → [N, C, windows]. PyTorch: torch.nn.AvgPool1d.
template <Spatial<1> Size, Pool1dOptions First = Pool1dOptions{}, auto... More> using AvgPool1d =
    typename pooling_detail::Pool1dOf<Size, First, More...>::Avg;
/// Means of Out equal parts of sequences [N, C, L] → [N, C, Out]; Out must divide L. PyTorch:
/// torch.nn.AdaptiveAvgPool1d.
template <Spatial<1> Out> struct AdaptiveAvgPool1d {
  constexpr auto operator()(const Operand auto& x) const { return adaptive_avg_pool1d<Out>(x); }
};

}  // namespace sinter::nn
