// expect: windows_along_a_bounded_axis_need_a_padding_below_their_span<.*1, 2.*6
#include <sinter/sinter.hpp>
using namespace sinter;

int main() {
  Tensor<float, 1, 2, upto<8, 'T'>> x;
  Tensor<float, 2, 2, 3> w;
  Tensor<float, 2, 2, 1> one;
  auto y = eval(conv1d<Conv1dOptions{.padding = 1}>(conv1d(x, w), one));  // of no elements two windows, of fewer too
}
