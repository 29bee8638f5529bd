// expect: assigned_dtypes_differ_write_cast<.*float, 3.*int, 3
#include <sinter/sinter.hpp>
using namespace sinter;

int main() {
  const Tensor<int, 3> i{1, 2, 3};
  Tensor<float, 3> y = i * 2;
}
