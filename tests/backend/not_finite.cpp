// Infinities and NaN at some positions of an operand: a result is not finite only where its own operands are not, and
// equal to that of the definition everywhere else, in every form of a kernel. The definitions here are plain loops in
// double precision; zeros of the padding take part in products, as in PyTorch.
#include <doctest/doctest.h>
#include <sinter/sinter.hpp>

#include <cmath>
#include <limits>
#include <vector>

using namespace sinter;

namespace {

constexpr float inf = std::numeric_limits<float>::infinity(), no_number = std::numeric_limits<float>::quiet_NaN();

template <class T> T numbers(std::uint64_t stream, float scale = 1) {
  T t(uninitialized);
  const Philox random(Seed{11}, stream);
  for (std::ptrdiff_t i = 0; i < T::size(); ++i) t.data()[i] = scale * random.normal(std::uint64_t(i));
  return t;
}
/// Sets `count` random positions to `what`.
template <class T> void strike(T& t, std::uint64_t seed, int count, float what) {
  const Philox random(Seed{seed});
  for (int i = 0; i < count; ++i) t.data()[random.below(std::uint64_t(i), std::uint32_t(T::size()))] = what;
}

/// Two results agree: both NaN, both the same infinity, or within `tolerance` of each other, relative to `scale` (of
/// finite values).
struct Comparison {
  double tolerance, scale = 0;
  std::ptrdiff_t different = 0, not_finite = 0, compared = 0;
  double worst = 0;

