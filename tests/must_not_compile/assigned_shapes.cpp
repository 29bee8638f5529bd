// expect: assigned_shapes_differ<.*float, 32, 11.*float, 32, 10
#include <sinter/sinter.hpp>
using namespace sinter;

int main() {
  Tensor<float, 32, 10> a;
  Tensor<float, 32, 11> b = a + 1.f;
}
