// expect: a_traced_value_has_no_truth_value_use_select<.*bool
// lines: 28
// clang: 30
#include <sinter/sinter.hpp>
using namespace sinter;

constexpr auto f = [](auto x) {
  if (x > 0.f) return x;
  return x * 0.1f;
};

int main() {
  const Tensor<float> x = -3.f;
  print(grad(f)(x));
}
