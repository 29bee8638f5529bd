// expect: a_program_cannot_be_copied_move_it_or_make_another<
#include <sinter/sinter.hpp>
using namespace sinter;

struct Mlp {
  nn::Linear<4, 3> fc;
  constexpr auto operator()(auto x) const { return fc(x); }
};

int main() {
  Model<Mlp> net(Seed{1});
  auto step = training<Tensor<float, 2, 4>, Tensor<int, 2>>(net, nn::cross_entropy, optim::SGD{});
  auto other = step;
}
