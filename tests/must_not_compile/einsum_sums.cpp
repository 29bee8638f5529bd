// expect: einsum_cannot_sum_these_dtypes_in_the_one_named<.*float, 4, 8.*float, 8, 2
#include <sinter/sinter.hpp>
using namespace sinter;

int main() {
  Tensor<float, 4, 8> x;
  Tensor<float, 8, 2> w;
  Tensor<int, 4, 2> y = einsum<int, "ik,kj->ij">(x, w);
}
