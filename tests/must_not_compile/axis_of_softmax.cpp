// expect: reduction_axis_out_of_range_or_named_twice<.*float, 2, 3>, 3
// clang: 30
#include <sinter/sinter.hpp>
using namespace sinter;

int main() {
  Tensor<float, 2, 3> x;
  Tensor<float, 2, 3> y = softmax<3>(x);
}
