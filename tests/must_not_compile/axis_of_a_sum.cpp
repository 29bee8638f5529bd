// expect: reduction_axis_out_of_range_or_named_twice<.*float, 2, 3>, 2
#include <sinter/sinter.hpp>
using namespace sinter;

int main() {
  Tensor<float, 2, 3> x;
  auto y = sum<2>(x);
}
