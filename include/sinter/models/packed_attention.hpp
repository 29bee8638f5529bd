// Attention of queries, keys and values that one layer has computed together.
#pragma once
#include "../tensor/optimised_begin.hpp"
#include "../nn/attention.hpp"

namespace sinter::inline SINTER_ABI::models {

/// Attention of queries, keys and values that are concatenated: [B, T, 3 · D] → [B, T, D].
template <int Heads, bool Causal = false, TypedSymbol X> constexpr auto packed_attention(const X& qkv) {
  constexpr int D = X::shape[2] / 3;
  return multi_head_attention<Heads, AttentionOptions{.is_causal = Causal}>(
      slice<-1, 0, D>(qkv), slice<-1, D, 2 * D>(qkv), slice<-1, 2 * D, 3 * D>(qkv));
}

}  // namespace sinter::models

#include "../tensor/optimised_end.hpp"
