// expect: matmul_inner_extents_differ<.*float, 32, 784.*float, 128, 10
#include <sinter/sinter.hpp>
using namespace sinter;

int main() {
  Tensor<float, 32, 784> x;
  Tensor<float, 128, 10> w;
  Tensor<float, 32, 10> y = matmul(x, w);
}
