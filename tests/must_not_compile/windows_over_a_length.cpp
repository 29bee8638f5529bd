// expect: windows_need_an_axis_of_fixed_extent_that_holds_one<.*8.*0, 2
#include <sinter/sinter.hpp>
using namespace sinter;

int main() {
  Tensor<float, upto<8, 'B'>, 4> x;
  auto y = eval(unfold<0, 2>(x));
}
