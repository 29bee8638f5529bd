// expect: attention_features_of_queries_and_keys_differ<.*float, 2, 4, 10, 16.*float, 2, 4, 10, 8
#include <sinter/sinter.hpp>
using namespace sinter;

int main() {
  Tensor<float, 2, 4, 10, 16> q;
  Tensor<float, 2, 4, 10, 8> k;
  Tensor<float, 2, 4, 10, 8> v;
  Tensor<float, 2, 4, 10, 8> y = scaled_dot_product_attention(q, k, v);
}
