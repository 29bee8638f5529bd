// Spatial axes: the options of a convolution, and its geometry, where windows lie in an image.
#pragma once
#include "apply.hpp"

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
using Conv1dOptions = ConvOptions<1>;
using Conv2dOptions = ConvOptions<2>;
using Conv3dOptions = ConvOptions<3>;

namespace ops {

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
};

}  // namespace ops
}  // namespace sinter
