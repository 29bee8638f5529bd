// A deep net of equal residual blocks, whose inner values a checkpoint may recompute.
#pragma once
#include <sinter/sinter.hpp>

#include <array>

namespace residual {  // names of members are found in types that have linkage

using namespace sinter;

struct Block {
  nn::Linear<64, 256> up;
  nn::Linear<256, 64> down;
  constexpr auto operator()(auto x) const { return x + down(tanh(up(x))); }
};
template <bool Again, int In, int Blocks> struct Residual {
  nn::Linear<In, 64> stem;
  std::array<Block, std::size_t(Blocks)> blocks;
  nn::Linear<64, 10> head;
  constexpr auto operator()(auto x) const {
    auto h = stem(x);
    for (const Block& b : blocks) {
      if constexpr (Again) h = checkpoint(b, h);
      else h = b(h);
    }
    return head(h);
  }
};

}  // namespace residual
