// expect: a_result_or_part_of_a_traced_value_cannot_be_assigned<.*float, 3>
// lines: 23
#include <sinter/sinter.hpp>

using namespace sinter;

int main() {
  const Tensor<float, 2, 3> x;
  const auto y = jit([](auto a) {
    a(0) = a(1);
    return a;
  })(x);
}
