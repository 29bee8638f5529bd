// backend/cpu/small.hpp: contractions of straight-line programs, over sizes that fill registers, tiles and chains
// completely and partially.
#include <doctest/doctest.h>
#include <sinter/sinter.hpp>

#include <cmath>

using namespace sinter;

namespace {

template <class T> void fill(T& t, std::uint64_t stream) {
  const Philox random(Seed{11}, stream);
  for (std::ptrdiff_t i = 0; i < t.size(); ++i)
    t.data()[i] = typename T::element(std::is_integral_v<typename T::element>
                                          ? std::floor(4.0 * double(random.normal(std::uint64_t(i))))
                                          : double(random.normal(std::uint64_t(i))));
}

/// Products in double precision: left[m · row + k · step] · right[n · row + k · step].
template <class T> double product(const T* left, std::ptrdiff_t left_row, std::ptrdiff_t left_step, const T* right,
                                  std::ptrdiff_t right_row, std::ptrdiff_t right_step, int m, int n, int inner) {
  double sum = 0;
  for (int k = 0; k < inner; ++k)
    sum += double(left[m * left_row + k * left_step]) * double(right[n * right_row + k * right_step]);
  return sum;
}
double tolerance(int inner) { return 4e-7 * (4 + inner); }

/// Products of two matrices, (M, K) × (K, N) → (M, N), each transposed or not, and with a bias and an activation after
/// it.
template <class T, int M, int N, int K> void check() {
  INFO("[", M, ", ", K, "] · [", K, ", ", N, "]");
  Tensor<T, M, K> a;
  Tensor<T, K, N> b;
  Tensor<T, K, M> at;
  Tensor<T, N, K> bt;
  Tensor<T, N> bias;
  fill(a, 1), fill(b, 2), fill(at, 3), fill(bt, 4), fill(bias, 5);
  const auto [nn, nt, tn, tt] = run_function(
      [](auto p, auto q, auto pt, auto qt, auto r) {
        return std::tuple{relu(matmul(p, q) + r) * 2, matmul(p, transpose(qt)), matmul(transpose(pt), q),
                          matmul(transpose(pt), transpose(qt))};
      },
      a, b, at, bt, bias);
  double worst = 0;
  for (int m = 0; m < M; ++m)
    for (int n = 0; n < N; ++n) {
      const auto differs = [&](double found, double expected) { worst = std::max(worst, std::abs(found - expected)); };
      differs(double(nn(m, n)), 2 * std::max(product(a.data(), K, 1, b.data(), 1, N, m, n, K) + double(bias(n)), 0.0));
      differs(double(nt(m, n)), product(a.data(), K, 1, bt.data(), K, 1, m, n, K));
      differs(double(tn(m, n)), product(at.data(), 1, M, b.data(), 1, N, m, n, K));
      differs(double(tt(m, n)), product(at.data(), 1, M, bt.data(), K, 1, m, n, K));
    }
  CHECK(worst <= (std::is_same_v<T, float> ? 2 * tolerance(K) : 1e-12));
}

}  // namespace

namespace small_nets {  // clang warns of names of members of types that no other file sees
template <int N> struct Dense {
  nn::Linear<N, N + 1> fc1;
  nn::Linear<N + 1, 2 * N> fc2;
  nn::Linear<2 * N, 1> fc3;
  constexpr auto operator()(auto x) const { return fc3(tanh(fc2(relu(fc1(x))))); }
};

}  // namespace small_nets
using namespace small_nets;

namespace {

/// A program whose weights are packed in advance.
template <int N, int Batch> void check_dense() {
  INFO("units: ", N, ", rows: ", Batch);
  Model<Dense<N>> net(Seed{3});
  auto infer = inference<Tensor<float, Batch, N>>(net);
  static_assert(decltype(infer)::Program::straight_line);
  for (int call = 0; call < 2; ++call) {
    Tensor<float, Batch, N> x;
    fill(x, std::uint64_t(call));
    const auto& y = infer(x);
    double worst = 0;
    for (int r = 0; r < Batch; ++r) {
      std::vector<double> h(N);
      for (int k = 0; k < N; ++k) h[std::size_t(k)] = double(x(r, k));
      const auto layer = [&](const auto& linear, int in, int out) {
        std::vector<double> next;
        for (int o = 0; o < out; ++o) {
          double sum = double(linear.bias(o));
          for (int k = 0; k < in; ++k) sum += double(linear.weight(o, k)) * h[std::size_t(k)];
          next.push_back(sum);
        }
        h = next;
      };
      layer(net->fc1, N, N + 1);
      for (double& v : h) v = std::max(v, 0.0);
      layer(net->fc2, N + 1, 2 * N);
      for (double& v : h) v = std::tanh(v);
      layer(net->fc3, 2 * N, 1);
      worst = std::max(worst, std::abs(double(y(r, 0)) - h[0]));
    }
    CHECK(worst <= 2e-6 * (1 + N));
  }
}

}  // namespace

