// expect: there_is_no_such_option<.*ConvOptions<2>.*batch_first>
// clang: 24
#include <sinter/sinter.hpp>
using namespace sinter;

int main() {
  nn::Conv2d<1, 2, 3, BatchFirst> conv;
}
