// expect: a_training_step_needs_an_optimizer_as_optim_Adam<double
#include <sinter/sinter.hpp>
using namespace sinter;

struct Mlp {
  nn::Linear<4, 3> fc;
  constexpr auto operator()(auto x) const { return fc(x); }
};

int main() {
  Model<Mlp> net(Seed{1});
  auto step = training<Tensor<float, 2, 4>, Tensor<int, 2>>(net, nn::cross_entropy, 0.1);
}
