// expect: a_traced_function_must_not_capture_pass_values_as_arguments<
#include <sinter/sinter.hpp>
using namespace sinter;

int main() {
  float a = 2;
  const auto f = [a](auto x) { return sum(x * a); };
  Tensor<float, 3> x{1, 2, 3};
  auto d = grad(f)(x);
}
