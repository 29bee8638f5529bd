// expect: no_value_of_this_name_in_this_traced_function
// lines: 36
// clang: 75
#include <sinter/sinter.hpp>
using namespace sinter;

int main() {
  const Tensor<float, 2> x;
  const auto y = jit([](auto x) {
    const auto h = named<"feature">(x * 2.f);
    return named_value<"features", float, 2>(h + 1.f);
  })(x);
}
