// Spatial axes: the options of a convolution, and its geometry, where windows lie in an image.
#pragma once
#include "apply.hpp"
#include "options.hpp"

namespace sinter::inline SINTER_ABI {

/// One number for each spatial axis: `3`, `{3, 5}`.
template <int D> struct Spatial {
  std::array<int, std::size_t(D)> at{};
  constexpr Spatial(int all) {
    for (int& n : at) n = all;
  }
  template <class... N>
  requires(int(sizeof...(N)) + 2 == D) constexpr Spatial(int first, int second, N... more)
      : at{first, second, int(more)...} {}
  constexpr Spatial(const std::array<int, std::size_t(D)>& each)
      : at(each) {}  // how nvcc writes one that is a template argument
  constexpr int operator[](int i) const { return at[std::size_t(i)]; }
  constexpr bool operator==(const Spatial&) const = default;
};

/// The options of a convolution, with PyTorch's names and defaults.
template <int D> struct ConvOptions {
  Spatial<D> stride = 1, padding = 0, dilation = 1;
  int groups = 1;
  bool bias = true;  ///< of the layer

  constexpr bool are_sound() const {
    for (int i = 0; i < D; ++i)
      if (stride[i] < 1 || dilation[i] < 1 || padding[i] < 0) return false;
    return groups >= 1;
  }
};
/// The options of `conv1d` and `nn::Conv1d`.
using Conv1dOptions = ConvOptions<1>;
/// The options of `conv2d` and `nn::Conv2d`: `Conv2dOptions{.stride = 2, .padding = 1}`.
using Conv2dOptions = ConvOptions<2>;
/// The options of `conv3d` and `nn::Conv3d`.
using Conv3dOptions = ConvOptions<3>;

// Undefined on purpose: the name is the error. Their number would not follow from the axis's length alone.
template <class Image> struct windows_along_a_bounded_axis_need_a_padding_below_their_span;

namespace ops {

constexpr bool have_lengths(const internals::Array<int, 3>& symbols) {
  return symbols[0] >= 0 && symbols[1] >= 0 && symbols[2] >= 0;
}
/// The symbolic dimension of the windows along an axis that has this one: they are ⌊(length + room − 1) / stride⌋ + 1,
/// where padding and span of a window leave that room; −1 where no dimension has this length.
constexpr int symbol_of_windows(int symbol, int room, int stride) {
  if (symbol == 0) return 0;
  const auto d = tensor_detail::Dimension::of(symbol).then(room - 1 + stride, stride);
  return d.name != 0 ? d.number() : -1;
}

/// Padding may differ at the two ends.
struct Geometry {
  int axes = 0, groups = 1;
  internals::Array<int, 3> stride{1, 1, 1}, before{}, after{}, dilation{1, 1, 1};
  int lead = 0;  ///< further axes before those of image, weight and sums, of vmaps
  /// Of gradients: the spatial extents of what is computed, which strides leave open.
  internals::Array<int, 3> extent{};
  int sums = -1;  ///< the dtype of a convolution's sums; −1: that of its operands

  static constexpr int numbers = 19;
  constexpr internals::Array<std::int64_t, numbers> attributes() const {
    internals::Array<std::int64_t, numbers> a{axes, groups, lead};
    for (int i = 0; i < 3; ++i)
      a[3 + i] = stride[i], a[6 + i] = before[i], a[9 + i] = after[i], a[12 + i] = dilation[i], a[15 + i] = extent[i];
    a[18] = sums;
    return a;
  }
  static constexpr Geometry of(const std::int64_t* a) {
    Geometry g{int(a[0]), int(a[1])};
    g.lead = int(a[2]);
    for (int i = 0; i < 3; ++i) {
      g.stride[i] = int(a[3 + i]);
      g.before[i] = int(a[6 + i]);
      g.after[i] = int(a[9 + i]);
      g.dilation[i] = int(a[12 + i]);
      g.extent[i] = int(a[15 + i]);
    }
    g.sums = int(a[18]);
    return g;
  }
  static constexpr Geometry of(const Site& s) { return of(s.graph->attributes(s.id)); }
  template <int D> static constexpr Geometry of(const ConvOptions<D>& o) {
    Geometry g{D, o.groups};
    for (int i = 0; i < D; ++i)
      g.stride[i] = o.stride[i], g.before[i] = g.after[i] = o.padding[i], g.dilation[i] = o.dilation[i];
    return g;
  }
  /// The number of windows along spatial axis i, which has this length; 0 if the kernel does not fit.
  constexpr int windows(int i, int length, int kernel) const {
    const int room = length + before[i] + after[i] - (dilation[i] * (kernel - 1) + 1);
    return room < 0 ? 0 : room / stride[i] + 1;
  }
  /// The symbolic dimensions of the windows along the spatial axes of an image, −1 where one has none.
  constexpr internals::Array<int, 3> symbols_of_windows(const Shape& image, const Shape& weight) const {
    internals::Array<int, 3> symbols{};
    for (int i = 0, k = lead + 2; i < axes; ++i, ++k)
      symbols[i] = symbol_of_windows(image.symbol(k), before[i] + after[i] - dilation[i] * (weight[k] - 1), stride[i]);
    return symbols;
  }
};

}  // namespace ops

/// The extent of windows of `Size` elements along an axis of this one, bounded if it is: the result of
/// `conv1d<Options>` of a bounded sequence is `Tensor<float, 8, 16, windows_of<upto<64, 'T'>, 3, Options>>`. Its length
/// follows from that of 'T', and is 'T' itself where windows are as many as elements.
template <auto Extent, int Size, Conv1dOptions Options = Conv1dOptions{}> inline constexpr auto windows_of = [] {
  constexpr int windows = ops::Geometry::of(Options).windows(0, capacity_of(Extent), Size),
                room = 2 * Options.padding[0] - Options.dilation[0] * (Size - 1),
                symbol = ops::symbol_of_windows(length_of(Extent), room, Options.stride[0]);
  static_assert(symbol >= 0, "windows along a bounded axis need a padding below their span");
  if constexpr (symbol == 0) return windows;
  else return tensor_detail::upto_of(windows, symbol);
}();

}  // namespace sinter
