// A language model fed by a loader, and text from it with a cache that takes the prompt at once.
#pragma once
#include "data.hpp"

namespace programs {

// program
struct Language {
  nn::Embedding<32, 16> token;
  nn::Embedding<24, 16> place;
  nn::LayerNorm<16> norm1, norm2;
  nn::Linear<16, 48> qkv;
  nn::Linear<16, 32> up;
  nn::Linear<32, 16> down;
  nn::Linear<16, 32> head;
  nn::KeyValueCache<2, 24, 8> cache;

  constexpr auto block(auto ids, auto places, auto attend) const {
    const auto x = token(ids) + place(places);
    const auto h = transpose<1, 2>(reshape<-1, x.shape[x.shape.rank - 2], 6, 8>(qkv(norm1(x))));
    const auto a = attend(slice<1, 0, 2>(h), slice<1, 2, 4>(h), slice<1, 4, 6>(h));
    const auto y = x + flatten<x.shape.rank - 1>(transpose<-2, -3>(a));
    return head(y + down(gelu(up(norm2(y)))));
  }
  constexpr auto operator()(auto ids) const {
    if constexpr (ids.shape.rank == 2)
      return block(ids, arange<ids.shape[1]>(), [](auto q, auto k, auto v) {
        return scaled_dot_product_attention<IsCausal>(q, k, v);
      });
    else  // goes on from the cache
      return block(ids, arange<ids.shape[0]>() + cache.length, [&](auto q, auto k, auto v) {
        const auto [keys, values, mask] = cache(squeeze<0>(k), squeeze<0>(v));
        return scaled_dot_product_attention(squeeze<0>(q), keys, values, mask);
      });
  }
};
struct Text {
  using Input = Tensor<int, 12>;
  using Target = Input;
  std::size_t size() const { return 20; }
  void read(data::Visit v, int* x, int* y) const {
    for (int i = 0; i < 12; ++i) x[i] = (int(v.index) + i) * 5 % 32, y[i] = (x[i] + 5) % 32;
  }
};
inline Losses language() {
  auto net = load<Language>(weights("language"));
  auto batches = data::loader<8>(Text{});
  auto step = training(net, batches, nn::cross_entropy, optim::AdamW{.lr = 1e-2f});
  Losses losses;
  for (int epoch = 0; epoch < 6; ++epoch)
    for (auto [x, y] : batches) losses.push_back(step(x, y).loss);
  auto prefill = inference<Tensor<int, 4>>(net);
  auto decode = inference<Tensor<int, 1>>(net, prefill);
  int next = argmax(prefill(Tensor<int, 4>{0, 5, 10, 15})[3]);
  for (int i = 0; i < 8; ++i) {
    losses.push_back(next);
    next = argmax(decode(Tensor<int, 1>{next})[0]);
  }
  return losses;
}
// end

}  // namespace programs
