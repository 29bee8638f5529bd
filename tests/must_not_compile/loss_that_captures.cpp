// expect: numbers_of_a_loss_belong_to_its_type_pass_a_captureless_lambda_that_holds_them<
#include <sinter/sinter.hpp>
using namespace sinter;

struct Mlp {
  nn::Linear<4, 3> fc;
  constexpr auto operator()(auto x) const { return fc(x); }
};

int main() {
  Model<Mlp> net(Seed{1});
  const float weight = 2;
  auto step = training<Tensor<float, 2, 4>, Tensor<int, 2>>(
      net, [weight](auto y, auto t) { return nn::cross_entropy(y, t) * weight; }, optim::SGD{});
  step(Tensor<float, 2, 4>{}, Tensor<int, 2>{});
}