TEST_CASE("square matrices agree with double precision, transposed or not, with an epilogue") {
  [&]<int... N>(std::integer_sequence<int, N...>) { (check<float, N, N, N>(), ...); }
  (std::integer_sequence<int, 1, 2, 3, 4, 5, 7, 8, 9, 12, 15, 16, 17, 24, 31, 33>{});
}

TEST_CASE("so do matrices whose sides differ, vectors, and other element types") {
  check<float, 1, 17, 9>();
  check<float, 1, 1, 5>();
  check<float, 1, 3, 70>();
  check<float, 13, 1, 33>();
  check<float, 2, 31, 1>();
  check<float, 3, 40, 65>();
  check<float, 25, 5, 2>();
  check<float, 9, 33, 24>();
  check<float, 14, 6, 11>();
  check<float, 23, 29, 13>();
  check<double, 5, 7, 3>();
  check<double, 1, 9, 80>();
  check<double, 12, 18, 20>();
  check<int, 6, 11, 5>();
  check<std::int64_t, 3, 9, 4>();
}

TEST_CASE("batches of small matrices, and one that all of them are multiplied by") {
  Tensor<float, 3, 2, 5, 6> a;
  Tensor<float, 3, 2, 6, 7> b;
  Tensor<float, 6, 7> one;
  fill(a, 1), fill(b, 2), fill(one, 3);
  const auto c = eval(matmul(a, b));
  const auto d = eval(matmul(a, one));
  double worst = 0;
  for (int q = 0; q < 6; ++q)
    for (int m = 0; m < 5; ++m)
      for (int n = 0; n < 7; ++n) {
        worst = std::max(worst, std::abs(double(c.data()[q * 35 + m * 7 + n]) -
                                         product(a.data() + q * 30, 6, 1, b.data() + q * 42, 1, 7, m, n, 6)));
        worst = std::max(worst, std::abs(double(d.data()[q * 35 + m * 7 + n]) -
                                         product(a.data() + q * 30, 6, 1, one.data(), 1, 7, m, n, 6)));
      }
  CHECK(worst <= tolerance(6));
}

TEST_CASE("a small product may be assigned to one of its operands") {
  Tensor<float, 8, 8> a, c, before;
  fill(a, 1), fill(c, 2);
  before = a;
  a = matmul(a, c);
  double worst = 0;
  for (int m = 0; m < 8; ++m)
    for (int n = 0; n < 8; ++n)
      worst = std::max(worst, std::abs(double(a(m, n)) - product(before.data(), 8, 1, c.data(), 1, 8, m, n, 8)));
  CHECK(worst <= tolerance(8));
  before = a;
  a = matmul(a, a) + a;
  for (int m = 0; m < 8; ++m)
    for (int n = 0; n < 8; ++n)
      worst = std::max(worst, std::abs(double(a(m, n)) - double(before(m, n)) -
                                       product(before.data(), 8, 1, before.data(), 1, 8, m, n, 8)) /
                                  (1 + std::abs(double(a(m, n)))));
  CHECK(worst <= 1e-5);
}

TEST_CASE("what a small product does not own stays as it is") {  // tails of rows are written with masks
  alignas(64) float memory[5 * 7 + 2];
  for (float& x : memory) x = 42;
  Tensor<float, 5, 3> a;
  Tensor<float, 3, 7> b;
  fill(a, 1), fill(b, 2);
  TensorView<float, 5, 7> view(memory + 1);
  view = matmul(a, b);
  CHECK(memory[0] == 42);
  CHECK(memory[36] == 42);
}

TEST_CASE("small nets with weights packed in advance agree with double precision") {
  check_dense<3, 1>();
  check_dense<8, 1>();
  check_dense<15, 1>();  // rows of 16 and 32 units stay in registers between layers
  check_dense<31, 1>();
  check_dense<16, 1>();
  check_dense<17, 1>();
  check_dense<33, 1>();
  check_dense<7, 3>();
  check_dense<24, 5>();
}
