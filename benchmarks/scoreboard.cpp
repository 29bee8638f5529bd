// The scoreboard's workloads, written as a user would write them: float32, weights and inputs known at run time only.
#include <sinter/io/safetensors.hpp>
#include <sinter/sinter.hpp>

#include <chrono>
#include <memory>

#include "options.hpp"

using namespace sinter;

namespace {

Options options;

template <class T> void consume(const T& x) { asm volatile("" : : "r"(&x) : "memory"); }

double seconds() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

/// A tensor of the peers, or random numbers where only time matters.
class Source {
 public:
  explicit Source(const std::string& path) {
    if (!path.empty()) file_ = std::make_unique<io::TensorFile>(io::read_safetensors(path));
  }
  bool has_values() const { return file_ != nullptr; }
  template <class T> T tensor(const std::string& name) {
    T t(uninitialized);
    fill(name, t.data(), T::size());
    return t;
  }
  template <class E> void fill(const std::string& name, E* to, std::ptrdiff_t n) {
    if (!has_values()) {
      const Philox random(Seed{1}, stream_++);
      for (std::ptrdiff_t i = 0; i < n; ++i) to[i] = std::is_same_v<E, int> ? E(random.below(std::uint64_t(i), 10)) : E(random.normal(std::uint64_t(i)));
      return;
    }
    for (const io::TensorEntry& e : file_->tensors) {
      if (e.name != name) continue;
      if (e.end - e.begin != std::size_t(n) * sizeof(E)) throw Error(ErrorCode::mismatch, options.check + ", tensor \"" + name + "\"", "expected " + std::to_string(n) + " elements of 4 bytes");
      std::memcpy(to, file_->bytes.data() + file_->data + e.begin, std::size_t(n) * sizeof(E));
      return;
    }
    throw Error(ErrorCode::mismatch, options.check, "expected a tensor \"" + name + "\", found none", "write the file with peer_values.py");
  }

 private:
  std::unique_ptr<io::TensorFile> file_;
  std::uint64_t stream_ = 0;
};

/// Times f, or says by how much result() differs from the peers' "NAME.out", relative to its largest element.
template <class F, class R> void row(Source& source, const std::string& name, F&& f, R&& result) {
  if (source.has_values()) {
    f();
    const auto& found = result();
    auto expected = std::make_unique<std::remove_cvref_t<decltype(found)>>(source.tensor<std::remove_cvref_t<decltype(found)>>(name + ".out"));
    double difference = 0, largest = 0, sum = 0, peers_sum = 0;
    for (std::ptrdiff_t i = 0; i < found.size(); ++i) {
      difference = std::max(difference, std::abs(double(found.data()[i]) - double(expected->data()[i])));
      largest = std::max(largest, std::abs(double(expected->data()[i])));
      sum += double(found.data()[i]);
      peers_sum += double(expected->data()[i]);
    }
    std::printf("{\"workload\": \"%s\", \"peer\": \"sinter\", \"sum\": %.7g, \"torch_sum\": %.7g, \"difference\": %.2g}\n", name.c_str(), sum, peers_sum, difference / std::max(largest, 1e-30));
    return;
  }
  for (int i = 0; i < 3; ++i) f();
  double start = seconds();
  f();
  const double once = std::max(seconds() - start, 1e-8);
  constexpr int rounds = 5;
  const auto n = std::int64_t(std::max(1.0, 1.0 / rounds / once));
  double best = 1e30;
  for (int r = 0; r < rounds; ++r) {
    start = seconds();
    for (std::int64_t i = 0; i < n; ++i) f();
    best = std::min(best, (seconds() - start) / double(n));
  }
  std::printf("{\"workload\": \"%s\", \"peer\": \"sinter\", \"threads\": %d, \"us\": %.3f}\n", name.c_str(), options.threads, best * 1e6);
  std::fflush(stdout);
}
bool wanted(const std::string& name) { return name.find(options.only) != std::string::npos; }

using Mlp = nn::Sequential<nn::Linear<784, 256>, nn::ReLU, nn::Linear<256, 128>, nn::ReLU, nn::Linear<128, 10>>;

void mlp_train(Source& source) {
  if (!wanted("mlp_train_b128")) return;
  Model<Mlp> net(Seed{1});
  if (source.has_values()) net.for_each_parameter([&](const std::string& name, const auto& p) { source.fill("mlp_train_b128." + name, p.data(), p.size()); });
  const auto x = source.tensor<Tensor<float, 128, 784>>("mlp_train_b128.x");
  const auto y = source.tensor<Tensor<int, 128>>("mlp_train_b128.y");
  auto step = training<Tensor<float, 128, 784>, Tensor<int, 128>>(net, nn::cross_entropy, optim::Adam{.lr = 1e-3f}, cpu::Threads{options.threads});
  Tensor<float, 5> losses;
  row(source, "mlp_train_b128", [&] {
    if (source.has_values())
      for (int i = 0; i < 5; ++i) losses(i) = step(x, y).loss;
    else consume(step(x, y).loss);
  }, [&]() -> const auto& { return losses; });
}

void chain(Source& source) {
  if (!wanted("chain_4M")) return;
  using T = Tensor<float, 1 << 22>;
  const auto a = source.tensor<T>("chain_4M.a"), b = source.tensor<T>("chain_4M.b"), c = source.tensor<T>("chain_4M.c");
  T out;
  row(source, "chain_4M", [&] {
    out = tanh(a * b + c) * a - relu(b - c);
    consume(*out.data());
  }, [&]() -> const auto& { return out; });
}

void softmax_rows(Source& source) {
  if (!wanted("softmax_4096x1024")) return;
  const auto x = source.tensor<Tensor<float, 4096, 1024>>("softmax_4096x1024.x");
  Tensor<float, 4096, 1024> p;
  row(source, "softmax_4096x1024", [&] {
    p = softmax(x);
    consume(*p.data());
  }, [&]() -> const auto& { return p; });
}

template <int N> void gemm(Source& source) {
  const std::string name = "gemm_" + std::to_string(N);
  if (!wanted(name)) return;
  const auto a = source.tensor<Tensor<float, N, N>>(name + ".a"), b = source.tensor<Tensor<float, N, N>>(name + ".b");
  Tensor<float, N, N> c;
  row(source, name, [&] {
    c = matmul(a, b);
    consume(*c.data());
  }, [&]() -> const auto& { return c; });
}

}  // namespace

int main(int argc, char** argv) {
  int status = 0;
  if (!parse(argc, argv, options, status)) return status;
  try {
    set_num_threads(options.threads);
    Source source(options.check);
    mlp_train(source);
    chain(source);
    softmax_rows(source);
    gemm<16>(source);
    gemm<64>(source);
    gemm<256>(source);
    gemm<1024>(source);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "error: %s\n", e.what());
    return 1;
  }
}
