// expect: operand_shapes_do_not_fit<.*Permute.*float, 2, 3
#include <sinter/sinter.hpp>
using namespace sinter;

int main() {
  Tensor<float, 2, 3> x;
  auto y = permute<1, 0, 2>(x);
}
