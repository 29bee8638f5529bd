// expect: a_traced_parameter_has_no_elements_use_ranges
// lines: 26
// clang: 51
#include <sinter/sinter.hpp>

using namespace sinter;

struct Net {
  Param<float, 2, 3> weight;
  constexpr auto operator()(auto x) const { return x * weight(0, 1); }
};

int main() {
  Model<Net> net(Seed{1});
  auto infer = inference<Tensor<float, 3>>(net);
}
