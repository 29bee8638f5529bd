// expect: there_is_no_such_option<.*ConvOptions<2>.*is_causal>
// clang: 24
#include <sinter/sinter.hpp>
using namespace sinter;

int main() {
  nn::Conv2d<1, 2, 3, Stride<2>, IsCausal> conv;
}
