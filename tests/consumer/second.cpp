#include <sinter/sinter.hpp>

float second(const sinter::Tensor<float, 2, 2>& x) { return eval(sum(x)); }
