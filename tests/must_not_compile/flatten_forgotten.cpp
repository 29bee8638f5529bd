// expect: linear_layer_needs_a_last_axis_of_its_input_size<.*float, 32, 8, 4, 4.*, 128, 10>
// clang: 22
#include <sinter/sinter.hpp>
using namespace sinter;

int main() {
  using Net = nn::Sequential<nn::Conv2d<1, 8, 3, Conv2dOptions{.padding = 1}>, nn::MaxPool2d<2>, nn::Linear<128, 10>>;
  Model<Net> net(Seed{1});
  auto infer = inference<Tensor<float, 32, 1, 8, 8>>(net);
}
