// Other C++ libraries on the scoreboard's rows, one thread, a JSON line each. Every library is optional; CMake
// (SINTER_BENCHMARK_PEERS) defines which are available.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <random>
#include <string>
#include <unordered_map>
#include <vector>

#if SINTER_PEER_EIGEN
#include <Eigen/Dense>
#endif
#if SINTER_PEER_OPENBLAS
#include <cblas.h>
#if !defined(OPENBLAS_VERSION)
extern "C" void openblas_set_num_threads(int);
#endif
#endif
#if SINTER_PEER_ONEDNN
#include <oneapi/dnnl/dnnl.hpp>
#endif
#if SINTER_PEER_XTENSOR
#include <xtensor/xmath.hpp>
#include <xtensor/xnoalias.hpp>
#include <xtensor/xtensor.hpp>
#include <xtensor/xview.hpp>
#endif

namespace {

std::string only;

double seconds() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }
bool wanted(const std::string& row) { return row.find(only) != std::string::npos; }

/// The shortest mean time of f, which writes to `out`.
template <class F> void time(const std::string& row, const char* peer, float* out, F f) {
  if (!wanted(row)) return;
  for (int i = 0; i < 3; ++i) f();
  double start = seconds();
  f();
  const double once = std::max(seconds() - start, 1e-8);
  const auto n = std::max(1, int(.2 / once));
  double best = 1e30;
  for (int r = 0; r < 5; ++r) {
    start = seconds();
    for (int i = 0; i < n; ++i) {
      f();
      asm volatile("" : : "r"(out) : "memory");
    }
    best = std::min(best, (seconds() - start) / n);
  }
  std::printf("{\"workload\": \"%s\", \"peer\": \"%s\", \"threads\": 1, \"us\": %.3f}\n", row.c_str(), peer,
              best * 1e6);
  std::fflush(stdout);
}

std::vector<float> drawn(std::size_t n) {
  static std::mt19937 random(1);
  std::normal_distribution<float> normal;
  std::vector<float> v(n);
  for (float& x : v) x = normal(random);
  return v;
}

void products(int n) {
  const std::string row = "gemm_" + std::to_string(n);
  if (!wanted(row)) return;
  const auto size = std::size_t(n) * std::size_t(n);
  auto a = drawn(size), b = drawn(size), c = drawn(size);
#if SINTER_PEER_EIGEN
  using Matrix = Eigen::Map<Eigen::Matrix<float, -1, -1, Eigen::RowMajor>>;
  Matrix x(a.data(), n, n), y(b.data(), n, n), z(c.data(), n, n);
  time(row, "eigen", c.data(), [&] { z.noalias() = x * y; });
#endif
#if SINTER_PEER_OPENBLAS
  time(row, "openblas", c.data(), [&] {
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, n, n, n, 1, a.data(), n, b.data(), n, 0, c.data(), n);
  });
#endif
#if SINTER_PEER_ONEDNN
  time(row, "onednn", c.data(), [&] { dnnl::sgemm('N', 'N', n, n, n, 1, a.data(), n, b.data(), n, 0, c.data(), n); });
#endif
}

void chain() {
  const std::string row = "chain_4M";
  if (!wanted(row)) return;
  constexpr std::size_t n = std::size_t(1) << 22;
  auto a = drawn(n), b = drawn(n), c = drawn(n), out = drawn(n);
#if SINTER_PEER_EIGEN
  using Array = Eigen::Map<Eigen::ArrayXf>;
  const auto size = Eigen::Index(n);
  Array x(a.data(), size), y(b.data(), size), z(c.data(), size), r(out.data(), size);
  time(row, "eigen", out.data(), [&] { r = (x * y + z).tanh() * x - (y - z).cwiseMax(0.f); });
#endif
#if SINTER_PEER_XTENSOR
  xt::xtensor<float, 1> u = xt::zeros<float>({n}), v = u, w = u, t = u;
  std::copy(a.begin(), a.end(), u.begin());
  std::copy(b.begin(), b.end(), v.begin());
  std::copy(c.begin(), c.end(), w.begin());
  time(row, "xtensor", t.data(), [&] { xt::noalias(t) = xt::tanh(u * v + w) * u - xt::maximum(v - w, 0.f); });
#endif
}

