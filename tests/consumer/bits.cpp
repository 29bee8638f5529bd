// Prints the bits of a trained network: the same, whether kernels are included (sinter::sinter) or linked
// (sinter::compiled), if both are compiled with the same flags.
#include <bit>
#include <cstdint>
#include <cstdio>
#include <sinter/sinter.hpp>

using namespace sinter;

struct Net {
  nn::Conv2d<16, 32, 3, Padding<1>> conv1;
  nn::Conv2d<32, 32, 3, Padding<1>> conv2;
  nn::LSTM<32, 24, BatchFirst> lstm;
  nn::MultiheadAttention<24, 2> attention;
  nn::Linear<24, 10> last;

  constexpr auto operator()(auto image) const {
    const auto features = conv2(relu(conv1(image)));                     // [N, 32, 12, 12]
    const auto steps = permute<0, 2, 1>(mean<3>(features));              // [N, 12, 32]
    const auto [states, h, c] = lstm(steps);                             // [N, 12, 24]
    return last(mean<1>(attention(states, states, states)));
  }
};

int main() {
  Model<Net> net(Seed{1});
  auto step = training<Tensor<float, 8, 16, 12, 12>, Tensor<int, 8>>(net, nn::cross_entropy, optim::Adam{.lr = 1e-2f});
  Tensor<float, 8, 16, 12, 12> image;
  Tensor<int, 8> label;
  std::uint32_t random = 1;
  for (int i = 0; i < 3; ++i) {
    for (float& x : image) x = float((random = random * 1664525u + 1013904223u) >> 8) / float(1 << 24) - .5f;
    for (int& l : label) l = int((random = random * 1664525u + 1013904223u) >> 8) % 10;
    std::printf("%08x\n", std::bit_cast<std::uint32_t>(float(step(image, label).loss)));
  }
  std::uint32_t bits = 0;
  net.for_each_parameter([&](const auto&, const auto& p) {
    for (std::ptrdiff_t i = 0; i < p.size(); ++i) bits = bits * 31 + std::bit_cast<std::uint32_t>(p.data()[i]);
  });
  std::printf("%08x\n", bits);
}
