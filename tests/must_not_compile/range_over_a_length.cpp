// expect: a_bounded_axis_takes_an_index_or_a_whole_range<
// clang: 21
#include <sinter/sinter.hpp>

using namespace sinter;

int main() {
  const Tensor<float, upto<4, 'B'>, 3> x;
  const auto y = jit([](auto a) { return a(range<0, 2>); })(x);
}
