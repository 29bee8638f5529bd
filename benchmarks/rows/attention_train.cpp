// Attention and its gradients over long sequences: 12 heads of 64, each query
// against all keys, and against those before it.
#include "../scoreboard.hpp"

namespace scoreboard {
namespace {

template <bool Causal> struct Weighted {
  constexpr auto operator()(auto q, auto k, auto v, auto w) const {
    return sum(scaled_dot_product_attention<AttentionOptions{.is_causal = Causal}>(q, k, v) * w);
  }
};
template <int T, bool Causal> void attention(Source& source, const std::string& name) {
  if (!source.wanted(name)) return;
  using X = Tensor<float, 1, 12, T, 64>;
  const auto q = source.tensor<X>(name + ".q"), k = source.tensor<X>(name + ".k"), v = source.tensor<X>(name + ".v"),
             w = source.tensor<X>(name + ".w");
  Tensor<float, 3, 1, 12, T, 64> gradients;
  row(source, name, [&] {
    const auto found = grad(Weighted<Causal>{}, wrt<0, 1, 2>)(q, k, v, w);
    consume(found);
    if (source.has_values()) gradients = stack(std::get<0>(found), std::get<1>(found), std::get<2>(found));
  }, [&]() -> const auto& { return gradients; });
}

}  // namespace

void attention_train(Source& source) {
  attention<1024, false>(source, "attention_train_t1024");
  attention<1024, true>(source, "attention_train_t1024_causal");
}

}  // namespace scoreboard
