// expect: module_must_be_an_aggregate_without_constructors_private_members_or_virtual_functions<.*vector<float
// clang: 27
#include <sinter/sinter.hpp>
using namespace sinter;

#include <vector>

struct Net {
  nn::Linear<4, 3> fc;
  std::vector<float> scales;
  constexpr auto operator()(auto x) const { return fc(x); }
};

int main() {
  Model<Net> net(Seed{1});
  auto infer = inference<Tensor<float, 2, 4>>(net);
  infer(Tensor<float, 2, 4>{});
}
