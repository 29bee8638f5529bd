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
/// Counts operations, so that the report shows operations per second.
void count(benchmark::State& state, double flops) {
  state.counters["FLOP/s"] = benchmark::Counter(flops, benchmark::Counter::kIsIterationInvariantRate);
}

/// Runs f repeatedly; it writes to r, which is kept from being optimised away.
template <class T, class F> void repeat(benchmark::State& state, const T& r, F&& f) {
  for (auto _ : state) {
    f();
    benchmark::DoNotOptimize(r.data());
    benchmark::ClobberMemory();
  }
}

template <int M, int K, int N> void gemm(benchmark::State& state) {
  const auto a = drawn<Tensor<float, M, K>>(1);
  const auto b = drawn<Tensor<float, K, N>>(2);
  Tensor<float, M, N> c;
  repeat(state, c, [&] { c = matmul(a, b); });
  count(state, 2.0 * M * K * N);
}
/// Weights of one byte with a scale per column, to compare with the same product of floats above.
struct Dequantised {
  constexpr auto operator()(auto x, auto w, auto scale) const { return matmul(x, transpose(cast<float>(w) * scale)); }
};
template <int M, int K, int N> void quantised(benchmark::State& state) {
  const auto x = drawn<Tensor<float, M, K>>(1);
  const auto scale = drawn<Tensor<float, N, 1>>(2);
  Tensor<std::int8_t, N, K> w;
  for (std::ptrdiff_t i = 0; i < w.size(); ++i) w.data()[i] = std::int8_t(i * 37 % 255 - 127);
  Tensor<float, M, N> y;
  repeat(state, y, [&] { y = call<Dequantised>(x, w, scale); });
  count(state, 2.0 * M * K * N);
  state.SetBytesProcessed(state.iterations() * K * N);
}
/// (M, K) × (K, N) → (M, N), with the left operand scaled in the prologue.
struct Scaled {
  constexpr auto operator()(auto x, auto gain, auto w) const { return matmul(x * gain, w); }
};
template <int M, int K, int N> void scaled(benchmark::State& state) {
  const auto x = drawn<Tensor<float, M, K>>(1);
  const auto gain = drawn<Tensor<float, K>>(2);
  const auto w = drawn<Tensor<float, K, N>>(3);
  Tensor<float, M, N> y;
  repeat(state, y, [&] { y = call<Scaled>(x, gain, w); });
  count(state, 2.0 * M * K * N);
}
/// Attention in text generation, token by token: queries against all keys of 12 heads of 64.
template <int Queries, int Keys> void attention(benchmark::State& state) {
  const auto q = drawn<Tensor<float, 1, 12, Queries, 64>>(1);
  const auto k = drawn<Tensor<float, 1, 12, Keys, 64>>(2), v = drawn<Tensor<float, 1, 12, Keys, 64>>(3);
  Tensor<float, 1, 12, Queries, 64> r;
  repeat(state, r, [&] { r = scaled_dot_product_attention(q, k, v); });
  count(state, 4.0 * 12 * Queries * Keys * 64);
}
template <int N> void map_chain(benchmark::State& state) {
  const auto a = drawn<Tensor<float, N>>(1), b = drawn<Tensor<float, N>>(2), c = drawn<Tensor<float, N>>(3);
  Tensor<float, N> r;
  repeat(state, r, [&] { r = tanh(a * b + c) * a - relu(b - c); });
  state.SetBytesProcessed(state.iterations() * N * 16);
}
template <int R, int C> void row_softmax(benchmark::State& state) {
  const auto x = drawn<Tensor<float, R, C>>(1);
  Tensor<float, R, C> p;
  repeat(state, p, [&] { p = softmax(x); });
  state.SetBytesProcessed(state.iterations() * R * C * 8);
}
/// What follows a contraction (compile/chains.hpp).
struct Classes {
  nn::Linear<512, 1024> fc;
  constexpr auto operator()(auto x) const { return softmax(fc(x)); }
};
struct Pooled {
  nn::Conv2d<64, 64, 3, Conv2dOptions{.padding = 1}> conv;
  constexpr auto operator()(auto image) const {
    return max_pool2d<3, Pool2dOptions{.stride = 2, .padding = 1}>(relu(conv(image)));
  }
};
template <class Net, class X> void following(benchmark::State& state, double flops) {
  Model<Net> net(Seed{1});
  auto infer = inference<X>(net);
  const auto x = drawn<X>(1);
  repeat(state, infer(x), [&] { infer(x); });
  count(state, flops);
}
void linear_softmax(benchmark::State& state) {
  following<Classes, Tensor<float, 4096, 512>>(state, 2. * 4096 * 512 * 1024);
}
void convolution_pool(benchmark::State& state) {
  following<Pooled, Tensor<float, 16, 64, 112, 112>>(state, 2. * 16 * 112 * 112 * 64 * 576);
}
template <int R, int C> void sum_columns(benchmark::State& state) {
  const auto x = drawn<Tensor<float, R, C>>(1);
  Tensor<float, C> s;
  repeat(state, s, [&] { s = sum<0>(x); });
  state.SetBytesProcessed(state.iterations() * R * C * 4);
}

