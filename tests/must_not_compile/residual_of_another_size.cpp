// expect: operand_shapes_do_not_fit<.*Add.*float, 2, 4.*float, 2, 3
// clang: 24
#include <sinter/sinter.hpp>
using namespace sinter;

struct Net {
  nn::Linear<4, 3> fc;
  constexpr auto operator()(auto x) const { return fc(relu(x + fc(x))); }
};

int main() {
  Model<Net> net(Seed{1});
  auto infer = inference<Tensor<float, 2, 4>>(net);
}
