// expect: operand_shapes_do_not_fit<.*Add.*float, 32, 10.*float, 32
#include <sinter/sinter.hpp>
using namespace sinter;

int main() {
  Tensor<float, 32, 10> a;
  Tensor<float, 32> b;
  Tensor<float, 32, 10> c = a + b;
}
