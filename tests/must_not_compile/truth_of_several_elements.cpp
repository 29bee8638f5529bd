// expect: truth_of_several_elements_is_ambiguous_use_any_or_all<.*bool, 3
#include <sinter/sinter.hpp>
using namespace sinter;

int main() {
  const Tensor<float, 3> a{1, 2, 3}, b{1, 2, 4};
  if (a == b) return 1;
}
