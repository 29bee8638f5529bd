// expect: assigned_dtypes_differ_write_cast<.*double, 2, 3.*float, 2, 3
#include <sinter/sinter.hpp>
using namespace sinter;

int main() {
  Tensor<float, 2, 3> x;
  Tensor<double, 2, 3> y = x;
}
