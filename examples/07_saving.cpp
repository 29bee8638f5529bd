// Saving and loading: files that PyTorch opens, written whole or not at all, and precise error messages.
#include <sinter/io/safetensors.hpp>
#include <sinter/sinter.hpp>

#include <cstdio>

using namespace sinter;

struct Net {
  nn::Conv2d<1, 4, 3> conv;
  nn::BatchNorm2d<4> norm;
  nn::Linear<144, 10> fc;
  constexpr auto operator()(auto x) const { return fc(flatten(relu(norm(conv(x))))); }
};
struct Wider {
  nn::Conv2d<1, 8, 3> conv;
  nn::BatchNorm2d<8> norm;
  nn::Linear<288, 10> fc;
  constexpr auto operator()(auto x) const { return fc(flatten(relu(norm(conv(x))))); }
};

int main(int argc, char** argv) {
  const std::string file = argc > 1 ? argv[1] : "net.safetensors";

  // Parameters and buffers go under the names that PyTorch's state dict has for the same modules.
  //   PyTorch: net.load_state_dict(safetensors.torch.load_file("net.safetensors"), strict=True)
  Model<Net> net(Seed{1});
  save(net, file);
  const auto again = load<Net>(file);

  const Tensor<float, 1, 1, 8, 8> x = random::uniform<1, 1, 8, 8>(Seed{2});
  auto infer = inference<Tensor<float, 1, 1, 8, 8>>(net), same = inference<Tensor<float, 1, 1, 8, 8>>(again);
  if (!equal(infer(x), same(x))) return 1;
  std::printf("read back: equal outputs\n");

  // One parameter at a time: a view that reads and writes.
  net->fc.bias = Tensor<float, 10>{1, 0, 0, 0, 0, 0, 0, 0, 0, 0};
  net->conv.weight(0, 0, 1, 1) = 0.5f;
  if (equal(infer(x), same(x))) return 1;

  // A file that does not match changes nothing.
  try {
    Model<Wider> other(Seed{1});
    load(other, file);
    return 1;
  } catch (const Error& e) {
    std::printf("%s\n", e.what());
  }
  std::remove(file.c_str());
  return 0;
}
