// expect: index_of_a_traced_value_is_out_of_range.*float, 2, 3
// lines: 39
// clang: 75
#include <sinter/sinter.hpp>

using namespace sinter;

int main() {
  const Tensor<float, 2, 3> x;
  const auto y = jit([](auto a) { return a(range<>, 3); })(x);
}
