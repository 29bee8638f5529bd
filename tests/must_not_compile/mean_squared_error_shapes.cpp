// expect: loss_needs_a_prediction_and_a_target_of_one_shape<.*float, 32, 1.*float, 32
// clang: 24
#include <sinter/sinter.hpp>
using namespace sinter;

struct Net {
  nn::Linear<4, 1> fc;
  constexpr auto operator()(auto x) const { return fc(x); }
};

int main() {
  Model<Net> net(Seed{1});
  auto step = training<Tensor<float, 32, 4>, Tensor<float, 32>>(net, nn::mse_loss, optim::Adam{});
}
