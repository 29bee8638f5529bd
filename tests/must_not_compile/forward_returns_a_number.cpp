// expect: the_nets_operator_must_return_a_tensor_made_of_its_inputs<Net, float
#include <sinter/sinter.hpp>
using namespace sinter;

struct Net {
  nn::Linear<4, 3> fc;
  constexpr auto operator()(auto) const { return 1.f; }
};

int main() {
  Model<Net> net(Seed{1});
  auto infer = inference<Tensor<float, 2, 4>>(net);
}
