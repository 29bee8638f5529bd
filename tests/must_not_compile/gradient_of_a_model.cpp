// expect: a_traced_function_must_not_capture_pass_values_as_arguments<.*Model<Mlp
#include <sinter/sinter.hpp>
using namespace sinter;

struct Mlp {
  nn::Linear<4, 3> fc;
  constexpr auto operator()(auto x) const { return fc(x); }
};

int main() {
  Model<Mlp> net(Seed{1});
  const Tensor<float, 2, 4> x;
  auto d = grad(net)(x);
}
