// Layers between channels and pixels.
#pragma once
#include "../ops/ops.hpp"

namespace sinter::inline SINTER_ABI::nn {

/// Images [N, C · Factor², H, W] → [N, C, H · Factor, W · Factor], the last layer of super-resolution nets.
/// PyTorch: torch.nn.PixelShuffle, of batches.
template <int Factor> struct PixelShuffle {
  constexpr auto operator()(const Operand auto& x) const { return pixel_shuffle<Factor>(x); }
};
/// The inverse. PyTorch: torch.nn.PixelUnshuffle, of batches.
template <int Factor> struct PixelUnshuffle {
  constexpr auto operator()(const Operand auto& x) const { return pixel_unshuffle<Factor>(x); }
};

}  // namespace sinter::nn
