// One distinct eager statements.
#include <sinter/sinter.hpp>
using namespace sinter;

int main() {
  Tensor<float, 64, 48> a, b, c, r;
  Tensor<float, 48> v;
  r = tanh(a * b + c);
  std::printf("%g\n", double(r(1, 1) + v(1)));
}
