// expect: an_optimizer_moves_at_least_one_parameter<
#include <sinter/sinter.hpp>

int main() {
  using namespace sinter;
  Model<nn::Linear<3, 5>> net(Seed{1});
  auto step = training<Tensor<float, 2, 3>, Tensor<float, 2, 5>>(net, nn::mse_loss, optim::freeze<"*">(optim::Adam{}));
}
