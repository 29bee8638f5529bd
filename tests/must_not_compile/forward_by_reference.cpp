// expect: the_nets_operator_takes_its_inputs_by_auto_or_const_reference<Net|no matching function.*const Net
#include <sinter/sinter.hpp>
using namespace sinter;

struct Net {
  nn::Linear<4, 3> fc;
  constexpr auto operator()(auto& x) const { return fc(x); }
};

int main() {
  Model<Net> net(Seed{1});
  auto infer = inference<Tensor<float, 2, 4>>(net);
  infer(Tensor<float, 2, 4>{});
}
