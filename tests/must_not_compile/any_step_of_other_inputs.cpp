// expect: any_step_holds_a_training_step_of_its_net_inputs_and_result
// clang: 30
#include <sinter/sinter.hpp>
using namespace sinter;

struct Net {
  nn::Linear<4, 2> fc;
  constexpr auto operator()(auto x) const { return fc(x); }
};

int main() {
  const Model<Net> net(Seed{1});
  AnyStep<Net, Tensor<float, 8, 4>, Tensor<float, 8, 2>> step =
      training<Tensor<float, 6, 4>, Tensor<float, 6, 2>>(net, nn::mse_loss, optim::SGD{});
}
