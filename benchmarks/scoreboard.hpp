// What the rows of the scoreboard share: the source of their numbers, timing and checks.
#pragma once
#include <sinter/sinter.hpp>

#include <chrono>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>

#include "options.hpp"

namespace scoreboard {

using namespace sinter;

/// Tensors of the peers (peer_values.py), or random numbers if only time is measured.
class Source {
 public:
  explicit Source(Options);
  Source(const Source&) = delete;
  ~Source();

  const Options options;

  bool has_values() const { return file_ != nullptr; }
  bool wanted(const std::string& row) const {
    return row.find(options.only) != std::string::npos && (!has_values() || has(row + ".out"));
  }
  bool has(const std::string& name) const;

  /// One of the peers' tensors, or normal numbers; integers are in 0 … 9.
  template <class T> T tensor(const std::string& name) {
    T t(uninitialized);
    fill(name, t.data(), T::size());
    return t;
  }
  template <class E> void fill(const std::string& name, E* to, std::ptrdiff_t n) {
    if (has_values()) return read(name, to, std::size_t(n) * sizeof(E));
    const Philox random(Seed{1}, stream_++);
    for (std::ptrdiff_t i = 0; i < n; ++i)
      to[i] = std::is_same_v<E, int> ? E(random.below(std::uint64_t(i), 10)) : E(random.normal(std::uint64_t(i)));
  }
  /// Loads the peers' parameters and buffers into a model; without a file it keeps its initial ones.
  template <class X> void load(const std::string& row, Model<X>& net) {
    if (!has_values()) return;
    for (const auto& t : net.state_dict()) read(row + "." + t.name, t.data, t.bytes());
  }

 private:
  struct File;

  void read(const std::string& name, void* to, std::size_t bytes) const;

  std::unique_ptr<File> file_;
  std::uint64_t stream_ = 0;
};

inline double seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}
template <class T> void consume(const T& x) { asm volatile("" : : "r"(&x) : "memory"); }

/// The shortest mean time of a call, over rounds of about a fifth of a second, in microseconds.
template <class F> double best_time(F&& f) {
  for (int i = 0; i < 3; ++i) f();
  double start = seconds();
  f();
  const double once = std::max(seconds() - start, 1e-9);
  constexpr int rounds = 5;
  const auto n = std::int64_t(std::max(1.0, 1.0 / rounds / once));
  double best = 1e30;
  for (int r = 0; r < rounds; ++r) {
    start = seconds();
    for (std::int64_t i = 0; i < n; ++i) f();
    best = std::min(best, (seconds() - start) / double(n));
  }
  return best * 1e6;
}

void report_time(const Source& source, const std::string& row, double microseconds);
void report_difference(const std::string& row, const float* found, const float* expected, std::ptrdiff_t n);

/// Times f, or reports by how much result() differs from the peers' "ROW.out", relative to its largest element.
template <class F, class R> void row(Source& source, const std::string& name, F&& f, R&& result) {
  if (!source.has_values()) return report_time(source, name, best_time(f));
  f();
  const auto& found = result();
  const auto expected = std::make_unique<float[]>(std::size_t(found.size()));
  source.fill(name + ".out", expected.get(), found.size());
  report_difference(name, found.data(), expected.get(), found.size());
}

/// A row of training: repeated steps of Adam on one batch. Compares the losses of the first five with the peers'.
template <class Net, class Input, class Target> void training_row(Source& source, const std::string& name) {
  if (!source.wanted(name)) return;
  Model<Net> net(Seed{1});
  source.load(name, net);
  const auto x = source.tensor<Input>(name + ".x");
  const auto y = source.tensor<Target>(name + ".y");
  auto step =
      training<Input, Target>(net, nn::cross_entropy, optim::Adam{.lr = 1e-3f}, Cpu{.threads = source.options.threads});
  Tensor<float, 5> losses;
  row(source, name, [&] {
    if (source.has_values())
      for (int i = 0; i < 5; ++i) losses(i) = step(x, y).loss;
    else consume(step(x, y).loss);
  }, [&]() -> const auto& { return losses; });
}

/// A row of inference on one input.
template <class Net, class Input> void inference_row(Source& source, const std::string& name) {
  if (!source.wanted(name)) return;
  Model<Net> net(Seed{1});
  source.load(name, net);
  const auto x = source.tensor<Input>(name + ".x");
  auto infer = inference<Input>(net, Cpu{.threads = source.options.threads});
  row(source, name, [&] { consume(*infer(x).data()); }, [&] { return infer(x); });
}

// The rows, each in a separate file under rows/: their compile times are part of the score.
void mlp_train(Source&);
void lenet_train(Source&);
void resnet18_cifar_train(Source&);
void resnet18_infer(Source&);
void mobilenet_v2_infer(Source&);
void minilm_infer(Source&);
void elementwise(Source&);
void products(Source&);
void attention_train(Source&);
void small_nets(Source&);

}  // namespace scoreboard
