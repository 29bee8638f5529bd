// expect: gradient_needs_arguments_of_floating_point<.*int
// clang: 21
#include <sinter/sinter.hpp>
using namespace sinter;

constexpr auto f = [](auto i, auto x) { return sum(x * i); };

int main() {
  const Tensor<int, 3> i{1, 2, 3};
  const Tensor<float, 3> x{1, 2, 3};
  print(grad(f)(i, x));
}
