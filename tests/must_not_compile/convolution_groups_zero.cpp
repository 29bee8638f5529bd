// expect: a convolution needs a stride, a dilation and groups of 1 or more
#include <sinter/sinter.hpp>
using namespace sinter;

int main() {
  nn::Conv2d<1, 2, 3, Conv2dOptions{.groups = 0}> conv;
}
