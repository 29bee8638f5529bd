// expect: assigned_shapes_differ<.*float, 2, 4.*float, 2, 3
#include <sinter/sinter.hpp>
using namespace sinter;

struct Mlp {
  nn::Linear<4, 3> fc;
  constexpr auto operator()(auto x) const { return fc(x); }
};

int main() {
  Model<Mlp> net(Seed{1});
  auto infer = inference<Tensor<float, 2, 4>>(net);
  const Tensor<float, 2, 4> x, y = infer(x);
}
