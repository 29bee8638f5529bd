// Convolution over one, two or three spatial axes.
#pragma once
#include "bounds.hpp"
#include "cast.hpp"
#include "contract.hpp"
#include "convolution/primitive.hpp"

namespace sinter::inline SINTER_ABI {

// Undefined on purpose: the names are the errors.
template <class Image, class Weight> struct convolution_needs_an_image_of_batch_channels_and_spatial_axes;
template <class Image, class Weight> struct convolution_channels_of_image_and_weight_differ;
template <class Image, class Weight> struct convolution_kernel_is_larger_than_the_padded_image;
template <class Image, class Weight> struct convolution_needs_fixed_channels_and_weights;
template <class Image, class Weight, class Sums> struct convolution_cannot_sum_these_dtypes_in_the_one_named;

namespace ops {

template <int D, ConvOptions<D> Options, class Sums = PromotedSums> struct Convolve {
  static_assert(Options.are_sound(),
                "a convolution needs a stride, a dilation and groups of 1 or more, and a padding of 0 or more");
  static constexpr Geometry geometry = Geometry::of(Options);

  template <class X, class W> constexpr auto operator()(X image, W weight) const {
    if constexpr (is_sym_v<X> && is_sym_v<W>) {
      if constexpr (X::shape.rank != 2 + D || W::shape.rank != 2 + D)
        return convolution_needs_an_image_of_batch_channels_and_spatial_axes<X, W>{};
      else if constexpr (X::shape.symbol(1) != 0 || W::shape.bounded())
        return convolution_needs_fixed_channels_and_weights<X, W>{};
      else if constexpr (X::shape[1] != W::shape[1] * Options.groups || W::shape[0] % Options.groups != 0)
        return convolution_channels_of_image_and_weight_differ<X, W>{};
      else if constexpr (!Sums::holds(promote(X::dtype, W::dtype)))
        return convolution_cannot_sum_these_dtypes_in_the_one_named<X, W, Sums>{};
      else if constexpr (Result<X, W>::type.shape.size() == 0 && X::shape.size() > 0)
        return convolution_kernel_is_larger_than_the_padded_image<X, W>{};
      else if constexpr (!have_lengths(geometry.symbols_of_windows(X::shape, W::shape)))
        return windows_along_a_bounded_axis_need_a_padding_below_their_span<X>{};
      else return graph::SymOf<Result<X, W>>(nodes(image, weight));
    } else {
      return nodes(image, weight);
    }
  }

 private:
  template <class X, class W> struct Result {
    static constexpr Type type = [] {
      Shape to;
      to.push(X::shape[0], X::shape.symbol(0));
      to.push(W::shape[0]);
      for (int i = 0; i < D; ++i)
        to.push(geometry.windows(i, X::shape[2 + i], W::shape[2 + i]),
                geometry.symbols_of_windows(X::shape, W::shape)[i]);
      return Type{Sums::result(promote(X::dtype, W::dtype)), to};
    }();
  };
  static constexpr Value nodes(Value image, Value weight) {
    const Dtype d = promote(image.dtype(), weight.dtype());
    if (!Sums::holds(d)) graph::operands_do_not_fit(graph::primitive<Contract>, {});
    const Shape from = image.extents();
    image = filled_after_lengths(graph::cast_to(image, d), 2);  // as padding is
    const Value y = convolve(image, graph::cast_to(weight, d), geometry, Sums::sums(d));
    const auto symbols = geometry.symbols_of_windows(from, weight.extents());
    return graph::cast_to(cut_to_windows(y, from, 2, symbols), Sums::result(d));
  }
};

}  // namespace ops

/// Cross-correlation of images [N, C, L] with weights [O, C / groups, K] → [N, O, windows]. Along a bounded axis, here
/// and below, the result is that of the image cut to its length, and its length follows from it (windows_of, 0 where no
/// window fits). PyTorch: torch.nn.functional.conv1d.
template <Conv1dOptions First = Conv1dOptions{}, auto... More, class X, class W> requires Operands<X, W>
constexpr auto conv1d(X&& image, W&& weight) {
  return call<ops::Convolve<1, ops::options<Conv1dOptions, First, More...>>>(std::forward<X>(image),
                                                                             std::forward<W>(weight));
}
/// The same of [N, C, H, W] with [O, C / groups, KH, KW]: `conv2d<Stride<2>, Padding<1>>(image, weight)`. PyTorch:
/// torch.nn.functional.conv2d.
template <Conv2dOptions First = Conv2dOptions{}, auto... More, class X, class W> requires Operands<X, W>
constexpr auto conv2d(X&& image, W&& weight) {
  return call<ops::Convolve<2, ops::options<Conv2dOptions, First, More...>>>(std::forward<X>(image),
                                                                             std::forward<W>(weight));
}
/// The same of [N, C, D, H, W] with [O, C, KD, KH, KW]; groups are 1. PyTorch: torch.nn.functional.conv3d.
template <Conv3dOptions First = Conv3dOptions{}, auto... More, class X, class W>
requires(Operands<X, W>&& ops::options<Conv3dOptions, First, More...>.groups == 1)
constexpr auto conv3d(X&& image, W&& weight) {
  return call<ops::Convolve<3, ops::options<Conv3dOptions, First, More...>>>(std::forward<X>(image),
                                                                             std::forward<W>(weight));
}

/// The same, summed in a type that holds the operands', which is the result's: `conv2d<std::int64_t>(image, weight)`,
/// as `matmul`. Sums of narrow integers are int32 otherwise, those of 16-bit floats are made in float32 and rounded.
template <Element Sums, Conv1dOptions First = Conv1dOptions{}, auto... More, class X, class W> requires Operands<X, W>
constexpr auto conv1d(X&& image, W&& weight) {
  return call<ops::Convolve<1, ops::options<Conv1dOptions, First, More...>, ops::SumsIn<dtype_of<Sums>>>>(
      std::forward<X>(image), std::forward<W>(weight));
}
template <Element Sums, Conv2dOptions First = Conv2dOptions{}, auto... More, class X, class W> requires Operands<X, W>
constexpr auto conv2d(X&& image, W&& weight) {
  return call<ops::Convolve<2, ops::options<Conv2dOptions, First, More...>, ops::SumsIn<dtype_of<Sums>>>>(
      std::forward<X>(image), std::forward<W>(weight));
}
template <Element Sums, Conv3dOptions First = Conv3dOptions{}, auto... More, class X, class W>
requires(Operands<X, W>&& ops::options<Conv3dOptions, First, More...>.groups == 1)
constexpr auto conv3d(X&& image, W&& weight) {
  return call<ops::Convolve<3, ops::options<Conv3dOptions, First, More...>, ops::SumsIn<dtype_of<Sums>>>>(
      std::forward<X>(image), std::forward<W>(weight));
}

}  // namespace sinter
