// expect: a_conditional_loop_has_derivatives_in_forward_mode_only|small_.*must be initialized by a constant expression
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
