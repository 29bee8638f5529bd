// expect: gradient_needs_a_result_of_floating_point<
// clang: 27
#include <sinter/sinter.hpp>
using namespace sinter;

int main() {
  const Tensor<float, 2> x{3, 5};
  print(grad([](auto v) { return sum(cast<int>(v)); })(x));
}