template <int R, int C> void row_layer_norm(benchmark::State& state) {
  const auto x = drawn<Tensor<float, R, C>>(1);
  Tensor<float, R, C> y;
  for (auto _ : state) {
    const auto centred = x - mean<1>(x, keepdims);
    y = centred * rsqrt(mean<1>(centred * centred, keepdims) + 1e-5f);
    benchmark::DoNotOptimize(y.data());
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(state.iterations() * R * C * 8);
}
/// Batch norm of images whose channels are innermost, as a training step runs
/// it: statistics, then the result. Bytes are those of four passes.
struct Normalised {
  constexpr auto operator()(auto x) const {
    const auto centred = x - mean<0>(x);
    return centred * rsqrt(mean<0>(centred * centred) + 1e-5f);
  }
};
template <int R, int C> void batch_norm(benchmark::State& state) {
  const auto x = drawn<Tensor<float, R, C>>(1);
  Tensor<float, R, C> y;
  repeat(state, y, [&] { y = call<Normalised>(x); });
  state.SetBytesProcessed(state.iterations() * R * C * 16);
}
struct NormalisedBack {  // the input's gradient; five passes to read, one to write
  constexpr auto operator()(auto x, auto ct) const {
    const auto centred = x - mean<0>(x);
    const auto scale = rsqrt(mean<0>(centred * centred) + 1e-5f);
    return scale * (ct - mean<0>(ct) - centred * (scale * scale * mean<0>(ct * centred)));
  }
};
template <int R, int C> void batch_norm_gradient(benchmark::State& state) {
  const auto x = drawn<Tensor<float, R, C>>(1), ct = drawn<Tensor<float, R, C>>(2);
  Tensor<float, R, C> y;
  repeat(state, y, [&] { y = call<NormalisedBack>(x, ct); });
  state.SetBytesProcessed(state.iterations() * R * C * 24);
}
template <int N> void sum_all(benchmark::State& state) {
  const auto x = drawn<Tensor<float, N>>(1);
  Tensor<float> s;
  repeat(state, s, [&] { s = sum(x); });
  state.SetBytesProcessed(state.iterations() * N * 4);
}

// The limit of memory: the same streams by hand, without arithmetic. Results are stored past the caches (non-temporal)
// if the target can.
void put(float* to, ops::Lanes<float, cpu::lanes> x) {
#if SINTER_SIMD
  x.stream(to);
#else
  *to = x.v;
#endif
}
template <int N, int Reads> void bound(benchmark::State& state) {
  using Register = ops::Lanes<float, cpu::lanes>;
  std::array<Tensor<float, N>, Reads> in;
  for (auto& t : in) t = drawn<Tensor<float, N>>(1);
  Tensor<float, N> out;
  for (auto _ : state) {
    for (int i = 0; i < N; i += cpu::lanes) {
      auto x = cpu::load<float, cpu::lanes>(in[0].data() + i, cpu::lanes);
      for (std::size_t k = 1; k < Reads; ++k)
        x = x + Register(cpu::load<float, cpu::lanes>(in[k].data() + i, cpu::lanes));
      put(out.data() + i, x);
    }
    cpu::streaming_fence();
    benchmark::DoNotOptimize(out.data());
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(state.iterations() * N * 4 * (Reads + 1));
}

/// An elementwise function on data in the L1 cache: time per element.
template <class F> void function(benchmark::State& state) {
  constexpr int n = 2048;
  const auto x = drawn<Tensor<float, n>>(1);
  Tensor<float, n> y;
  repeat(state, y, [&] { y = F{}(x); });
  state.counters["s/element"] =
      benchmark::Counter(n, benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}
struct Copied { auto operator()(const auto& x) const { return x + 0.5f; } };
struct OfExp { auto operator()(const auto& x) const { return exp(x); } };
struct OfLog { auto operator()(const auto& x) const { return log(x); } };
struct OfTanh { auto operator()(const auto& x) const { return tanh(x); } };
struct OfAccurateTanh { auto operator()(const auto& x) const { return tanh(x, accurate); } };
struct OfSigmoid { auto operator()(const auto& x) const { return sigmoid(x); } };
struct OfSilu { auto operator()(const auto& x) const { return silu(x); } };
struct OfErf { auto operator()(const auto& x) const { return erf(x); } };
struct OfGelu { auto operator()(const auto& x) const { return gelu(x); } };
struct OfGeluByTanh { auto operator()(const auto& x) const { return gelu(x, tanh_approximation); } };
struct OfSoftplus { auto operator()(const auto& x) const { return softplus(x); } };

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
void statement(benchmark::State& state) {  // the overhead of an eager statement
  Tensor<float, 4> a{1, 2, 3, 4}, b{1, 1, 1, 1};
  repeat(state, b, [&] { b = a + b; });
}

BENCHMARK(gemm<16, 16, 16>);
BENCHMARK(gemm<64, 64, 64>);
BENCHMARK(gemm<128, 784, 256>);
BENCHMARK(gemm<784, 128, 256>);
BENCHMARK(gemm<256, 256, 256>);
BENCHMARK(gemm<1024, 1024, 1024>);
BENCHMARK(gemm<1, 1024, 4096>);
BENCHMARK(quantised<1, 1024, 4096>);
BENCHMARK(gemm<128, 1024, 4096>);
BENCHMARK(quantised<128, 1024, 4096>);
BENCHMARK(scaled<1024, 512, 64>);
BENCHMARK(gemm<1, 1024, 1024>);
BENCHMARK(gemm<1024, 1024, 1>);
BENCHMARK(gemm<1, 4096, 4096>);
BENCHMARK(gemm<32, 65536, 32>);
BENCHMARK(attention<1, 1024>);
BENCHMARK(attention<4, 1024>);
BENCHMARK(attention<16, 1024>);
BENCHMARK(map_chain<1 << 12>);
BENCHMARK(map_chain<1 << 22>);
BENCHMARK(row_softmax<64, 64>);
BENCHMARK(row_softmax<4096, 1024>);
BENCHMARK(row_layer_norm<4096, 1024>);
BENCHMARK(linear_softmax);
BENCHMARK(convolution_pool);
BENCHMARK(sum_columns<1024, 256>);
BENCHMARK(sum_columns<16384, 64>);
BENCHMARK(sum_columns<16384, 512>);
BENCHMARK(sum_all<1 << 22>);
BENCHMARK(batch_norm<16384, 64>);
BENCHMARK(batch_norm<16384, 128>);
BENCHMARK(batch_norm<16384, 512>);
BENCHMARK(batch_norm_gradient<16384, 64>);
BENCHMARK(batch_norm_gradient<16384, 128>);
BENCHMARK(batch_norm_gradient<16384, 512>);
BENCHMARK(bound<1 << 22, 1>);
BENCHMARK(bound<1 << 22, 3>);
BENCHMARK(function<Copied>);
BENCHMARK(function<OfExp>);
BENCHMARK(function<OfLog>);
BENCHMARK(function<OfTanh>);
BENCHMARK(function<OfAccurateTanh>);
BENCHMARK(function<OfSigmoid>);
BENCHMARK(function<OfSilu>);
BENCHMARK(function<OfErf>);
BENCHMARK(function<OfGelu>);
BENCHMARK(function<OfGeluByTanh>);
BENCHMARK(function<OfSoftplus>);
BENCHMARK(tiny_mlp);
BENCHMARK(statement);

}  // namespace

BENCHMARK_MAIN();
