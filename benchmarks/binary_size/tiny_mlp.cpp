// A net of an audio plug-in or a controller: weights in, one number out.
#include <sinter/train/inference.hpp>
#include <sinter/nn/activation.hpp>
#include <sinter/nn/linear.hpp>
#include <sinter/nn/sequential.hpp>

#include <cstdio>

using namespace sinter;
using Net = nn::Sequential<nn::Linear<8, 16>, nn::Tanh, nn::Linear<16, 16>, nn::Tanh, nn::Linear<16, 1>>;

int main(int argc, char** argv) {
  Model<Net> net(Seed{1});
  if (argc > 1) {
    std::FILE* file = std::fopen(argv[1], "rb");
    if (file == nullptr || std::fread(net.data(), sizeof(float), std::size_t(Model<Net>::parameters), file) !=
                               std::size_t(Model<Net>::parameters))
      return 1;
    std::fclose(file);
  }
  auto infer = inference<Tensor<float, 1, 8>>(net);
  Tensor<float, 1, 8> x;
  while (std::fread(x.data(), sizeof(float), 8, stdin) == 8) std::printf("%.9g\n", double(infer(x)(0, 0)));
}
