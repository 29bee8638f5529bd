// expect: no_parameter_of_the_net_is_chosen_by<.*Linear<3, 5
#include <sinter/sinter.hpp>

int main() {
  using namespace sinter;
  Model<nn::Linear<3, 5>> net(Seed{1});
  auto step = training<Tensor<float, 2, 3>, Tensor<float, 2, 5>>(net, nn::mse_loss,
                                                                 optim::freeze<"wieght">(optim::Adam{}));
}
