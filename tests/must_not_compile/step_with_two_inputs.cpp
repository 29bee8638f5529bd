// expect: program_is_called_with_other_tensors_than_it_was_made_for<.*2, 4.*int, 2.*2, 4.*2, 4.*int, 2
#include <sinter/sinter.hpp>
using namespace sinter;

struct Mlp {
  nn::Linear<4, 3> fc;
  constexpr auto operator()(auto x) const { return fc(x); }
};

int main() {
  Model<Mlp> net(Seed{1});
  auto step = training<Tensor<float, 2, 4>, Tensor<int, 2>>(net, nn::cross_entropy, optim::SGD{});
  const Tensor<float, 2, 4> x;
  step(x, x, Tensor<int, 2>{});
}
