// Attention with learned projections.
#pragma once
#include "../ops/ops.hpp"
#include "linear.hpp"

namespace sinter::inline SINTER_ABI {

// Undefined on purpose: the names are the errors.
template <class X, int Features> struct attention_layer_needs_inputs_of_time_and_its_number_of_features;

namespace nn {

/// Attention of Heads heads over Features: self-attention of x [B, T, E] or [T, E], or of queries [B, Tq, E] to keys
/// and values [B, Tk, E]. Parameters in_proj_weight [3E, E], in_proj_bias [3E], out_proj.weight and out_proj.bias,
/// named and initialised as in PyTorch. Options are those of scaled_dot_product_attention. PyTorch:
/// torch.nn.MultiheadAttention(batch_first=True, need_weights=False), but a mask is true where a key takes part, and
/// broadcasts to [B, Heads, Tq, Tk]: for padded keys [B, 1, 1, Tk].
template <int Features, int Heads, AttentionOptions First = AttentionOptions{}, auto... More>
struct MultiheadAttention {
  static constexpr AttentionOptions options = ops::options<AttentionOptions, First, More...>;
  static_assert(Heads >= 1 && Features % (Heads >= 1 ? Heads : 1) == 0,
                "heads of an attention must be 1 or more, and divide its features");
  Param<float, 3 * Features, Features> in_proj_weight{
      init::uniform(-init::square_root(1.5 / Features), init::square_root(1.5 / Features))};
  Param<float, 3 * Features> in_proj_bias{init::zeros()};
  Linear<Features, Features> out_proj{.bias = {init::zeros()}};

  template <Operand X> constexpr auto operator()(const X& x) const { return self(x); }
  /// Self-attention with a mask.
  template <Operand X, Operand M> constexpr auto operator()(const X& x, const M& mask) const { return self(x, mask); }
  template <Operand Q, Operand K, Operand V>
  constexpr auto operator()(const Q& query, const K& key, const V& value) const {
    return cross(query, key, value);
  }
  template <Operand Q, Operand K, Operand V, Operand M>
  constexpr auto operator()(const Q& query, const K& key, const V& value, const M& mask) const {
    return cross(query, key, value, mask);
  }

 private:
  template <class X> static consteval bool fits() {
    using S = symbol_of<X>;
    return S::shape.rank >= 2 && S::shape[S::shape.rank - 1] == Features;
  }
  /// Projection `Index` of queries, keys and values, by its rows of the weights.
  template <int Index> constexpr auto projected(const auto& x) const {
    return matmul(x, transpose(slice<0, Index * Features, (Index + 1) * Features>(in_proj_weight))) +
           slice<0, Index * Features, (Index + 1) * Features>(in_proj_bias);
  }
  template <class X> constexpr auto self(const X& x, const auto&... mask) const {
    if constexpr (!fits<X>()) {
      return attention_layer_needs_inputs_of_time_and_its_number_of_features<symbol_of<X>, Features>{};
    } else {
      const auto all = matmul(x, transpose(in_proj_weight)) + in_proj_bias;
      return out_proj(multi_head_attention<Heads, options>(slice<-1, 0, Features>(all),
                                                           slice<-1, Features, 2 * Features>(all),
                                                           slice<-1, 2 * Features, 3 * Features>(all), mask...));
    }
  }
  template <class Q, class K, class V>
  constexpr auto cross(const Q& q, const K& k, const V& v, const auto&... mask) const {
    if constexpr (!fits<Q>())
      return attention_layer_needs_inputs_of_time_and_its_number_of_features<symbol_of<Q>, Features>{};
    else if constexpr (!fits<K>())
      return attention_layer_needs_inputs_of_time_and_its_number_of_features<symbol_of<K>, Features>{};
    else if constexpr (!fits<V>())
      return attention_layer_needs_inputs_of_time_and_its_number_of_features<symbol_of<V>, Features>{};
    else
      return out_proj(multi_head_attention<Heads, options>(projected<0>(q), projected<1>(k), projected<2>(v), mask...));
  }
};

}  // namespace nn
}  // namespace sinter
