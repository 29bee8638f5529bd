// expect: linear_layer_needs_a_last_axis_of_its_input_size<.*float, 2, 3>, 4, 3
#include <sinter/sinter.hpp>
using namespace sinter;

struct Net {
  nn::Linear<4, 3> fc;
  constexpr auto operator()(auto x) const { return fc(fc(x)); }
};

int main() {
  Model<Net> net(Seed{1});
  auto infer = inference<Tensor<float, 2, 4>>(net);
}
