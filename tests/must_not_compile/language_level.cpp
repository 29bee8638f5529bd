// expect: sinter needs C\+\+20: compile with -std=c\+\+20
// options: -std=c++17
#include <sinter/sinter.hpp>

int main() { sinter::Tensor<float, 2, 3> x; }
