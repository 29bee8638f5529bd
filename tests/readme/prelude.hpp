// What the statements in README.md refer to.
#include <sinter/io/safetensors.hpp>
#include <sinter/sinter.hpp>
using namespace sinter;

struct Mlp {
  nn::Linear<64, 128> fc1;
  nn::Linear<128, 10> fc2;
  constexpr auto operator()(auto x) const { return fc2(relu(fc1(x))); }
};
inline Tensor<float, 32, 784> x;
inline Tensor<float, 784, 10> w;
inline Tensor<float, 10> b;
