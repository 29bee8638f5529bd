// Which contractions are convolutions with 3 × 3 windows side by side, whose channels lie innermost.
#pragma once
#include "panels.hpp"

namespace sinter::compile {

/// Strides in elements. Rows of the contraction are images × height × width results, columns the filters.
struct Convolution3x3 {
  std::int64_t images = 0, height = 0, width = 0, channels = 0, filters = 0;
  std::int64_t image_stride = 0, row_stride = 0, place_stride = 0;                           ///< of the image with its borders
  std::int64_t filter_stride = 0, channel_stride = 0, tap_row_stride = 0, tap_stride = 0;    ///< of the weights

  constexpr explicit operator bool() const { return images > 0; }

  /// Reads the loops of a contraction: extent(l), left(l) and right(l) give the extent of loop l and the operands' strides along it.
  template <class Extent, class Left, class Right> static constexpr Convolution3x3 of(int rows, int columns, int inner, int loops, Extent extent, Left left, Right right) {
    const int images = columns - rows - 2;  // loops of the images: one or none
    if (images < 0 || images > 1 || inner - columns != 1 || loops - inner != 3) return {};
    const int y = rows + images, x = y + 1, ky = inner, kx = inner + 1, c = inner + 2;
    if (extent(ky) != 3 || extent(kx) != 3 || left(c) != 1 || left(ky) != left(y) || left(kx) != left(x) || right(columns) >= Panels::tag) return {};
    return {images > 0 ? extent(rows) : 1, extent(y), extent(x), extent(c), extent(columns), images > 0 ? left(rows) : 0, left(y), left(x), right(columns), right(c), right(ky), right(kx)};
  }
};

}  // namespace sinter::compile
