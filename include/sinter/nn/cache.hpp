// The keys and values of a transformer's past.
#pragma once
#include "../ops/ops.hpp"

namespace sinter::inline SINTER_ABI {

// undefined on purpose: the name is the error
template <class Keys, class Values> struct a_cache_takes_keys_and_values_heads_by_tokens_by_features;

namespace nn {

/// Keeps the keys and values of up to `Capacity` tokens from call to call, for programs of inference. Called with those
/// of T new tokens, [Heads, T, Features], it returns all keys and values, [Heads, Capacity, Features], and a mask
/// [T, Capacity] of what each new token attends to: all tokens up to itself. T is the number of a prompt's tokens, or
/// 1; programs of both share a cache (`inference<Tensor<int, 1>>(net, prefill)`). Tokens beyond the capacity are
/// dropped; `reset()` of a program empties it. Hugging Face: transformers.StaticCache.
///
///   const auto [k, v, mask] = cache(keys, values);
///   const auto y = scaled_dot_product_attention(queries, k, v, mask);
template <int Heads, int Capacity, int Features> struct KeyValueCache {
  State<float, Capacity, Heads, Features> keys, values;
  State<int> length;  ///< tokens so far

  template <class K, class V> constexpr auto operator()(const K& new_keys, const V& new_values) const {
    using Keys = symbol_of<K>;
    if constexpr (!std::is_same_v<Keys, symbol_of<V>>) {
      return a_cache_takes_keys_and_values_heads_by_tokens_by_features<Keys, symbol_of<V>>{};
    } else if constexpr (Keys::shape.rank != 3) {
      return a_cache_takes_keys_and_values_heads_by_tokens_by_features<Keys, symbol_of<V>>{};
    } else {
      constexpr int tokens = Keys::shape[1];
      if constexpr (!(Keys::shape == shape_of<Heads, tokens, Features>) || Keys::dtype != Dtype::float32 ||
                    tokens > Capacity)
        return a_cache_takes_keys_and_values_heads_by_tokens_by_features<Keys, symbol_of<V>>{};
      else return extended<tokens>(new_keys, new_values);
    }
  }

 private:
  template <int Tokens> constexpr auto extended(const auto& new_keys, const auto& new_values) const {
    // row r holds new token r − length, if that is one
    const auto token = arange<Capacity>() - length;
    const auto is_new = reshape<Capacity, 1, 1>(logical_and(token >= 0, token < Tokens));
    const auto from = maximum(minimum(token, Tokens - 1), 0);
    const auto k = select(is_new, take(permute<1, 0, 2>(new_keys), from), keys),
               v = select(is_new, take(permute<1, 0, 2>(new_values), from), values);
    const auto mask = arange<Capacity>() <= unsqueeze<1>(arange<Tokens>() + length);
    keys.update(k);
    values.update(v);
    length.update(length + Tokens);
    return std::tuple{permute<1, 0, 2>(k), permute<1, 0, 2>(v), mask};
  }
};

}  // namespace nn
}  // namespace sinter
