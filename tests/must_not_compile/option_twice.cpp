// expect: an_option_is_given_twice<.*ConvOptions<2>.*stride>
// clang: 24
#include <sinter/sinter.hpp>
using namespace sinter;

int main() {
  nn::Conv2d<1, 2, 3, Stride<2>, Padding<1>, Stride<3>> conv;
}
