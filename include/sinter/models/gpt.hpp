// GPT-2 (Radford et al., 2019): a decoder of the next token.
#pragma once
#include "../tensor/optimised_begin.hpp"
#include <array>

#include "../nn/activation.hpp"
#include "../nn/embedding.hpp"
#include "../nn/linear.hpp"
#include "../nn/normalization.hpp"
#include "packed_attention.hpp"

namespace sinter::inline SINTER_ABI::models {

/// A block of GPT-2: the same parts with pre-norm and causal attention.
template <int D, int Heads> struct Decoder {
  nn::LayerNorm<D> ln_1;
  nn::Linear<D, 3 * D> attn;
  nn::Linear<D, D> proj;
  nn::LayerNorm<D> ln_2;
  nn::Linear<D, 4 * D> up;
  nn::Linear<4 * D, D> down;

  constexpr auto operator()(auto x) const {
    const auto h = x + proj(packed_attention<Heads, true>(attn(ln_1(x))));
    return h + down(gelu(up(ln_2(h)), tanh_approximation));
  }
};
/// Ids [B, T] → logits [B · T, Vocabulary] of the next token.
template <int Vocabulary, int T, int D, int Heads, int Layers> struct Gpt {
  nn::Embedding<Vocabulary, D> wte;
  Param<float, T, D> wpe{nn::init::normal(0, .02)};
  std::array<Decoder<D, Heads>, std::size_t(Layers)> h;
  nn::LayerNorm<D> ln_f;

  constexpr auto operator()(auto ids) const {
    auto x = wte(ids) + wpe;
    for (const auto& block : h) x = block(x);
    return matmul(reshape<-1, D>(ln_f(x)), transpose(wte.weight));
  }
};

}  // namespace sinter::models

#include "../tensor/optimised_end.hpp"
