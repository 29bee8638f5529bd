// A training program: 784-256-128-10, cross entropy, Adam, batches of 128. Budget: 4 s.
#include <sinter/sinter.hpp>
using namespace sinter;

struct Mlp {
  nn::Linear<784, 256> fc1;
  nn::Linear<256, 128> fc2;
  nn::Linear<128, 10> fc3;
  constexpr auto operator()(auto x) const { return fc3(relu(fc2(relu(fc1(x))))); }
};

int main() {
  Model<Mlp> net(Seed{1});
  auto step = training<Tensor<float, 128, 784>, Tensor<int, 128>>(net, nn::cross_entropy, optim::Adam{.lr = 1e-3f});
  Tensor<float, 128, 784> x;
  Tensor<int, 128> label;
  float loss = 0;
  for (int i = 0; i < 10; ++i) loss = step(x, label).loss;
  std::printf("%g\n", double(loss));
}
