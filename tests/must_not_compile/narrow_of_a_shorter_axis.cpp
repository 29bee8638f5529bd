// expect: narrow_needs_a_fixed_axis_of_at_least_the_extents_capacity<.*float, 4, 3
#include <sinter/sinter.hpp>
using namespace sinter;

int main() {
  Tensor<float, upto<8, 'T'>, 3> x;
  Tensor<float, 4, 3> w;
  Tensor<float, upto<8, 'T'>, 3> y = x + narrow<0, upto<8, 'T'>>(w);
}
