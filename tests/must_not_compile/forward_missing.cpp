// expect: the_net_has_no_call_operator_name_its_forward_pass_so<Net
#include <sinter/sinter.hpp>
using namespace sinter;

struct Net {
  nn::Linear<4, 3> fc;
  constexpr auto forward(auto x) const { return fc(x); }
};

int main() {
  Model<Net> net(Seed{1});
  auto infer = inference<Tensor<float, 2, 4>>(net);
}
