// Learned rows of a table.
#pragma once
#include "../ops/ops.hpp"
#include "init.hpp"

namespace sinter::inline SINTER_ABI::nn {

/// Integer ids [...] → [..., Features]. Parameter weight [Count, Features], normal with deviation 1. An id outside 0 …
/// Count − 1 gives NaN, where PyTorch raises an error. PyTorch: torch.nn.Embedding.
template <int Count, int Features> struct Embedding {
  Param<float, Count, Features> weight{init::normal(0, 1)};

  constexpr auto operator()(const Operand auto& ids) const { return embedding(weight, ids); }
};

}  // namespace sinter::nn
