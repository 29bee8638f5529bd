// expect: heads of an attention must be 1 or more
#include <sinter/sinter.hpp>
using namespace sinter;

int main() {
  nn::MultiheadAttention<4, 0> attention;
}
