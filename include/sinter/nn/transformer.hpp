// Transformer blocks.
#pragma once
#include <array>

#include "attention.hpp"
#include "normalization.hpp"

namespace sinter::inline SINTER_ABI::nn {

/// Between the two layers of a block. PyTorch: activation, "relu" or "gelu".
enum class TransformerActivation : unsigned char { relu, gelu };

/// The options of a transformer block, with PyTorch's names and defaults: `nn::TransformerEncoderLayer<256, 4, 1024,
/// NormFirst, IsCausal, nn::TransformerActivation::gelu>`.
struct TransformerOptions {
  double dropout = 0.1;             ///< after attention and in the feed-forward part
  double attention_dropout = 0;     ///< of attention weights; `dropout` in PyTorch. It stores the weights of a training
                                    ///< step in memory
  TransformerActivation activation = TransformerActivation::relu;
  double layer_norm_eps = 1e-5;
  bool norm_first = false;          ///< normalise the input of each part instead of its output (pre-norm): GPT-2 and
                                    ///< later
  bool is_causal = false;
  bool operator==(const TransformerOptions&) const = default;
  constexpr void set(TransformerActivation a) { activation = a; }
};

/// Self-attention and a feed-forward part, each with a residual connection: [B, T, Features] or [T, Features], with a
/// mask or none as for nn::MultiheadAttention. Parameters as in PyTorch: self_attn, linear1, linear2, norm1, norm2.
template <int Features, int Heads, int Hidden, TransformerOptions Options> struct TransformerEncoderBlock {
  MultiheadAttention<Features, Heads,
                     AttentionOptions{.is_causal = Options.is_causal, .dropout_p = Options.attention_dropout}>
      self_attn;
  Linear<Features, Hidden> linear1;
  Linear<Hidden, Features> linear2;
  LayerNorm<Features> norm1{.eps = eps}, norm2{.eps = eps};

  template <Operand X, Operand... Mask> constexpr auto operator()(const X& x, const Mask&... mask) const {
    if constexpr (Options.norm_first) {
      const auto attended = x + dropout(self_attn(norm1(x), mask...), Options.dropout);
      return attended + feed_forward(norm2(attended));
    } else {
      const auto attended = norm1(x + dropout(self_attn(x, mask...), Options.dropout));
      return norm2(attended + feed_forward(attended));
    }
  }

 private:
  // named: clang reads the option as 0 if a layer is made at run time
  static constexpr float eps = float(Options.layer_norm_eps);
  constexpr auto feed_forward(const auto& x) const {
    if constexpr (Options.activation == TransformerActivation::gelu)
      return dropout(linear2(dropout(gelu(linear1(x)), Options.dropout)), Options.dropout);
    else return dropout(linear2(dropout(relu(linear1(x)), Options.dropout)), Options.dropout);
  }
};

namespace transformer_detail {
template <int Features, int Heads, int Hidden, TransformerOptions First, auto... More>
struct BlockOf {
  using type = TransformerEncoderBlock<Features, Heads, Hidden, ops::options<TransformerOptions, First, More...>>;
};
}  // namespace transformer_detail

/// PyTorch: torch.nn.TransformerEncoderLayer(batch_first=True).
template <int Features, int Heads, int Hidden = 2048, TransformerOptions First = TransformerOptions{}, auto... More>
using TransformerEncoderLayer =
    typename transformer_detail::BlockOf<Features, Heads, Hidden, First, More...>::type;

/// `Count` equal blocks one after another; parameters are
/// layers.0.self_attn.in_proj_weight and so on. PyTorch: torch.nn.TransformerEncoder.
template <class Layer, int Count> struct TransformerEncoder {
  std::array<Layer, std::size_t(Count)> layers;

  template <TypedSymbol X, Operand... Mask> constexpr auto operator()(X x, const Mask&... mask) const {
    for (const Layer& layer : layers) x = layer(x, mask...);
    return x;
  }
};

}  // namespace sinter::nn
