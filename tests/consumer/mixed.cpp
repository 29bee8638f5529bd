// Compiled for other instructions than the kernels that it links.
#include <sinter/sinter.hpp>

int main() {
  const sinter::Tensor<float, 256, 256> x{};
  const sinter::Tensor<float, 256, 256> y = matmul(x, x);
  return int(y(0, 0));
}
