// Between channels and pixels: an image with fewer channels and more pixels, and back.
#pragma once
#include "permute.hpp"
#include "reshape.hpp"

namespace sinter::inline SINTER_ABI {

// Undefined on purpose: the names are the errors.
template <class X, int Factor> struct pixel_shuffle_needs_images_with_channels_that_its_factor_squared_divides;
template <class X, int Factor> struct pixel_unshuffle_needs_images_whose_height_and_width_its_factor_divides;

namespace ops {

/// Images [N, C, H, W] whose sizes are fixed but for their number.
constexpr bool are_images_of_one_size(const Shape& s) {
  return s.rank == 4 && s.symbol(1) == 0 && s.symbol(2) == 0 && s.symbol(3) == 0;
}
/// An image's number, then these extents.
constexpr Shape each_image(const Shape& from, std::initializer_list<int> extents) {
  Shape s;
  s.push(from[0], from.symbol(0));
  for (const int n : extents) s.push(n);
  return s;
}

/// [N, C F², H, W] → [N, C, F, F, H, W] → [N, C, H, F, W, F] → [N, C, H F, W F].
template <int F> struct PixelShuffle {
  struct Split {
    static constexpr Shape target(const Shape& s) { return each_image(s, {s[1] / (F * F), F, F, s[2], s[3]}); }
  };
  struct Joined {
    static constexpr Shape target(const Shape& s) { return each_image(s, {s[1], s[2] * F, s[4] * F}); }
  };
  template <class X> constexpr auto operator()(X x) const {
    if constexpr (is_sym_v<X>) {
      if constexpr (!are_images_of_one_size(X::shape) || X::shape[1] % (F * F) != 0)
        return pixel_shuffle_needs_images_with_channels_that_its_factor_squared_divides<X, F>{};
      else return ReshapeBy<Joined>{}(permute<0, 1, 4, 2, 5, 3>(ReshapeBy<Split>{}(x)));
    } else {
      return ReshapeBy<Joined>{}(permute<0, 1, 4, 2, 5, 3>(ReshapeBy<Split>{}(x)));
    }
  }
};
/// [N, C, H F, W F] → [N, C, H, F, W, F] → [N, C, F, F, H, W] → [N, C F², H, W].
template <int F> struct PixelUnshuffle {
  struct Split {
    static constexpr Shape target(const Shape& s) { return each_image(s, {s[1], s[2] / F, F, s[3] / F, F}); }
  };
  struct Joined {
    static constexpr Shape target(const Shape& s) { return each_image(s, {s[1] * F * F, s[4], s[5]}); }
  };
  template <class X> constexpr auto operator()(X x) const {
    if constexpr (is_sym_v<X>) {
      if constexpr (!are_images_of_one_size(X::shape) || X::shape[2] % F != 0 || X::shape[3] % F != 0)
        return pixel_unshuffle_needs_images_whose_height_and_width_its_factor_divides<X, F>{};
      else return ReshapeBy<Joined>{}(permute<0, 1, 3, 5, 2, 4>(ReshapeBy<Split>{}(x)));
    } else {
      return ReshapeBy<Joined>{}(permute<0, 1, 3, 5, 2, 4>(ReshapeBy<Split>{}(x)));
    }
  }
};

}  // namespace ops

/// Images [N, C · Factor², H, W] → [N, C, H · Factor, W · Factor]: Factor² channels become the pixels of a
/// square, row by row. PyTorch: torch.nn.functional.pixel_shuffle, of batches.
template <int Factor, Operand X> constexpr auto pixel_shuffle(X&& x) {
  static_assert(Factor >= 1, "the factor of a pixel shuffle must be 1 or more");
  return call<ops::PixelShuffle<(Factor < 1 ? 1 : Factor)>>(std::forward<X>(x));
}
/// The inverse: [N, C, H · Factor, W · Factor] → [N, C · Factor², H, W]. PyTorch:
/// torch.nn.functional.pixel_unshuffle.
template <int Factor, Operand X> constexpr auto pixel_unshuffle(X&& x) {
  static_assert(Factor >= 1, "the factor of a pixel shuffle must be 1 or more");
  return call<ops::PixelUnshuffle<(Factor < 1 ? 1 : Factor)>>(std::forward<X>(x));
}

}  // namespace sinter
