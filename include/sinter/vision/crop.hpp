// Parts of images.
#pragma once
#include "../ops/ops.hpp"

namespace sinter::inline SINTER_ABI::vision {

// Undefined on purpose: the name is the error.
template <class X> struct center_crop_needs_images_of_fixed_height_and_width;

namespace crop_detail {

/// The border that makes n elements around the middle of an axis of `extent`, negative where it crops. Halves are
/// rounded as in Python, to an even number.
constexpr Border around_the_middle(int extent, int n) {
  if (n >= extent) return {(n - extent) / 2, (n - extent + 1) / 2};
  const int half = (extent - n) / 2, before = (extent - n) % 2 != 0 && half % 2 != 0 ? half + 1 : half;
  return {-before, -(extent - n - before)};
}

}  // namespace crop_detail

/// The middle of images [..., H, W], Size high and wide: `vision::center_crop<224>(x)`, `center_crop<{32, 48}>(x)`.
/// Smaller images get a border of zeros. torchvision: transforms.functional.center_crop.
template <Spatial<2> Size, Operand X> constexpr auto center_crop(const X& image) {
  static_assert(Size[0] >= 0 && Size[1] >= 0, "the size of a crop must be 0 or more");
  constexpr Shape shape = symbol_of<X>::shape;
  constexpr int rank = shape.rank;
  if constexpr (rank < 2 || shape.symbol(rank < 2 ? 0 : rank - 1) != 0 || shape.symbol(rank < 2 ? 0 : rank - 2) != 0)
    return center_crop_needs_images_of_fixed_height_and_width<symbol_of<X>>{};
  else
    return pad<crop_detail::around_the_middle(shape[rank - 1], Size[1]),
               crop_detail::around_the_middle(shape[rank - 2], Size[0])>(image);
}

}  // namespace sinter::vision
