// expect: cross_entropy_needs_logits_batch_by_classes_and_one_integer_label_a_row<.*float, 32, 10.*int, 16
// clang: 24
#include <sinter/sinter.hpp>
using namespace sinter;

struct Net {
  nn::Linear<4, 10> fc;
  constexpr auto operator()(auto x) const { return fc(x); }
};

int main() {
  Model<Net> net(Seed{1});
  auto step = training<Tensor<float, 32, 4>, Tensor<int, 16>>(net, nn::cross_entropy, optim::Adam{});
}
