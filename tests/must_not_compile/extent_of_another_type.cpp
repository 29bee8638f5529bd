// expect: an_extent_is_an_int_or_upto_and_never_negative<
#include <sinter/sinter.hpp>
using namespace sinter;

int main() { Tensor<float, 32, 10u> x; }
