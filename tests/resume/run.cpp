// A training run that may be killed at any moment: run FILE goes on from the checkpoint in FILE, if there is one, and
// prints a hash of the final parameters and buffers.
#include <sinter/io/checkpoint.hpp>
#include <sinter/sinter.hpp>

#include <cstdio>
#include <filesystem>

using namespace sinter;

namespace {

struct Net {
  nn::Conv2d<1, 8, 3, Conv2dOptions{.padding = 1}> conv;
  nn::BatchNorm2d<8> norm;
  nn::Dropout drop{.p = .3f};
  nn::Linear<128, 10> fc;
  constexpr auto operator()(auto x) const { return fc(drop(flatten(max_pool2d<2>(relu(norm(conv(x))))))); }
};
/// Images by formula.
struct Images {
  using Input = Tensor<float, 1, 8, 8>;
  using Target = Tensor<int>;
  std::size_t size() const { return 500; }
  void read(data::Visit v, float* x, int* y) const {
    *y = int(v.index % 10);
    for (int i = 0; i < 64; ++i) x[i] = std::sin(float(v.epoch) + float(i * (*y + 1)) * .1f + float(v.index));
  }
};

}  // namespace

int main(int count, char** arguments) try {
  if (count != 2) return std::fprintf(stderr, "run FILE\n"), 2;
  const std::string path = arguments[1];
  auto batches = data::loader<32>(Images{}, {.shuffle = true, .seed = Seed{2}, .prefetch = true});
  Model<Net> net(Seed{1});
  auto step = training(net, batches, nn::cross_entropy, optim::clip_norm(optim::ema(optim::Adam{}, .9f), 1.f));
  if (std::filesystem::exists(path)) resume(path, step, batches);
  for (auto epoch = batches.epoch(); epoch < 40; ++epoch)
    for (auto [x, y] : batches) {
      step(x, y);
      if (step.steps() % 3 == 0) save_checkpoint(path, step, batches);
    }
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const auto& model : {net, step.averaged()})
    for (const auto& t : model.state_dict())
      for (std::size_t i = 0; i < t.bytes(); ++i) hash = (hash ^ std::uint64_t(t.data[i])) * 0x100000001b3;
  std::printf("%lld steps, %016llx\n", static_cast<long long>(step.steps()), static_cast<unsigned long long>(hash));
} catch (const Error& e) {
  std::fprintf(stderr, "%s\n", e.what());
  return 1;
}
