// expect: operand_shapes_do_not_fit<.*Concatenate.*float, 2, 3.*float, 3, 3
#include <sinter/sinter.hpp>
using namespace sinter;

int main() {
  Tensor<float, 2, 3> x;
  Tensor<float, 3, 3> z;
  auto y = concatenate<1>(x, z);
}
