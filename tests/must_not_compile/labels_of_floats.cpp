// expect: cross_entropy_needs_logits_batch_by_classes_and_one_integer_label_a_row<.*float, 2, 3.*float, 2>
// clang: 24
#include <sinter/sinter.hpp>
using namespace sinter;

struct Mlp {
  nn::Linear<4, 3> fc;
  constexpr auto operator()(auto x) const { return fc(x); }
};

int main() {
  Model<Mlp> net(Seed{1});
  auto step = training<Tensor<float, 2, 4>, Tensor<float, 2>>(net, nn::cross_entropy, optim::Adam{});
}