  template <class Found> Comparison(const Found& found, const std::vector<double>& expected, double within)
      : tolerance(within) {
    REQUIRE(std::size_t(found.size()) == expected.size());
    for (const double e : expected) scale = std::isfinite(e) && std::abs(e) > scale ? std::abs(e) : scale;
    for (std::size_t i = 0; i < expected.size(); ++i) {
      const double f = double(found.data()[i]), e = expected[i];
      ++compared;
      not_finite += !std::isfinite(e);
      if (std::isnan(e)   ? std::isnan(f)
          : std::isinf(e) ? f == e
                          : std::isfinite(f) && std::abs(f - e) <= tolerance * scale) {
        if (std::isfinite(e)) worst = std::max(worst, std::abs(f - e) / scale);
      } else {
        ++different;
      }
    }
  }
};
template <class Found>
void compare(const char* what, const Found& found, const std::vector<double>& expected, double tolerance) {
  CAPTURE(std::string(what));
  const Comparison c(found, expected, tolerance);
  CAPTURE(c.not_finite);
  CAPTURE(c.worst);
  CHECK(c.different == 0);
}

/// conv2d with padding and its two gradients, by the definition.
template <int N, int C, int O, int H, int W, int K, Conv2dOptions Options> struct Definition {
  static constexpr int P = Options.padding[0], S = Options.stride[0], G = Options.groups, D = Options.dilation[0];
  static constexpr int h = (H + 2 * P - D * (K - 1) - 1) / S + 1, w = (W + 2 * P - D * (K - 1) - 1) / S + 1,
                       inputs = C / G, outputs = O / G;
  using X = Tensor<float, N, C, H, W>;
  using Weight = Tensor<float, O, inputs, K, K>;
  using Y = Tensor<float, N, O, h, w>;

  template <class F> static void each(F&& f) {  // f(n, o, i, j, c, a, b): with position (y, x) of the image
    for (int n = 0; n < N; ++n)
      for (int o = 0; o < O; ++o)
        for (int i = 0; i < h; ++i)
          for (int j = 0; j < w; ++j)
            for (int c = 0; c < inputs; ++c)
              for (int a = 0; a < K; ++a)
                for (int b = 0; b < K; ++b)
                  f(((n * O + o) * h + i) * w + j, n, o / outputs * inputs + c, i * S - P + a * D, j * S - P + b * D,
                    ((o * inputs + c) * K + a) * K + b);
  }
  static double pixel(const X& x, int n, int c, int y, int z) {
    return y < 0 || y >= H || z < 0 || z >= W ? 0 : double(x(n, c, y, z));
  }
  static std::vector<double> result(const X& x, const Weight& k) {
    std::vector<double> sums(static_cast<std::size_t>(Y::size()), 0.);
    each([&](int at, int n, int c, int y, int z, int tap) {
      sums[std::size_t(at)] += pixel(x, n, c, y, z) * double(k.data()[tap]);
    });
    return sums;
  }
  static std::vector<double> image_gradient(const Weight& k, const Y& ct) {
    std::vector<double> sums(static_cast<std::size_t>(X::size()), 0.);
    each([&](int at, int n, int c, int y, int z, int tap) {
      if (y >= 0 && y < H && z >= 0 && z < W)
        sums[std::size_t(((n * C + c) * H + y) * W + z)] += double(ct.data()[at]) * double(k.data()[tap]);
    });
    return sums;
  }
  static std::vector<double> weight_gradient(const X& x, const Y& ct) {
    std::vector<double> sums(static_cast<std::size_t>(Weight::size()), 0.);
    each([&](int at, int n, int c, int y, int z, int tap) {
      sums[std::size_t(tap)] += double(ct.data()[at]) * pixel(x, n, c, y, z);
    });
    return sums;
  }
};

template <class T, class From> T as_tensor(const From& from) {
  T t(uninitialized);
  for (std::ptrdiff_t i = 0; i < T::size(); ++i) t.data()[i] = typename T::element(from.data()[i]);
  return t;
}
template <int Images, int H, int W, int K> void except_near_borders(const auto& found, std::vector<double>& expected) {
  std::size_t at = 0;
  for (int i = 0; i < Images; ++i)
    for (int y = 0; y < H; ++y)
      for (int z = 0; z < W; ++z, ++at)
        if ((y < K || y >= H - K || z < K || z >= W - K) && std::isnan(found.data()[at]))
          expected[at] = double(no_number);
}

/// By itself, as a statement. Zeros around the cotangent take part in the gradient of the image, so that with weights
/// that are not finite elements near a border may be NaN where PyTorch's are finite.
template <int N, int C, int O, int H, int W, int K, Conv2dOptions Options> void check_convolution(double tolerance) {
  using D = Definition<N, C, O, H, W, K, Options>;
  CAPTURE(C);
  CAPTURE(O);
  CAPTURE(K);
  CAPTURE(H);
  for (int round = 0; round < 6; ++round) {
    auto x = numbers<typename D::X>(1);
    auto k = numbers<typename D::Weight>(2, 1 / std::sqrt(float(K * K * C)));
    auto ct = numbers<typename D::Y>(3);
    const float what = round % 3 == 0 ? inf : round % 3 == 1 ? no_number : -inf;
    const bool weights = round >= 3;
    if (weights) strike(k, std::uint64_t(round), 1, what);
    else strike(x, std::uint64_t(round), round == 2 ? 5 : 1, what);
    if (round == 2) strike(x, 99, 1, inf);
    CAPTURE(round);
    const typename D::Y y = conv2d<Options>(x, k);
    compare("values", y, D::result(x, k), tolerance);
    if (!weights) strike(ct, std::uint64_t(round) + 20, 1, what);
    const auto [gx, gk] = grad(
        [](auto image, auto weight, auto by) { return sum(conv2d<Options>(image, weight) * by); }, wrt<0, 1>)(x, k, ct);
    auto expected = D::image_gradient(k, ct);
    if (weights) except_near_borders<N * C, H, W, K>(gx, expected);
    compare("gradient of the image", gx, expected, tolerance);
    compare("gradient of the weights", gk, D::weight_gradient(x, ct), tolerance);
  }
}

/// The second of two convolutions, whose image has its channels innermost: Winograd's forms, with weights transformed
/// at every call and separate gradients.
template <int N, int C, int O, int H, int W, int K> void check_second_convolution(double tolerance) {
  static constexpr Conv2dOptions options{.padding = K / 2};
  using First = Definition<N, C, C, H, W, K, options>;
  using Second = Definition<N, C, O, H, W, K, options>;
  CAPTURE(C);
  CAPTURE(O);
  CAPTURE(K);
  CAPTURE(H);
  const auto f = [](auto x, auto j, auto k, auto ct) {
    const auto y = conv2d<options>(conv2d<options>(x, j) + 1.f, k);
    return sum(y * ct);
  };
  for (int round = 0; round < 6; ++round) {
    auto x = numbers<typename First::X>(1);
    auto j = numbers<typename First::Weight>(2, 1 / std::sqrt(float(K * K * C)));
    auto k = numbers<typename Second::Weight>(3, 1 / std::sqrt(float(K * K * C)));
    auto ct = numbers<typename Second::Y>(4);
    const float what = round % 2 == 0 ? inf : no_number;
    const bool weights = round == 4;
    if (round < 2) strike(x, std::uint64_t(round), 1, what);
    else if (round < 4) strike(ct, std::uint64_t(round), 1, what);
    else if (weights) strike(k, std::uint64_t(round), 1, what);
    else strike(ct, 1, 1, 1e7f);
    CAPTURE(round);
    auto hidden = as_tensor<typename First::X>(First::result(x, j));
    for (std::ptrdiff_t i = 0; i < hidden.size(); ++i) hidden.data()[i] += 1;
    const auto gh = as_tensor<typename First::X>(Second::image_gradient(k, ct));
    const auto [gx, gj, gk] = grad(f, wrt<0, 1, 2>)(x, j, k, ct);
    compare("gradient of the second weights", gk, Second::weight_gradient(hidden, ct), tolerance);
    if (weights) continue;  // the borders of the intermediate image
    compare("gradient of the first weights", gj, First::weight_gradient(x, gh), tolerance);
    compare("gradient of the image", gx, First::image_gradient(j, gh), tolerance);
  }
}

/// In inference, with weights transformed in advance; a bounded batch, with one thread and with two; and an epilogue.
template <int Channels, int Filters, int Taps> struct One {
  nn::Conv2d<Channels, Filters, Taps, Conv2dOptions{.padding = Taps / 2}> conv;
  constexpr auto operator()(auto x) const { return max_pool2d<2>(conv(x) * 2.f); }
};
template <int N, int C, int O, int H, int W, int K> void check_in_advance(double tolerance) {
  using Net = One<C, O, K>;
  using D = Definition<N, C, O, H, W, K, Conv2dOptions{.padding = K / 2}>;
  using X = Tensor<float, upto<N, 'B'>, C, H, W>;
  Model<Net> net(Seed{4});
  auto weight = as_tensor<typename D::Weight>(net->conv.weight.view());
  for (int round = 0; round < 6; ++round) {
    auto x = numbers<typename D::X>(5);
    auto k = weight;
    if (round < 3) strike(x, std::uint64_t(round), round + 1, round == 1 ? no_number : inf);
    else if (round < 5) strike(k, std::uint64_t(round), 1, round == 3 ? no_number : inf);
    else strike(x, 7, 1, 1e8f);
    net->conv.weight = k;
    auto sums = D::result(x, k);
    std::vector<double> expected;
    for (int i = 0; i < N * O; ++i)
      for (int y = 0; y < H / 2; ++y)
        for (int z = 0; z < W / 2; ++z) {
          double top = -std::numeric_limits<double>::infinity();
          for (int e = 0; e < 4; ++e) {
            const double v =
                2 * (sums[std::size_t((i * H + 2 * y + e / 2) * W + 2 * z + e % 2)] + double(net->conv.bias(i % O)));
            top = std::isnan(v) || v > top ? v : top;
            if (std::isnan(top)) break;
          }
          expected.push_back(top);
        }
    auto one = inference<X>(net), two = inference<X>(net, Cpu{.threads = 2});
    X bounded(uninitialized);
    std::copy_n(x.data(), x.size(), bounded.data());
    for (const int length : {N, 1}) {
      bounded.template set_length<'B'>(length);
      CAPTURE(round);
      CAPTURE(length);
      for (auto* program : {&one, &two}) {
        const auto& y = (*program)(bounded);
        const std::size_t n = std::size_t(length * O * (H / 2) * (W / 2));
        struct Found {
          const float* at;
          std::size_t n;
          const float* data() const { return at; }
          std::ptrdiff_t size() const { return std::ptrdiff_t(n); }
        };
        compare("inference", Found{y.data(), n},
                std::vector<double>(expected.begin(), expected.begin() + std::ptrdiff_t(n)), tolerance);
      }
    }
  }
}

}  // namespace

