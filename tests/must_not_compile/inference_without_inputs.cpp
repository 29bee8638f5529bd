// expect: inference_needs_the_types_of_its_inputs_write_inference_of_Tensor<Mlp
#include <sinter/sinter.hpp>
using namespace sinter;

struct Mlp {
  nn::Linear<4, 3> fc;
  constexpr auto operator()(auto x) const { return fc(x); }
};

int main() {
  Model<Mlp> net(Seed{1});
  auto infer = inference(net);
}
