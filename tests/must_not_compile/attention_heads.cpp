// expect: attention_heads_or_batches_do_not_fit_together<.*float, 2, 6, 10, 16.*float, 2, 4, 10, 16
#include <sinter/sinter.hpp>
using namespace sinter;

int main() {
  Tensor<float, 2, 6, 10, 16> q;
  Tensor<float, 2, 4, 10, 16> k, v;
  Tensor<float, 2, 6, 10, 16> y = scaled_dot_product_attention<AttentionOptions{.enable_gqa = true}>(q, k, v);
}
