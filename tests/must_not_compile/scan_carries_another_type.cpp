// expect: a_loop_carries_values_of_the_same_types<.*float, 3.*float, 2, 3
// clang: 27
#include <sinter/sinter.hpp>
using namespace sinter;

int main() {
  Tensor<float, 3> first{1, 2, 3};
  Tensor<float, 4, 2, 3> xs;
  auto y = jit([](auto c, auto x) { return scan([](auto a, auto b) { return a + b; }, c, x); })(first, xs);
}
