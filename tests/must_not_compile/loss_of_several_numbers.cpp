// expect: loss_needs_to_be_one_number_of_floating_point<.*float, 2, 3
#include <sinter/sinter.hpp>
using namespace sinter;

struct Mlp {
  nn::Linear<4, 3> fc;
  constexpr auto operator()(auto x) const { return fc(x); }
};

int main() {
  Model<Mlp> net(Seed{1});
  const auto loss = [](auto y, auto t) { return (y - t) * (y - t); };
  auto step = training<Tensor<float, 2, 4>, Tensor<float, 2, 3>>(net, loss, optim::SGD{});
}
