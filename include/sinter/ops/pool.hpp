// Pooling: reductions of sliding windows.
#pragma once
#include "bounds.hpp"
#include "composed.hpp"
#include "extrema.hpp"
#include "pooling/primitive.hpp"

namespace sinter::inline SINTER_ABI {

/// The options of pooling, with PyTorch's names and defaults: windows do not overlap unless a stride is given.
template <int D> struct PoolOptions {
  Spatial<D> stride = 0, padding = 0, dilation = 1;  ///< a stride of 0 is the size of the window
  bool count_include_pad = true;                     ///< of averages: borders count as zeros
};
/// The options of pools over sequences.
using Pool1dOptions = PoolOptions<1>;
/// The options of pools over images: `Pool2dOptions{.stride = 2, .padding = 1}`.
using Pool2dOptions = PoolOptions<2>;
/// The options of pools over volumes.
using Pool3dOptions = PoolOptions<3>;

// Undefined on purpose: the names are the errors.
template <class Image> struct pooling_needs_an_image_of_batch_channels_and_spatial_axes;
template <class Image> struct pooling_window_is_larger_than_the_padded_image;
template <class Image> struct pooling_padding_must_be_at_most_half_the_window;
template <class Image> struct adaptive_pooling_of_a_bounded_axis_needs_an_output_extent_of_1;

namespace ops {

enum class Pooling : unsigned char { maximum, mean };
template <int D> constexpr bool at_least(const Spatial<D>& each, int n) {
  for (int i = 0; i < D; ++i)
    if (each[i] < n) return false;
  return true;
}

template <int D, Pooling How, Spatial<D> Size, PoolOptions<D> Options> struct Pool {
  static_assert(at_least<D>(Size, 1) && at_least<D>(Options.dilation, 1) && at_least<D>(Options.stride, 0) &&
                    at_least<D>(Options.padding, 0),
                "pooling needs windows and a dilation of 1 or more, and a stride and a padding of 0 or more");
  static constexpr PoolGeometry geometry = [] {
    PoolGeometry g{.axes = D};
    for (int i = 0; i < D; ++i) {
      g.size[i] = Size[i];
      g.stride[i] = Options.stride[i] > 0 ? Options.stride[i] : Size[i];
      g.padding[i] = Options.padding[i];
      g.dilation[i] = Options.dilation[i];
    }
    g.counts_padding = How == Pooling::maximum || Options.count_include_pad;
    return g;
  }();

  template <class X> constexpr auto operator()(X image) const {
    if constexpr (is_sym_v<X>) {
      if constexpr (X::shape.rank != 2 + D) return pooling_needs_an_image_of_batch_channels_and_spatial_axes<X>{};
      else if constexpr (!padding_fits()) return pooling_padding_must_be_at_most_half_the_window<X>{};
      else if constexpr (Pooled<X>::type.shape.size() == 0 && X::shape.size() > 0)
        return pooling_window_is_larger_than_the_padded_image<X>{};
      else if constexpr (!have_lengths(geometry.symbols_of_windows(X::shape)))
        return windows_along_a_bounded_axis_need_a_padding_below_their_span<X>{};
      else return graph::SymOf<Pooled<X>>(nodes(image));
    } else {
      return nodes(image);
    }
  }

 private:
  static constexpr bool padding_fits() {
    for (int i = 0; i < D; ++i)
      if (2 * Options.padding[i] > Size[i]) return false;
    return true;
  }
  template <class X> struct Pooled {
    static constexpr Type type{X::dtype, geometry.pooled(X::shape)};
  };
  static constexpr Value nodes(Value image) {
    const Shape from = image.extents();
    const auto symbols = geometry.symbols_of_windows(from);
    if constexpr (How == Pooling::maximum) {
      const Value whole = filled_after_lengths(image, 2, -infinity<double>);
      return cut_to_windows(MaxPool::apply({whole}, geometry), from, 2, symbols);
    } else {
      const Value whole = filled_after_lengths(image, 2), inside = within_lengths(image.graph, from, 2);
      if (geometry.counts_padding || !inside.exists())
        return cut_to_windows(MeanPool::apply({whole}, geometry), from, 2, symbols);
      // of each window the mean with zeros around the image, over the share of it that is inside
      PoolGeometry zeros = geometry;
      zeros.counts_padding = true;
      Shape one = from;
      for (int i = 0; i < from.rank; ++i) one.set(i, i < 2 ? 1 : from[i]);
      const Value all = graph::broadcast_to(graph::cast_to(inside, image.dtype()), one);
      return cut_to_windows(MeanPool::apply({whole}, zeros), from, 2, symbols) /
             cut_to_windows(MeanPool::apply({all}, zeros), from, 2, symbols);
    }
  }
};

/// Mean over all spatial axes, kept with extent 1, if Out is 1; otherwise over equal parts of them.
template <int D, Spatial<D> Out> struct AdaptiveMean {
  static_assert(at_least<D>(Out, 1), "adaptive pooling needs an output extent of 1 or more");
  template <class X> constexpr auto operator()(X image) const {
    if constexpr (X::shape.rank != 2 + D) {
      return pooling_needs_an_image_of_batch_channels_and_spatial_axes<X>{};
    } else if constexpr (constexpr int axis = bounded(X::shape); axis >= 0) {
      if constexpr (Out[axis] != 1) return adaptive_pooling_of_a_bounded_axis_needs_an_output_extent_of_1<X>{};
      else return (*this)(Mean<true, 2 + axis>{}(image));
    } else {
      constexpr Spatial<D> size = [] {
        Spatial<D> s = 1;
        for (int i = 0; i < D; ++i) s.at[std::size_t(i)] = X::shape[2 + i] / (Out[i] > 0 ? Out[i] : 1);
        return s;
      }();
      constexpr bool even = [] {
        for (int i = 0; i < D; ++i)
          if (Out[i] < 1 || X::shape[2 + i] % Out[i] != 0) return false;
        return true;
      }();
      static_assert(even, "adaptive pooling needs an output extent that divides the image's");
      return Pool<D, Pooling::mean, size, PoolOptions<D>{}>{}(image);
    }
  }

 private:
  static constexpr int bounded(const Shape& s) {
    for (int i = 0; i < D; ++i)
      if (s.symbol(2 + i) != 0) return i;
    return -1;
  }
};

}  // namespace ops

/// The largest element of each window; the gradient goes to the first of equal ones. Padding, and what lies after the
/// length of a bounded axis, is never the maximum; the length of the result follows from that one (windows_of).
/// `max_pool2d<2>(x)`, `max_pool2d<3, Stride<2>, Padding<1>>(x)`. PyTorch:
/// torch.nn.functional.max_pool1d, 2d, 3d.
template <Spatial<1> Size, Pool1dOptions First = Pool1dOptions{}, auto... More, Operand X>
constexpr auto max_pool1d(X&& image) {
  return call<ops::FoldedWide<ops::Pool<1, ops::Pooling::maximum, Size, ops::options<Pool1dOptions, First, More...>>>>(
      std::forward<X>(image));
}
/// The largest element of each window of images [N, C, H, W]. PyTorch: torch.nn.functional.max_pool2d.
template <Spatial<2> Size, Pool2dOptions First = Pool2dOptions{}, auto... More, Operand X>
constexpr auto max_pool2d(X&& image) {
  return call<ops::FoldedWide<ops::Pool<2, ops::Pooling::maximum, Size, ops::options<Pool2dOptions, First, More...>>>>(
      std::forward<X>(image));
}
/// The largest element of each window of volumes [N, C, D, H, W]. PyTorch: torch.nn.functional.max_pool3d.
template <Spatial<3> Size, Pool3dOptions First = Pool3dOptions{}, auto... More, Operand X>
constexpr auto max_pool3d(X&& image) {
  return call<ops::FoldedWide<ops::Pool<3, ops::Pooling::maximum, Size, ops::options<Pool3dOptions, First, More...>>>>(
      std::forward<X>(image));
}

/// The mean of each window; what lies after the length of a bounded axis counts as padding does. PyTorch:
/// torch.nn.functional.avg_pool1d, 2d, 3d.
template <Spatial<1> Size, Pool1dOptions First = Pool1dOptions{}, auto... More, Operand X>
constexpr auto avg_pool1d(X&& image) {
  return call<ops::Composed<ops::Pool<1, ops::Pooling::mean, Size, ops::options<Pool1dOptions, First, More...>>>>(
      std::forward<X>(image));
}
/// The mean of each window of images [N, C, H, W]. PyTorch: torch.nn.functional.avg_pool2d.
template <Spatial<2> Size, Pool2dOptions First = Pool2dOptions{}, auto... More, Operand X>
constexpr auto avg_pool2d(X&& image) {
  return call<ops::Composed<ops::Pool<2, ops::Pooling::mean, Size, ops::options<Pool2dOptions, First, More...>>>>(
      std::forward<X>(image));
}
/// The mean of each window of volumes [N, C, D, H, W]. PyTorch: torch.nn.functional.avg_pool3d.
template <Spatial<3> Size, Pool3dOptions First = Pool3dOptions{}, auto... More, Operand X>
constexpr auto avg_pool3d(X&& image) {
  return call<ops::Composed<ops::Pool<3, ops::Pooling::mean, Size, ops::options<Pool3dOptions, First, More...>>>>(
      std::forward<X>(image));
}

/// Means of equal parts, Out of them along each axis; Out must divide the image. Of a bounded axis Out is 1, and the
/// mean is over its length. PyTorch:
/// torch.nn.functional.adaptive_avg_pool2d.
template <Spatial<1> Out, Operand X> constexpr auto adaptive_avg_pool1d(X&& image) {
  return call<ops::Composed<ops::AdaptiveMean<1, Out>>>(std::forward<X>(image));
}
/// Means of equal parts of images [N, C, H, W] → [N, C, Out…]. PyTorch: torch.nn.functional.adaptive_avg_pool2d.
template <Spatial<2> Out, Operand X> constexpr auto adaptive_avg_pool2d(X&& image) {
  return call<ops::Composed<ops::AdaptiveMean<2, Out>>>(std::forward<X>(image));
}

}  // namespace sinter
