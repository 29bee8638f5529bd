// Which contractions are convolutions with square windows and stride 1 whose channels are innermost, [N, H, W, C], or
// the gradients of their weights.
#pragma once
#include "panels.hpp"

namespace sinter::cpu {

/// Strides in elements. Rows of the contraction are images × height × width results, columns the filters.
struct SquareConvolution {
  std::int64_t images = 0, height = 0, width = 0, channels = 0, filters = 0, taps = 0;  ///< taps × taps per window
  std::int64_t image_stride = 0, row_stride = 0, pixel_stride = 0;  ///< of the padded image
  std::int64_t filter_stride = 0, channel_stride = 0, tap_row_stride = 0, tap_stride = 0;    ///< of the weights

  constexpr explicit operator bool() const { return images > 0; }
  /// Results per tile along one axis for which the weights were transformed in advance (filters.hpp); 0: they are not
  /// transformed.
  int transformed_for = 0;

  /// Reads the loops of a contraction: extent(l), left(l) and right(l) give the extent of loop l and the operands'
  /// strides along it; `form`: of the weights.
  template <class Extent, class Left, class Right>
  static constexpr SquareConvolution of(int rows, int columns, int inner, int loops, Extent extent, Left left,
                                        Right right, unsigned char form) {
    const int images = columns - rows - 2;  // loops of the images: one or none
    if (images < 0 || images > 1 || inner - columns != 1 || loops - inner != 3) return {};
    const int y = rows + images, x = y + 1, ky = inner, kx = inner + 1, c = inner + 2;
    if (extent(ky) != extent(kx) || left(c) != 1 || left(ky) != left(y) || left(kx) != left(x) ||
        form == WeightForm::panels)
      return {};
    return {images > 0 ? extent(rows) : 1,
            extent(y),
            extent(x),
            extent(c),
            extent(columns),
            extent(ky),
            images > 0 ? left(rows) : 0,
            left(y),
            left(x),
            right(columns),
            right(c),
            right(ky),
            right(kx),
            WeightForm::results_a_tile(form)};
  }
};

/// The gradient of such a convolution's weights: rows of the contraction are the filters, columns taps × taps ×
/// channels, and the contracted axis is images × height × width.
struct SquareWeightGradient {
  std::int64_t images = 0, height = 0, width = 0, channels = 0, filters = 0, taps = 0;
  std::int64_t image_stride = 0, row_stride = 0, pixel_stride = 0;           ///< of the padded image
  std::int64_t sample_stride = 0, sample_row_stride = 0, sample_pixel_stride = 0;  ///< of the cotangent of the results

  constexpr explicit operator bool() const { return images > 0; }

  template <class Extent, class Left, class Right>
  static constexpr SquareWeightGradient of(int rows, int columns, int inner, int loops, Extent extent, Left left,
                                           Right right) {
    const int images = loops - inner - 2;
    if (images < 0 || images > 1 || columns - rows != 1 || inner - columns != 3) return {};
    const int y = inner + images, x = y + 1, ky = columns, kx = columns + 1, c = columns + 2;
    if (extent(ky) != extent(kx) || right(c) != 1 || left(rows) != 1 || right(ky) != right(y) || right(kx) != right(x))
      return {};
    return {images > 0 ? extent(inner) : 1,
            extent(y),
            extent(x),
            extent(c),
            extent(rows),
            extent(ky),
            images > 0 ? right(inner) : 0,
            right(y),
            right(x),
            images > 0 ? left(inner) : 0,
            left(y),
            left(x)};
  }
};

}  // namespace sinter::cpu
