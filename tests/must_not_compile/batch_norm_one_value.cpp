// expect: batch_norm_in_training_needs_more_than_one_value_for_each_channel.*float, 1, 4
// lines: 27
// clang: 57
#include <sinter/sinter.hpp>
using namespace sinter;

struct Net {
  nn::Linear<4, 4> fc;
  nn::BatchNorm1d<4> norm;
  constexpr auto operator()(auto x) const { return norm(fc(x)); }
};

int main() {
  Model<Net> net(Seed{1});
  auto step = training<Tensor<float, 1, 4>, Tensor<int, 1>>(net, nn::cross_entropy, optim::Adam{});
}
