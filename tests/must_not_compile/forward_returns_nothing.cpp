// expect: the_nets_operator_must_return_a_tensor_made_of_its_inputs<Net, void
#include <sinter/sinter.hpp>
using namespace sinter;

struct Net {
  nn::Linear<4, 3> fc;
  constexpr void operator()(auto x) const { fc(x); }
};

int main() {
  Model<Net> net(Seed{1});
  auto infer = inference<Tensor<float, 2, 4>>(net);
}
