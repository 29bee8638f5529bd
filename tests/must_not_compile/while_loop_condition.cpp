// expect: while_loop_needs_a_condition_that_is_one_bool<.*bool, 3
// clang: 24
#include <sinter/sinter.hpp>
using namespace sinter;

int main() {
  Tensor<float, 3> x{1, 2, 3};
  auto y = jit([](auto v) {
    return while_loop([](auto c) { return c < 10.f; }, [](auto c) { return c * 2.f; }, v);
  })(x);
}
