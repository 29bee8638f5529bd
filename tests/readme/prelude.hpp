// Declarations that the statements in README.md refer to.
#include <sinter/io/safetensors.hpp>
#include <sinter/sinter.hpp>
using namespace sinter;

struct Mlp {
  nn::Linear<64, 128> fc1;
  nn::Linear<128, 10> fc2;
  constexpr auto operator()(auto x) const { return fc2(relu(fc1(flatten(x)))); }
};
namespace nets {  // a block that defines it itself hides it
struct Cnn {
  nn::Conv2d<1, 32, 3, Padding<1>> conv1;
  nn::BatchNorm2d<32> norm1;
  nn::Conv2d<32, 64, 3, Stride<2>, Padding<1>> conv2;
  nn::Dropout drop{.p = .3f};
  nn::Linear<3136, 10> fc;
  constexpr auto operator()(auto image) const {
    return fc(drop(flatten(relu(conv2(max_pool2d<2>(relu(norm1(conv1(image)))))))));
  }
};
}  // namespace nets
using namespace nets;
inline Tensor<float, 32, 784> x;
inline Tensor<float, 784, 10> w;
inline Tensor<float, 10> b;
