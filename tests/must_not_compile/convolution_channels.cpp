// expect: convolution_channels_of_image_and_weight_differ<.*float, 32, 3, 8, 8.*float, 16, 1, 3, 3
// clang: 24
#include <sinter/sinter.hpp>
using namespace sinter;

struct Net {
  nn::Conv2d<1, 16, 3> conv;
  constexpr auto operator()(auto x) const { return conv(x); }
};

int main() {
  Model<Net> net(Seed{1});
  auto infer = inference<Tensor<float, 32, 3, 8, 8>>(net);
}
