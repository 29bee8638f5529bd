// Maps on a GPU against the CPU backend. Without a GPU it ends with 77,
// "skipped": that its kernels compile is checked all the same.
#include <sinter/backend/cpu/backend.hpp>
#include <sinter/backend/cuda/map.hpp>
#include <sinter/compile/program.hpp>
#include <sinter/graph/trace.hpp>
#include <sinter/ops/ops.hpp>

#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <tuple>
#include <vector>

using namespace sinter;
using namespace sinter::internals;

namespace {

constexpr int skipped = 77;

void require(cudaError_t e, const char* what) {
  if (e == cudaSuccess) return;
  std::printf("%s: %s\n", what, cudaGetErrorString(e));
  std::exit(1);
}

/// Programs of maps alone, on the device.
struct DeviceMaps {
  static constexpr compile::Target target = cpu::run_time_target;
  template <class K, class Step> static void run(const std::int64_t* arguments, const cpu::Context& c) {
    static_assert(K::body.kind == compile::KernelKind::map);
    on_cuda::map<K>(arguments, c);
  }
};

/// A fused chain with operands repeated along both sides, a transposed one, and a choice; in two results. What decides
/// (the mask, the cast to an integer) is exact, so that a last place that differs decides nothing.
struct Fused {
  constexpr auto operator()(auto x, auto row, auto column, auto transposed) const {
    const auto y = tanh(exp(x * 0.5f) - row) / sqrt(column * column + 1.f) + transpose(transposed);
    return std::tuple{select(x > 0.25f, log(y * y + 2.f), maximum(y, column)), cast<std::int32_t>(x * 8.f)};
  }
};
/// Double precision, masks and integers.
struct Mixed {
  constexpr auto operator()(auto d, auto i) const {
    return std::tuple{exp(d) + log(d * d + 1.) - tanh(d), i > 3, cast<std::int64_t>(i) * 5000000000, one_hot<9>(i)};
  }
};
/// Reads a run-time length.
struct PerLength {
  template <class X> constexpr auto operator()(X x) const {
    return std::tuple{exp(x) / Sym<float>(graph::cast_to(graph::length(x.graph, 'B'), Dtype::float32))};
  }
};

template <class S> constexpr std::size_t bytes_of_symbol = std::size_t(S::shape.size()) * sizeof(typename S::element);

template <class S> void fill(std::byte* p, unsigned seed) {
  auto* x = reinterpret_cast<typename S::element*>(p);
  for (std::ptrdiff_t i = 0; i < S::shape.size(); ++i) {
    seed = seed * 1664525u + 1013904223u;
    const double unit = double(seed >> 8) / double(1 << 24);
    x[i] = static_cast<typename S::element>(is_floating(S::dtype) ? 4 * unit - 2 : std::floor(10 * unit));
  }
}

/// The largest difference between two results, relative above 1; infinite where one is NaN.
template <class S> double difference(const std::byte* a, const std::byte* b) {
  const auto *x = reinterpret_cast<const typename S::element*>(a), *y = reinterpret_cast<const typename S::element*>(b);
  double most = 0;
  for (std::ptrdiff_t i = 0; i < S::shape.size(); ++i) {
    const double d = std::fabs(double(x[i]) - double(y[i])) / std::fmax(1.0, std::fabs(double(x[i])));
    most = d <= most ? most : d == d ? d : HUGE_VAL;
  }
  return most;
}

template <class F, class... S> struct Comparison {
  using Trace = graph::FunctionTrace<F, S...>;
  using OnDevice = compile::Program<Trace, DeviceMaps>;
  using OnHost = compile::Program<Trace, cpu::Backend>;

  template <class... R> static bool run(const char* name, std::int64_t length, std::tuple<R...>*) {
    constexpr std::size_t n = sizeof...(S), m = sizeof...(R);
    const std::array<std::size_t, 1 + n + m> bytes{OnHost::workspace_bytes, bytes_of_symbol<S>...,
                                                   bytes_of_symbol<R>...};
    std::array<std::vector<std::byte>, 1 + n + m> host;
    std::array<std::byte*, 1 + n + m> on_host, on_device;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      host[i].resize(bytes[i]);
      on_host[i] = host[i].data();
      require(cudaMalloc(reinterpret_cast<void**>(&on_device[i]), bytes[i] + 1), "cudaMalloc");
      require(cudaMemset(on_device[i], 0, bytes[i]), "cudaMemset");
    }
    std::size_t at = 1;
    ((fill<S>(on_host[at], unsigned(at)), ++at), ...);
    for (std::size_t i = 1; i <= n; ++i)
      require(cudaMemcpy(on_device[i], on_host[i], bytes[i], cudaMemcpyHostToDevice), "copy to the device");
    const std::array<std::int64_t, 1> lengths{length};
    OnHost::run(cpu::Context{on_host.data(), lengths.data(), nullptr});
    OnDevice::run(cpu::Context{on_device.data(), lengths.data(), nullptr});
    require(cudaDeviceSynchronize(), "kernels");
    double most = 0;
    std::size_t result = 1 + n;
    ([&] {
      std::vector<std::byte> found(bytes[result]);
      require(cudaMemcpy(found.data(), on_device[result], found.size(), cudaMemcpyDeviceToHost),
              "copy from the device");
      most = std::fmax(most, difference<R>(host[result].data(), found.data()));
      ++result;
    }(), ...);
    for (std::byte* p : on_device) cudaFree(p);
    std::printf("%-10s steps %d, kernels %d, largest difference %.2g\n", name, OnDevice::steps,
                OnDevice::distinct_kernels, most);
    return most < 1e-5;
  }
};
template <class F, class... S> bool agrees(const char* name, std::int64_t length = 0) {
  return Comparison<F, S...>::run(name, length, static_cast<graph::ResultOfTrace<F, S...>*>(nullptr));
}

}  // namespace

int main() {
  int devices = 0;
  if (cudaGetDeviceCount(&devices) != cudaSuccess || devices == 0) {
    std::printf("no GPU: skipped\n");
    return skipped;
  }
  cudaDeviceProp device;
  require(cudaGetDeviceProperties(&device, 0), "device");
  std::printf("on %s\n", device.name);
  bool good = agrees<Fused, Sym<float, 37, 53>, Sym<float, 53>, Sym<float, 37, 1>, Sym<float, 53, 37>>("fused");
  good = agrees<Mixed, Sym<double, 1000>, Sym<std::int32_t, 1000>>("mixed") && good;
  for (const int n : {0, 1, 64}) good = agrees<PerLength, Sym<float, upto<64, 'B'>, 5>>("length", n) && good;
  std::printf(good ? "the GPU agrees with the CPU\n" : "the GPU disagrees\n");
  return good ? 0 : 1;
}
