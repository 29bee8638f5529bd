// expect: operand_shapes_do_not_fit<.*Add.*Upto.*8, .*66.*Upto.*8, .*84|operand_shapes_do_not_fit<.*Add.*'B'.*'T'
#include <sinter/sinter.hpp>
using namespace sinter;

int main() {
  Tensor<float, upto<8, 'B'>> a;
  Tensor<float, upto<8, 'T'>> b;
  Tensor<float, upto<8, 'B'>> c = a + b;
}
