// What threads may do at the same time: use one const model, each with its own programs, statements, files and loaders.
// tests/sweep/threads.sh runs it under the thread sanitizer.
#include <sinter/io/safetensors.hpp>
#include <sinter/sinter.hpp>
#include <sinter/train/profile.hpp>

#include <unistd.h>
#include <cstdio>
#include <filesystem>
#include <thread>

using namespace sinter;

namespace {

struct Net {
  nn::Linear<16, 32> fc1;
  nn::BatchNorm1d<32> bn;
  nn::Linear<32, 4> fc2;
  Scalar temperature = 2.f;
  constexpr auto operator()(auto x) const { return softmax(fc2(relu(bn(fc1(x)))) / temperature); }
};
using Input = Tensor<float, upto<8, 'B'>, 16>;

/// All uses of a const model.
double use(const Model<Net>& net, int thread, const std::string& folder) {
  double sum = 0;
  auto infer = inference<Input>(net);
  Input x;
  x.set_length<'B'>(5);
  x.fill(0.25f);
  const std::string own = folder + "/" + std::to_string(thread);
  for (int i = 0; i < 20; ++i) {
    sum += double(infer(x)(3, 1)) + double(net(x)(2, 0));
    sum += double(net->fc1.weight(0, i % 16)) + double(net->fc1.weight.const_view()(1, 2)) + double(net.data()[7]) +
           double(net->temperature.value());
    const Tensor<float, 4, 32> twice = net->fc2.weight * 2.f;
    sum += double(twice(1, 1)) + double(float(amax(net->bn.running_var)));
  }
  const Model<Net> copy = net;
  save(net, own + ".safetensors");
  sum += double(load<Net>(own + ".safetensors")->fc2.bias(0)) + double(copy->fc2.bias(1));
  std::FILE* out = std::fopen((own + ".txt").c_str(), "w");
  print(net, out);
  print(net->fc1.bias, out);
  summary<Input>(net, out);
  print(profile(ProfileOptions{.runs = 2, .roof = false}, infer, x), out);
  std::fclose(out);

  data::Labelled<16> samples;
  std::array<float, 16> features{};
  for (int i = 0; i < 40; ++i) features[std::size_t(i % 16)] += 0.1f, samples.add(features.data(), i % 4);
  Model<Net> trained = net;
  auto batches = data::loader<8>(samples, {.shuffle = true, .prefetch = true});
  auto step = training(
      trained, batches, [](auto p, auto label) { return nn::cross_entropy(p, label); }, optim::Adam{});
  for (auto [batch, label] : batches) sum += double(step(batch, label).loss);
  data::MemoryFile table("a,b\n1,2\n");
  sum += double(data::read_csv_from(table, {.header = true})(0, 1));
  return sum;
}

}  // namespace

int main() {
  const std::string folder = std::filesystem::temp_directory_path() / ("sinter-threads-" + std::to_string(::getpid()));
  std::filesystem::create_directory(folder);
  const Model<Net> net(Seed{1});
  constexpr int count = 4;
  std::array<double, count> sum{};
  std::vector<std::thread> threads;
  for (int t = 0; t < count; ++t) threads.emplace_back([&, t] { sum[std::size_t(t)] = use(net, t, folder); });
  for (std::thread& t : threads) t.join();
  std::filesystem::remove_all(folder);
  for (const double s : sum)
    if (s != sum[0]) return std::fprintf(stderr, "threads compute different numbers: %.17g, %.17g\n", sum[0], s), 1;
  std::printf("%d threads shared a const model\n", count);
}
