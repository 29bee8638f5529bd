// A training step of GPT-2's twelve layers: 768 wide, 12 heads, 64 tokens, Adam. Budget: 30 s.
#include "../models.hpp"

using namespace sinter;

int main() {
  Model<nets::Gpt<50257, 64, 768, 12, 12>> net(Seed{1});
  auto step = training<Tensor<int, 1, 64>, Tensor<int, 64>>(net, nn::cross_entropy, optim::Adam{.lr = 1e-3f});
  Tensor<int, 1, 64> ids;
  Tensor<int, 64> next;
  using Program = decltype(step)::Program;
  std::printf("%g, %d nodes, %d steps, %d kernels\n", double(step(ids, next).loss), Program::nodes, Program::steps,
              Program::distinct_kernels);
}
