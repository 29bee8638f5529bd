// expect: a_conditional_loop_has_derivatives_in_forward_mode_only
// lines: 36
// clang: 75
#include <sinter/sinter.hpp>
using namespace sinter;

int main() {
  Tensor<float> x(1.f);
  auto d = grad([](auto v) {
    return while_loop([](auto c) { return c < 10.f; }, [](auto c) { return c * 2.f; }, v);
  })(x);
}
