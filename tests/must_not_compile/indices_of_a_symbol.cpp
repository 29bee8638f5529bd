// expect: more_indices_than_axes<.*float, 2, 3
// clang: 21
#include <sinter/sinter.hpp>

using namespace sinter;

int main() {
  const Tensor<float, 2, 3> x;
  const auto y = jit([](auto a) { return a(0, 1, 0); })(x);
}
