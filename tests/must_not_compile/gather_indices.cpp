// expect: gather_needs_integer_indices_that_broadcast_with_the_table_but_along_the_axis<.*float, 5, 3.*int, 4, 2
#include <sinter/sinter.hpp>
using namespace sinter;

int main() {
  Tensor<float, 5, 3> x;
  Tensor<int, 4, 2> indices;
  auto y = eval(gather<0>(x, indices));
}
