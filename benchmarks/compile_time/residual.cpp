// A training step of many residual blocks, 48 unless -DBLOCKS says otherwise. All blocks share the same few kernels.
#include <sinter/sinter.hpp>
#ifndef BLOCKS
#define BLOCKS 48
#endif
using namespace sinter;

struct Block {
  nn::Linear<64, 128> up;
  nn::Linear<128, 64> down;
  constexpr auto operator()(auto x) const { return x + down(relu(up(x))); }
};
struct Net {
  nn::Linear<784, 64> stem;
  std::array<Block, BLOCKS> blocks;
  nn::Linear<64, 10> head;
  constexpr auto operator()(auto x) const {
    auto h = stem(x);
    for (const Block& b : blocks) h = b(h);
    return head(h);
  }
};

int main() {
  Model<Net> net(Seed{1});
  auto step = training<Tensor<float, 32, 784>, Tensor<int, 32>>(net, nn::cross_entropy, optim::Adam{.lr = 1e-3f});
  Tensor<float, 32, 784> x;
  Tensor<int, 32> label;
  std::printf("%g, %d nodes, %d steps, %d kernels\n", double(step(x, label).loss), decltype(step)::Program::nodes,
              decltype(step)::Program::steps, decltype(step)::Program::distinct_kernels);
}
