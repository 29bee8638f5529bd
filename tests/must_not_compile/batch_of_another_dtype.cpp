// expect: program_is_called_with_other_dtypes_than_it_was_made_for_write_cast<.*float, 2, 4.*double, 2, 4
#include <sinter/sinter.hpp>
using namespace sinter;

struct Mlp {
  nn::Linear<4, 3> fc;
  constexpr auto operator()(auto x) const { return fc(x); }
};

int main() {
  Model<Mlp> net(Seed{1});
  auto infer = inference<Tensor<float, 2, 4>>(net);
  infer(Tensor<double, 2, 4>{});
}
