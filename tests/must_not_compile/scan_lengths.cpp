// expect: scan_needs_inputs_with_equal_extents_along_their_first_axes<.*float, 4.*float, 5
// clang: 24
#include <sinter/sinter.hpp>
using namespace sinter;

int main() {
  Tensor<float, 4> a;
  Tensor<float, 5> b;
  auto y = jit([](auto u, auto v) {
    return scan([](auto c, auto x) { return c + std::get<0>(x) * std::get<1>(x); }, 0.f, std::tuple{u, v});
  })(a, b);
}
