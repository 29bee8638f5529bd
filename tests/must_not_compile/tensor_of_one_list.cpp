// expect: a_tensor_of_several_axes_takes_a_list_of_lists_or_reshape_of_another<.*float, 2, 3
#include <sinter/sinter.hpp>
using namespace sinter;

int main() {
  Tensor<float, 2, 3> x;
  x = {1, 2, 3, 4, 5, 6};
}