TEST_CASE("convolutions keep what is not finite within its windows") {
  check_convolution<1, 3, 20, 15, 14, 3, Conv2dOptions{.padding = 1}>(2e-6);
  check_convolution<2, 48, 40, 13, 10, 3, Conv2dOptions{.padding = 1}>(2e-5);
  check_convolution<2, 24, 20, 11, 13, 3, Conv2dOptions{.stride = 2, .padding = 1}>(2e-6);
  check_convolution<1, 16, 16, 9, 10, 3, Conv2dOptions{.padding = 1, .groups = 16}>(2e-6);
  check_convolution<1, 16, 24, 9, 10, 3, Conv2dOptions{.padding = 1, .groups = 2}>(2e-6);
  check_convolution<1, 20, 33, 9, 10, 1, Conv2dOptions{}>(2e-6);
  check_convolution<1, 32, 32, 12, 12, 3, Conv2dOptions{.padding = 2, .dilation = 2}>(2e-6);
}

TEST_CASE("Winograd's transforms keep what is not finite within its windows") {
  check_second_convolution<3, 40, 72, 13, 10, 3>(
      2e-5);  // neither channels nor filters fill registers; tiles extend past both edges
  check_second_convolution<9, 48, 40, 3, 3, 3>(2e-5);     // less than a tile
  check_second_convolution<2, 64, 64, 16, 16, 3>(2e-5);
  check_second_convolution<4, 32, 40, 12, 11, 5>(2e-5);
  check_second_convolution<9, 16, 32, 12, 12, 5>(2e-5);   // the weights' gradient as several partial sums
}

