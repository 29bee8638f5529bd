// expect: batch_norm_needs_an_input_with_its_channels_as_axis_1<.*float, 32, 8, 4, 4.*, 16>
#include <sinter/sinter.hpp>
using namespace sinter;

struct Net {
  nn::BatchNorm2d<16> bn;
  constexpr auto operator()(auto x) const { return bn(x); }
};

int main() {
  Model<Net> net(Seed{1});
  auto infer = inference<Tensor<float, 32, 8, 4, 4>>(net);
}
