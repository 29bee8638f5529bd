// expect: an_option_is_out_of_its_range
// lines: 27
// clang: 57
#include <sinter/sinter.hpp>
using namespace sinter;

struct Net {
  nn::Linear<4, 4> fc;
  nn::Dropout drop{.p = 1.5f};
  constexpr auto operator()(auto x) const { return drop(fc(x)); }
};

int main() {
  Model<Net> net(Seed{1});
  auto step = training<Tensor<float, 2, 4>, Tensor<float, 2, 4>>(net, nn::mse_loss, optim::SGD{});
}