TEST_CASE("weights transformed in advance keep what is not finite within its windows, and so does what follows") {
  check_in_advance<2, 32, 32, 16, 16, 3>(2e-5);
  check_in_advance<3, 48, 40, 14, 10, 3>(2e-5);
  check_in_advance<3, 160, 96, 6, 6, 3>(2e-5);
  check_in_advance<2, 40, 24, 8, 10, 5>(2e-5);
}

namespace {

template <int C, int O, int K> struct Alone {
  nn::Conv2d<C, O, K, Conv2dOptions{.padding = K / 2, .bias = false}> conv;
  constexpr auto operator()(auto x) const { return conv(x); }
};
/// One pixel of an image, and outputs that do not depend on it.
template <int C, int O, int H, int W, int K> void check_one_pixel() {
  using D = Definition<1, C, O, H, W, K, Conv2dOptions{.padding = K / 2}>;
  Model<Alone<C, O, K>> net(Seed{4});
  const auto k = as_tensor<typename D::Weight>(net->conv.weight.view());
  auto infer = inference<typename D::X>(net);
  for (const float pixel : {inf, 1e6f, 1e8f, -9999.f, 3e38f})
    for (const auto& [y, x] : {std::pair{0, 0}, {H / 2, W / 2}, {5, 6}, {H - 1, 3}}) {
      auto image = numbers<typename D::X>(6);
      image(0, C / 2, y, x) = pixel;
      const auto expected = D::result(image, k);
      const auto& found = infer(image);
      double worst = 0;
      int inside = 0;
      for (int o = 0; o < O; ++o)
        for (int i = 0; i < H; ++i)
          for (int j = 0; j < W; ++j) {
            const double e = expected[std::size_t((o * H + i) * W + j)], f = double(found(0, o, i, j));
            if (std::abs(i - y) <= K / 2 && std::abs(j - x) <= K / 2)
              inside += std::isinf(e) ? f == e : std::abs(f - e) <= 2e-5 * std::abs(double(pixel));
            else worst = std::isfinite(f) ? std::max(worst, std::abs(f - e)) : 1e9;
          }
      CAPTURE(pixel);
      CAPTURE(y);
      CHECK(worst < 5e-5);
      CHECK(inside == O * (std::min(y + K / 2, H - 1) - std::max(y - K / 2, 0) + 1) *
                          (std::min(x + K / 2, W - 1) - std::max(x - K / 2, 0) + 1));
    }
}

template <int M, int N, int K> void check_matmul() {
  CAPTURE(M);
  CAPTURE(N);
  CAPTURE(K);
  for (int round = 0; round < 4; ++round) {
    auto a = numbers<Tensor<float, M, K>>(1);
    auto b = numbers<Tensor<float, K, N>>(2);
    if (round % 2 == 0) strike(a, std::uint64_t(round), 1, round == 0 ? inf : no_number);
    else strike(b, std::uint64_t(round), 1, round == 1 ? inf : no_number);
    std::vector<double> expected(M * N);
    for (int i = 0; i < M; ++i)
      for (int k = 0; k < K; ++k)
        for (int j = 0; j < N; ++j) expected[std::size_t(i * N + j)] += double(a(i, k)) * double(b(k, j));
    const Tensor<float, M, N> y = matmul(a, b);
    compare("as they lie", y, expected, 1e-5);
    const Tensor<float, K, M> at = transpose(a);
    const Tensor<float, N, K> bt = transpose(b);
    const Tensor<float, M, N> z = matmul(transpose(at), transpose(bt));
    compare("transposed", z, expected, 1e-5);
    const Tensor<float, M, N> u = matmul(a, transpose(bt)) + 0.f, v = matmul(transpose(at), b);
    compare("the right one transposed", u, expected, 1e-5);
    compare("the left one transposed", v, expected, 1e-5);
  }
}
template <int K, int N> struct Layer {
  nn::Linear<K, N> fc;
  constexpr auto operator()(auto x) const { return fc(x); }
};
template <int M, int N, int K> void check_linear() {
  for (int round = 0; round < 4; ++round) {
    Model<Layer<K, N>> net(Seed{4});
    auto x = numbers<Tensor<float, M, K>>(1);
    auto w = as_tensor<Tensor<float, N, K>>(net->fc.weight.view());
    if (round % 2 == 0) strike(x, std::uint64_t(round), 1, round == 0 ? inf : no_number);
    else strike(w, std::uint64_t(round), 1, round == 1 ? inf : no_number);
    net->fc.weight = w;
    std::vector<double> expected;
    for (int i = 0; i < M; ++i)
      for (int j = 0; j < N; ++j) {
        double sum = double(net->fc.bias(j));
        for (int k = 0; k < K; ++k) sum += double(x(i, k)) * double(w(j, k));
        expected.push_back(sum);
      }
    auto infer = inference<Tensor<float, M, K>>(net);
    compare("linear", infer(x), expected, 1e-5);
  }
}

}  // namespace

