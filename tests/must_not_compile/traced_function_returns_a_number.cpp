// expect: a_traced_function_must_return_tensors_made_of_its_arguments<.*float
#include <sinter/sinter.hpp>
using namespace sinter;

int main() {
  Tensor<float, 2, 3> x;
  auto y = jit([](auto) { return 1.f; })(x);
}
