// Single kernels and small programs: where does the time of a scoreboard row go?
#include <benchmark/benchmark.h>
#include <sinter/sinter.hpp>

using namespace sinter;

namespace {

template <class T> T drawn(std::uint64_t stream) {
  T t(uninitialized);
  const Philox random(Seed{1}, stream);
  for (std::ptrdiff_t i = 0; i < T::size(); ++i) t.data()[i] = random.normal(std::uint64_t(i));
  return t;
}
/// Counts operations, so that the report shows operations a second.
void count(benchmark::State& state, double flops) { state.counters["FLOP/s"] = benchmark::Counter(flops, benchmark::Counter::kIsIterationInvariantRate); }

template <int M, int K, int N> void gemm(benchmark::State& state) {
  const auto a = drawn<Tensor<float, M, K>>(1);
  const auto b = drawn<Tensor<float, K, N>>(2);
  Tensor<float, M, N> c;
  for (auto _ : state) {
    c = matmul(a, b);
    benchmark::DoNotOptimize(c.data());
    benchmark::ClobberMemory();
  }
  count(state, 2.0 * M * K * N);
}
template <int N> void map_chain(benchmark::State& state) {
  const auto a = drawn<Tensor<float, N>>(1), b = drawn<Tensor<float, N>>(2), c = drawn<Tensor<float, N>>(3);
  Tensor<float, N> r;
  for (auto _ : state) {
    r = tanh(a * b + c) * a - relu(b - c);
    benchmark::DoNotOptimize(r.data());
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(state.iterations() * N * 16);
}
template <int R, int C> void row_softmax(benchmark::State& state) {
  const auto x = drawn<Tensor<float, R, C>>(1);
  Tensor<float, R, C> p;
  for (auto _ : state) {
    p = softmax(x);
    benchmark::DoNotOptimize(p.data());
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(state.iterations() * R * C * 8);
}
template <int R, int C> void sum_columns(benchmark::State& state) {
  const auto x = drawn<Tensor<float, R, C>>(1);
  Tensor<float, C> s;
  for (auto _ : state) {
    s = sum<0>(x);
    benchmark::DoNotOptimize(s.data());
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(state.iterations() * R * C * 4);
}

struct Tiny {
  nn::Linear<8, 16> fc1;
  nn::Linear<16, 16> fc2;
  nn::Linear<16, 1> fc3;
  constexpr auto operator()(auto x) const { return fc3(tanh(fc2(tanh(fc1(x))))); }
};
void tiny_mlp(benchmark::State& state) {
  Model<Tiny> net(Seed{1});
  auto infer = inference<Tensor<float, 1, 8>>(net);
  auto x = drawn<Tensor<float, 1, 8>>(1);
  for (auto _ : state) x(0, 0) = infer(x)(0, 0);
}
void statement(benchmark::State& state) {  // what an eager statement costs beside its arithmetic
  Tensor<float, 4> a{1, 2, 3, 4}, b{1, 1, 1, 1};
  for (auto _ : state) {
    b = a + b;
    benchmark::DoNotOptimize(b.data());
    benchmark::ClobberMemory();
  }
}

BENCHMARK(gemm<16, 16, 16>);
BENCHMARK(gemm<64, 64, 64>);
BENCHMARK(gemm<128, 784, 256>);
BENCHMARK(gemm<784, 128, 256>);
BENCHMARK(gemm<256, 256, 256>);
BENCHMARK(gemm<1024, 1024, 1024>);
BENCHMARK(map_chain<1 << 12>);
BENCHMARK(map_chain<1 << 22>);
BENCHMARK(row_softmax<64, 64>);
BENCHMARK(row_softmax<4096, 1024>);
BENCHMARK(sum_columns<1024, 256>);
BENCHMARK(tiny_mlp);
BENCHMARK(statement);

}  // namespace

BENCHMARK_MAIN();