TEST_CASE("a pixel beyond all others leaves alone what does not see it") {
  check_one_pixel<32, 32, 32, 32, 3>();
  check_one_pixel<64, 40, 14, 18, 3>();
  check_one_pixel<160, 96, 8, 8, 3>();
  check_one_pixel<32, 24, 12, 17, 5>();
}

TEST_CASE("products keep what is not finite in its row or column, whatever fills tiles and registers") {
  check_matmul<1, 1, 7>();
  check_matmul<1, 33, 65>();
  check_matmul<2, 40, 100>();
  check_matmul<3, 5, 1000>();
  check_matmul<4, 17, 19>();
  check_matmul<15, 31, 9>();
  check_matmul<29, 65, 130>();
  check_matmul<64, 3, 257>();
  check_matmul<130, 1, 70>();
  check_matmul<33, 35, 5000>();  // several partial sums
  check_linear<1, 50, 70>();
  check_linear<3, 100, 65>();
  check_linear<37, 41, 90>();
}

namespace {

enum class Sees { earlier, most_keys, by_query, added };

/// Attention and its gradients, where a key or value that is masked for some queries, a query or a query's cotangent is
/// not finite. The definition leaves out masked keys.
template <Sees Which, int Queries, int Keys, int Features, class Real = float> void check_attention() {
  constexpr int H = 2, hidden = Keys - 2;
  using Q = Tensor<Real, 1, H, Queries, Features>;
  using K = Tensor<Real, 1, H, Keys, Features>;
  const auto sees = [](int i, int j) {
    if (Which == Sees::earlier) return j <= i;
    return Which == Sees::most_keys ? j != hidden && j != 3 : j != hidden || i % 4 == 1;
  };
  Tensor<bool, Queries, Keys> mask;
  Tensor<bool, 1, Keys> key_mask;
  Tensor<Real, Queries, Keys> added;
  for (int i = 0; i < Queries; ++i)
    for (int j = 0; j < Keys; ++j) {
      mask(i, j) = sees(i, j);
      key_mask(0, j) = sees(1, j);
      added(i, j) = sees(i, j) ? Real(.25) * Real(j % 3) : -Real(inf);
    }
  const double scale = 1 / std::sqrt(double(Features));
  for (int where = 0; where < 4; ++where)
    for (const float what : {no_number, inf, -inf}) {
      auto q = numbers<Q>(1);
      auto k = numbers<K>(2), v = numbers<K>(3);
      auto ct = numbers<Q>(4);
      for (int h = 0; h < H; ++h) {
        if (where < 2) (where == 0 ? k : v)(0, h, hidden, h) = what;
        else (where == 2 ? ct : q)(0, h, Queries / 2, h) = what;
      }
      CAPTURE(where);
      CAPTURE(what);
      constexpr auto queries = static_cast<std::size_t>(Q::size()), keys = static_cast<std::size_t>(K::size());
      std::vector<double> y(queries), gq(queries), gk(keys), gv(keys), gm(Queries * Keys);
      for (int h = 0; h < H; ++h)
        for (int i = 0; i < Queries; ++i) {
          double p[Keys], products[Keys], top = -std::numeric_limits<double>::infinity(), sum = 0, mean = 0;
          const auto each = [&](auto f) {
            for (int j = 0; j < Keys; ++j)
              if (sees(i, j)) f(j);
          };
          const auto at_query = [&](int d) { return std::size_t((h * Queries + i) * Features + d); };
          const auto at_key = [&](int j, int d) { return std::size_t((h * Keys + j) * Features + d); };
          each([&](int j) {
            p[j] = 0;
            for (int d = 0; d < Features; ++d) p[j] += double(q(0, h, i, d)) * double(k(0, h, j, d)) * scale;
            if (Which == Sees::added) p[j] += double(added(i, j));
            top = std::max(top, p[j]);
          });
          // Where all scores are −∞, 0 as in PyTorch: top stays −∞ where they are NaN, too.
          each([&](int j) { sum += p[j] = p[j] == -double(inf) ? 0 : std::exp(p[j] - top); });
          if (sum == 0) sum = 1;
          each([&](int j) {
            p[j] /= sum;
            products[j] = 0;
            for (int d = 0; d < Features; ++d) {
              products[j] += double(ct(0, h, i, d)) * double(v(0, h, j, d));
              y[at_query(d)] += p[j] * double(v(0, h, j, d));
              gv[at_key(j, d)] += p[j] * double(ct(0, h, i, d));
            }
            mean += p[j] * products[j];
          });
          each([&](int j) {
            gm[std::size_t(i * Keys + j)] += p[j] * (products[j] - mean);
            for (int d = 0; d < Features; ++d) {
              gk[at_key(j, d)] += p[j] * (products[j] - mean) * scale * double(q(0, h, i, d));
              gq[at_query(d)] += p[j] * (products[j] - mean) * scale * double(k(0, h, j, d));
            }
          });
        }
      const auto check = [&](const Q& found, const auto& gradients) {
        // Where a result is not finite it may be NaN or infinite: a score of ∞ depends on its weight.
        const auto like = [](const auto& of, std::vector<double> expected) {
          for (std::size_t i = 0; i < expected.size(); ++i)
            if (!std::isfinite(expected[i]) && !std::isfinite(of.data()[i])) expected[i] = double(of.data()[i]);
          return expected;
        };
        const auto& [dq, dk, dv] = gradients;
        compare("attention", found, where == 1 ? y : like(found, y), 1e-5);
        compare("gradient of queries", dq, like(dq, gq), 1e-5);
        compare("gradient of keys", dk, like(dk, gk), 1e-5);
        compare("gradient of values", dv, like(dv, gv), 1e-5);
      };
      if constexpr (Which == Sees::earlier) {
        constexpr auto causal = [](auto a, auto b, auto c) {
          return scaled_dot_product_attention<AttentionOptions{.is_causal = true}>(a, b, c);
        };
        constexpr auto f = [](auto a, auto b, auto c, auto t) {
          return sum(scaled_dot_product_attention<AttentionOptions{.is_causal = true}>(a, b, c) * t);
        };
        check(causal(q, k, v), grad(f, wrt<0, 1, 2>)(q, k, v, ct));
      } else {
        constexpr auto f = [](auto a, auto b, auto c, auto t, auto m) {
          return sum(scaled_dot_product_attention(a, b, c, m) * t);
        };
        if constexpr (Which == Sees::most_keys)
          check(scaled_dot_product_attention(q, k, v, key_mask), grad(f, wrt<0, 1, 2>)(q, k, v, ct, key_mask));
        else if constexpr (Which == Sees::by_query)
          check(scaled_dot_product_attention(q, k, v, mask), grad(f, wrt<0, 1, 2>)(q, k, v, ct, mask));
        else check(scaled_dot_product_attention(q, k, v, added), grad(f, wrt<0, 1, 2>)(q, k, v, ct, added));
        if constexpr (Which == Sees::added)
          compare("gradient of the mask", grad(f, wrt<4>)(q, k, v, ct, added), gm, 1e-5);
      }
    }
}

}  // namespace

