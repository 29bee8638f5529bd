// expect: groups of a group norm must be 1 or more
#include <sinter/sinter.hpp>
using namespace sinter;

int main() {
  nn::GroupNorm<0, 4> norm;
}
