// expect: attention_mask_does_not_broadcast_to_the_scores<.*bool, 2, 12.*float, 2, 4, 10, 12
#include <sinter/sinter.hpp>
using namespace sinter;

int main() {
  Tensor<float, 2, 4, 10, 16> q;
  Tensor<float, 2, 4, 12, 16> k, v;
  Tensor<bool, 2, 12> there;  // of padded keys; [2, 1, 1, 12] broadcasts
  Tensor<float, 2, 4, 10, 16> y = scaled_dot_product_attention(q, k, v, there);
}