TEST_CASE("attention leaves out masked keys, whatever they hold") {
  check_attention<Sees::earlier, 40, 40, 16>();
  check_attention<Sees::earlier, 9, 9, 8>();
  check_attention<Sees::most_keys, 5, 40, 16>();  // keys and values read in place, without packing
  check_attention<Sees::most_keys, 40, 40, 24>();
  check_attention<Sees::by_query, 5, 40, 16>();
  check_attention<Sees::by_query, 40, 140, 16>();  // two blocks of keys
  check_attention<Sees::added, 5, 40, 8>();
  check_attention<Sees::added, 40, 40, 16>();
  check_attention<Sees::earlier, 40, 40, 20, double>();
  check_attention<Sees::added, 5, 40, 8, double>();
}

TEST_CASE("windows, rows and gathers keep what is not finite") {
  for (const float what : {no_number, inf}) {
    const auto count = [](const auto& t) {
      int n = 0;
      for (std::ptrdiff_t i = 0; i < t.size(); ++i) n += !std::isfinite(t.data()[i]);
      return n;
    };
    auto x = numbers<Tensor<float, 1, 3, 13, 14>>(1);
    const auto plain = x;
    x(0, 1, 6, 7) = what;
    constexpr Pool2dOptions overlapping{.stride = 2, .padding = 1};
    CHECK(count(eval(max_pool2d<2>(x))) == 1);
    CHECK(count(eval(max_pool2d<3, overlapping>(x))) == 2);
    CHECK(count(eval(avg_pool2d<3, Pool2dOptions{.stride = 1, .padding = 1}>(x))) == 9);
    auto ct = numbers<Tensor<float, 1, 3, 7, 7>>(5);
    ct(0, 1, 3, 3) = what;
    CHECK(count(grad([](auto t, auto c) { return sum(max_pool2d<3, Pool2dOptions{.stride = 2, .padding = 1}>(t) * c); },
                     wrt<0>)(plain, ct)) == 1);
    CHECK(count(grad([](auto t, auto c) { return sum(avg_pool2d<3, Pool2dOptions{.stride = 2, .padding = 1}>(t) * c); },
                     wrt<0>)(plain, ct)) == 9);
    auto rows = numbers<Tensor<float, 5, 37>>(2);
    rows(2, 5) = what;
    CHECK(count(eval(softmax(rows))) == 37);
    CHECK(count(eval(sum<1>(rows))) == 1);
    CHECK(count(eval(amax<0>(rows))) == 1);
    CHECK(count(eval(cumsum<1>(rows))) == 32);
    CHECK(count(eval(cumsum<0>(rows))) == 3);
    CHECK(count(eval(pad<Border{1, 2}>(rows))) == 1);
    auto table = numbers<Tensor<float, 11, 7>>(3), by = table;
    Tensor<int, 5> ids{1, 4, 4, 9, 0};
    table(4, 3) = what;
    CHECK(count(eval(embedding(table, ids))) == 2);
    auto cotangent = numbers<Tensor<float, 5, 7>>(4);
    cotangent(0, 2) = what;
    CHECK(count(grad([](auto t, auto i, auto c) { return sum(embedding(t, i) * c); }, wrt<0>)(by, ids, cotangent)) ==
          1);
    // Elements past a run-time length are ignored.
    Tensor<float, upto<40, 'T'>, 16> bounded;
    for (int i = 0; i < 40 * 16; ++i) bounded.data()[i] = i < 17 * 16 ? float(std::sin(.3 * i)) : what;
    bounded.set_length<'T'>(17);
    const auto w = numbers<Tensor<float, 16, 9>>(6);
    CHECK(count(eval(mean<0>(bounded))) == 0);
    CHECK(count(eval(matmul(transpose(bounded), bounded))) == 0);
    CHECK(count(grad([](auto t, auto v) { return sum(relu(matmul(t, v))); }, wrt<1>)(bounded, w)) == 0);
    CHECK(count(grad([](auto t, auto v) { return sum(softmax<0>(matmul(t, v)) * 0.5f); }, wrt<1>)(bounded, w)) == 0);
  }
}
