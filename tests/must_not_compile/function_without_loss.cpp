// expect: loss_needs_to_be_one_number_of_floating_point<.*float, 2, 5
#include <sinter/sinter.hpp>

int main() {
  using namespace sinter;
  Model<nn::Linear<3, 5>> net(Seed{1});
  auto step = training<Tensor<float, 2, 3>>(net, optim::Adam{}, [](auto& n, const auto& x) { return n(x); });
}
