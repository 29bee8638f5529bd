// expect: linear_layer_needs_a_last_axis_of_its_input_size<.*float, 32, 100.*, 784, 10>
#include <sinter/sinter.hpp>
using namespace sinter;

struct Net {
  nn::Linear<784, 10> fc;
  constexpr auto operator()(auto x) const { return fc(x); }
};

int main() {
  Model<Net> net(Seed{1});
  auto infer = inference<Tensor<float, 32, 100>>(net);
}
