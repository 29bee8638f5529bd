// expect: operand_shapes_do_not_fit<.*Reshape.*float, 2, 3
#include <sinter/sinter.hpp>
using namespace sinter;

int main() {
  Tensor<float, 2, 3> x;
  Tensor<float, 4, 2> y = reshape<4, 2>(x);
}
