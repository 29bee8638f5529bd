// expect: operand_shapes_do_not_fit<.*Select.*bool, 2, 3.*float, 2, 3.*float, 4
#include <sinter/sinter.hpp>
using namespace sinter;

int main() {
  Tensor<float, 2, 3> x;
  Tensor<float, 4> z;
  Tensor<float, 2, 3> y = relu(select(x > 0.f, x, z)) * 2.f;
}
