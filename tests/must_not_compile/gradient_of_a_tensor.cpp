// expect: gradient_needs_a_function_with_a_scalar_result<.*float, 3
// clang: 27
#include <sinter/sinter.hpp>
using namespace sinter;

int main() {
  Tensor<float, 3> x{1, 2, 3};
  auto d = grad([](auto v) { return v * v; })(x);
}