#if SINTER_PEER_ONEDNN
/// A primitive of oneDNN on matrices [rows, columns].
class Dnn {
 public:
  Dnn(long rows, long columns) : shape_({rows, columns}, dnnl::memory::data_type::f32, dnnl::memory::format_tag::ab) {}
  const dnnl::memory::desc& shape() const { return shape_; }
  dnnl::memory memory(float* data) { return {shape_, engine_, data}; }
  const dnnl::engine& engine() const { return engine_; }
  void run(const dnnl::primitive& p, const std::unordered_map<int, dnnl::memory>& arguments) {
    p.execute(stream_, arguments);
    stream_.wait();
  }

 private:
  dnnl::engine engine_{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream_{engine_};
  dnnl::memory::desc shape_;
};
#endif

void rows() {
  constexpr std::size_t n = 4096, m = 1024;
  if (!wanted("softmax_4096x1024") && !wanted("layernorm_4096x1024")) return;
  auto x = drawn(n * m), y = drawn(n * m);
#if SINTER_PEER_ONEDNN
  Dnn d{long(n), long(m)};
  const std::unordered_map<int, dnnl::memory> arguments{{DNNL_ARG_SRC, d.memory(x.data())},
                                                        {DNNL_ARG_DST, d.memory(y.data())}};
  using dnnl::prop_kind;
  const dnnl::softmax_forward softmax({{prop_kind::forward_inference, d.shape(), 1}, d.engine()});
  time("softmax_4096x1024", "onednn", y.data(), [&] { d.run(softmax, arguments); });
  const dnnl::layer_normalization_forward norm(
      {{prop_kind::forward_inference, d.shape(), 1e-5f, dnnl::normalization_flags::none}, d.engine()});
  time("layernorm_4096x1024", "onednn", y.data(), [&] { d.run(norm, arguments); });
#endif
#if SINTER_PEER_XTENSOR
  xt::xtensor<float, 2> u = xt::zeros<float>({n, m}), v = u;
  std::copy(x.begin(), x.end(), u.begin());
  time("softmax_4096x1024", "xtensor", v.data(), [&] {
    // evaluated: a lazy reduction would be recomputed for each element
    const xt::xtensor<float, 1> top = xt::amax(u, {1});
    const xt::xtensor<float, 2> e = xt::exp(u - xt::view(top, xt::all(), xt::newaxis()));
    const xt::xtensor<float, 1> s = xt::sum(e, {1});
    xt::noalias(v) = e / xt::view(s, xt::all(), xt::newaxis());
  });
#endif
}

#if SINTER_PEER_EIGEN
/// 784-256-128-10 on one sample, weights as PyTorch stores them.
void mlp() {
  using Matrix = Eigen::Matrix<float, -1, -1, Eigen::RowMajor>;
  using Vector = Eigen::VectorXf;
  const Matrix w1 = Matrix::Random(256, 784), w2 = Matrix::Random(128, 256), w3 = Matrix::Random(10, 128);
  const Vector b1 = Vector::Random(256), b2 = Vector::Random(128), b3 = Vector::Random(10), x = Vector::Random(784);
  Vector h1(256), h2(128), y(10);
  time("mlp_infer_b1", "eigen", y.data(), [&] {
    h1.noalias() = w1 * x;
    h1 = (h1 + b1).cwiseMax(0.f);
    h2.noalias() = w2 * h1;
    h2 = (h2 + b2).cwiseMax(0.f);
    y.noalias() = w3 * h2;
    y += b3;
  });
}
#endif

}  // namespace

int main(int argc, char** argv) {
  for (int i = 1; i + 1 < argc; ++i)
    if (std::strcmp(argv[i], "--only") == 0) only = argv[i + 1];
#if SINTER_PEER_OPENBLAS
  openblas_set_num_threads(1);
#endif
#if SINTER_PEER_EIGEN
  Eigen::setNbThreads(1);
  mlp();
#endif
  chain();
  rows();
  for (const int n : {127, 512, 1000, 2048}) products(n);
}
