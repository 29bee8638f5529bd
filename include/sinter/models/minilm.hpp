// A sentence embedding with the sizes of all-MiniLM-L6 (Wang et al., 2020).
#pragma once
#include "../tensor/optimised_begin.hpp"
#include <array>

#include "../nn/activation.hpp"
#include "../nn/embedding.hpp"
#include "../nn/linear.hpp"
#include "../nn/normalization.hpp"
#include "packed_attention.hpp"

namespace sinter::inline SINTER_ABI::models {

/// A block of BERT: attention and a network of two layers, each with a residual connection and normalised after it.
template <int D, int Heads, int Hidden> struct Encoder {
  nn::Linear<D, 3 * D> qkv;
  nn::Linear<D, D> out;
  nn::LayerNorm<D> norm1;
  nn::Linear<D, Hidden> up;
  nn::Linear<Hidden, D> down;
  nn::LayerNorm<D> norm2;

  constexpr auto operator()(auto x) const {
    const auto h = norm1(x + out(packed_attention<Heads>(qkv(x))));
    return norm2(h + down(gelu(up(h))));
  }
};

/// With the sizes of all-MiniLM-L6: ids [B, T] → the mean embedding of each sequence [B, 384].
struct MiniLM {
  nn::Embedding<30522, 384> embedding;
  Param<float, 512, 384> positions{nn::init::normal(0, .02)};
  nn::LayerNorm<384> norm;
  std::array<Encoder<384, 12, 1536>, 6> layers;

  constexpr auto operator()(auto ids) const {
    auto h = norm(embedding(ids) + slice<0, 0, decltype(ids)::shape[1]>(positions));
    for (const auto& layer : layers) h = layer(h);
    return mean<1>(h);
  }
};

}  // namespace sinter::models

#include "../tensor/optimised_end.hpp"
