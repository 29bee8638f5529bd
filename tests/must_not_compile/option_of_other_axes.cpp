// expect: an_option_needs_one_number_or_one_for_each_spatial_axis<.*ConvOptions<3>.*stride.*2
// clang: 24
#include <sinter/sinter.hpp>
using namespace sinter;

int main() {
  nn::Conv3d<1, 2, 3, Padding<1>, Stride<2, 2>> conv;
}
