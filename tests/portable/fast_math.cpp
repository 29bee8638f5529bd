// Correct numbers if the compiler may reassociate and assumes that nothing is NaN or infinite: this program is compiled
// with -ffast-math and the like. Values are compared with the C library in double precision, tests for NaN with the
// bits.
#include <sinter/sinter.hpp>

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdio>

using namespace sinter;

namespace {

struct Taken {
  constexpr auto operator()(auto table, auto indices) const { return take(table, indices); }
};

int failures = 0;

/// Hides a number from the optimiser.
float hidden(std::uint32_t bits) {
  volatile std::uint32_t b = bits;
  return std::bit_cast<float>(std::uint32_t(b));
}
std::uint32_t bits_of(float x) { return std::bit_cast<std::uint32_t>(x); }
bool nan_bits(float x) { return (bits_of(x) & 0x7fffffffu) > 0x7f800000u; }
const std::uint32_t nan_pattern = 0x7fc00000u, infinity_pattern = 0x7f800000u, negative_infinity_pattern = 0xff800000u;

void expect(bool right, const char* what) {
  if (right) return;
  std::printf("wrong: %s\n", what);
  ++failures;
}

constexpr int n = 1021;
using Numbers = Tensor<float, n>;
using Doubles = Tensor<double, n>;

/// The largest error, relative to max(|expected|, floor).
template <class F>
void holds(const char* name, double low, double high, float tolerance, double floor, auto f, F exact) {
  Numbers x;
  for (int i = 0; i < n; ++i) x(i) = float(low + (high - low) * i / (n - 1));
  const Numbers y = f(x);
  double worst = 0, at = 0;
  for (int i = 0; i < n; ++i) {
    const double expected = exact(double(x(i))), scale = std::fabs(expected) > floor ? std::fabs(expected) : floor;
    const double error = nan_bits(y(i)) ? 1e9 : std::fabs(double(y(i)) - expected) / scale;
    if (error > worst) worst = error, at = double(x(i));
  }
  std::printf("%-24s %.2e\n", name, worst);
  if (!(worst <= double(tolerance))) {
    std::printf("wrong: %s is off by %g at %g\n", name, worst, at);
    ++failures;
  }
}

/// Elementary functions: 2⁻²⁴ is half a unit in the last place, and these have a few more than without the flags.
void functions() {
  constexpr float few = 1e-6f;
  holds("exp", -80, 80, few, 0, [](const auto& x) { return exp(x); }, [](double x) { return std::exp(x); });
  holds("expm1", -3, 3, few, 0, [](const auto& x) { return expm1(x); }, [](double x) { return std::expm1(x); });
  holds(
      "expm1 of small", -1e-4, 1e-4, few, 0, [](const auto& x) { return expm1(x); },
      [](double x) { return std::expm1(x); });
  holds("log", 1e-3, 50, few, 1e-3, [](const auto& x) { return log(x); }, [](double x) { return std::log(x); });
  holds("log of large", 1e3, 1e37, few, 0, [](const auto& x) { return log(x); }, [](double x) { return std::log(x); });
  holds("log1p", -.5, 3, few, 0, [](const auto& x) { return log1p(x); }, [](double x) { return std::log1p(x); });
  holds(
      "log1p of small", -1e-4, 1e-4, few, 0, [](const auto& x) { return log1p(x); },
      [](double x) { return std::log1p(x); });
  holds("tanh", -12, 12, few, 0, [](const auto& x) { return tanh(x); }, [](double x) { return std::tanh(x); });
  holds(
      "tanh, accurate", -12, 12, few, 0, [](const auto& x) { return tanh(x, accurate); },
      [](double x) { return std::tanh(x); });
  holds(
      "sigmoid", -60, 60, few, 0, [](const auto& x) { return sigmoid(x); },
      [](double x) { return 1 / (1 + std::exp(-x)); });
  holds(
      "softplus", -60, 60, few, 0, [](const auto& x) { return softplus(x); },
      [](double x) { return std::log1p(std::exp(x)); });
  holds("erf", -5, 5, few, 0, [](const auto& x) { return erf(x); }, [](double x) { return std::erf(x); });
  holds(
      "erf, accurate", -5, 5, few, 0, [](const auto& x) { return erf(x, accurate); },
      [](double x) { return std::erf(x); });
  holds("sin", -100, 100, few, 1e-2, [](const auto& x) { return sin(x); }, [](double x) { return std::sin(x); });
  holds(
      "sin of large", -9e4, 9e4, few, 1e-1, [](const auto& x) { return sin(x); }, [](double x) { return std::sin(x); });
  holds("cos", -100, 100, few, 1e-2, [](const auto& x) { return cos(x); }, [](double x) { return std::cos(x); });
  holds("tan", -1.5, 1.5, 2 * few, 1e-2, [](const auto& x) { return tan(x); }, [](double x) { return std::tan(x); });
  holds("atan", -50, 50, few, 0, [](const auto& x) { return atan(x); }, [](double x) { return std::atan(x); });
  holds(
      "pow", .01, 50, few, 0, [](const auto& x) { return pow(x, 2.7f); },
      [](double x) { return std::pow(x, double(2.7f)); });
  holds(
      "gelu", -5, 5, few, 2, [](const auto& x) { return gelu(x); },
      [](double x) { return x / 2 * (1 + std::erf(x / std::sqrt(2.))); });
  holds("sqrt", 0, 1e4, few, 0, [](const auto& x) { return sqrt(x); }, [](double x) { return std::sqrt(x); });
  holds("division", 1, 1e4, few, 0, [](const auto& x) { return 3.f / x; }, [](double x) { return 3 / x; });
  holds("floor", -1e5, 1e5, 0, 1, [](const auto& x) { return floor(x); }, [](double x) { return std::floor(x); });
  holds("ceil", -100, 100, 0, 1, [](const auto& x) { return ceil(x); }, [](double x) { return std::ceil(x); });
  holds("trunc", -100, 100, 0, 1, [](const auto& x) { return trunc(x); }, [](double x) { return std::trunc(x); });
  holds("round", -100, 100, 0, 1, [](const auto& x) { return round(x); }, [](double x) { return std::nearbyint(x); });
  holds(
      "round of large", -8e6, 8e6, 0, 1, [](const auto& x) { return round(x); },
      [](double x) { return std::nearbyint(x); });
  holds(
      "float16 and back", -7, 7, 1.f / 2048, 1e-3, [](const auto& x) { return cast<float>(cast<float16>(x)); },
      [](double x) { return x; });
  holds(
      "small float16 and back", -5e-5, 5e-5, 1.f / 1024, 6.2e-5,
      [](const auto& x) { return cast<float>(cast<float16>(x)); }, [](double x) { return x; });
  holds(
      "bfloat16 and back", -7, 7, 1.f / 256, 1e-3, [](const auto& x) { return cast<float>(cast<bfloat16>(x)); },
      [](double x) { return x; });
}

void rows() {
  Tensor<float, 5, 37> x;
  for (int i = 0; i < 5; ++i)
    for (int j = 0; j < 37; ++j) x(i, j) = float(20 * std::sin(1.7 * i + .9 * j));
  const Tensor<float, 5, 37> p = softmax(x), l = log_softmax(x);
  double worst = 0;
  for (int i = 0; i < 5; ++i) {
    double top = -1e300, sum = 0;
    for (int j = 0; j < 37; ++j) top = std::fmax(top, double(x(i, j)));
    for (int j = 0; j < 37; ++j) sum += std::exp(double(x(i, j)) - top);
    for (int j = 0; j < 37; ++j) {
      const double expected = std::exp(double(x(i, j)) - top) / sum;
      worst = std::fmax(worst, std::fabs(double(p(i, j)) / expected - 1));
      worst = std::fmax(worst, std::fabs(double(l(i, j)) - std::log(expected)) / 10);
    }
  }
  std::printf("%-24s %.2e\n", "softmax", worst);
  expect(worst < 4e-6, "softmax");

  // Masked: −∞ has no weight, and nothing else changes.
  Tensor<float, 2, 8> masked;
  for (int j = 0; j < 8; ++j) masked(0, j) = masked(1, j) = float(j) / 3;
  masked(0, 2) = masked(0, 7) = hidden(negative_infinity_pattern);
  const Tensor<float, 2, 8> q = softmax(masked);
  double sum = 0;
  for (int j = 0; j < 8; ++j)
    if (j != 2 && j != 7) sum += std::exp(j / 3.);
  bool right = bits_of(q(0, 2)) == 0 && bits_of(q(0, 7)) == 0;
  for (int j = 0; j < 8; ++j)
    if (j != 2 && j != 7) right = right && std::fabs(double(q(0, j)) - std::exp(j / 3.) / sum) < 1e-6;
  expect(right, "softmax of a masked row");

  // Padding after a row is not part of it.
  Tensor<float, 5, 37> below;
  Tensor<float, 37, 5> across;
  for (int i = 0; i < 5; ++i)
    for (int j = 0; j < 37; ++j) below(i, j) = across(j, i) = float(-30 - std::cos(1.7 * i + .9 * j));
  const Tensor<float, 5> along_top = amax<1>(below), across_top = amax<0>(across), least_along = amin<1>(-below),
                         least_across = amin<0>(-across);
  bool tops = true;
  for (int i = 0; i < 5; ++i) {
    double top = -1e300;
    for (int j = 0; j < 37; ++j) top = std::fmax(top, double(below(i, j)));
    tops = tops && double(along_top(i)) == top && double(across_top(i)) == top && double(least_along(i)) == -top &&
           double(least_across(i)) == -top;
  }
  expect(tops, "amax and amin");
  // The number −∞ may be selected.
  Tensor<bool, 37> odd;
  for (int j = 0; j < 37; ++j) odd(j) = j % 2 == 1;
  const auto chosen =
      run_function([](auto mask, auto x) { return select(mask, x, -ops::infinity<float>); }, odd, below);
  bool right_ones = true;
  for (int j = 0; j < 37; ++j)
    right_ones = right_ones && bits_of(chosen(3, j)) == (j % 2 == 1 ? bits_of(below(3, j)) : negative_infinity_pattern);
  expect(right_ones, "select with -infinity");
  Tensor<int, 3> indices;
  indices(0) = 4, indices(1) = 99, indices(2) = -3;
  const Model<Taken> none(Seed{1});
  const auto taken = inference<Tensor<float, 5>, Tensor<int, 3>>(none)(across_top, indices);  // a statement would throw
  expect(bits_of(taken(0)) == bits_of(across_top(4)) && nan_bits(taken(1)) && nan_bits(taken(2)), "take out of range");

  Tensor<float, 1, 2, 6, 8> heads;
  for (int i = 0; i < heads.size(); ++i) heads.data()[i] = float(std::sin(.37 * i));
  Tensor<bool, 6, 6> keys;
  for (int i = 0; i < 6; ++i)
    for (int j = 0; j < 6; ++j) keys(i, j) = j <= i;
  const Tensor<float, 1, 2, 6, 8> a = scaled_dot_product_attention(heads, heads, heads, keys);
  worst = 0;
  for (int h = 0; h < 2; ++h)
    for (int i = 0; i < 6; ++i) {
      double weight[6], total = 0;
      for (int j = 0; j <= i; ++j) {
        double dot = 0;
        for (int k = 0; k < 8; ++k) dot += double(heads(0, h, i, k)) * double(heads(0, h, j, k));
        total += weight[j] = std::exp(dot / std::sqrt(8.));
      }
      for (int k = 0; k < 8; ++k) {
        double expected = 0;
        for (int j = 0; j <= i; ++j) expected += weight[j] / total * double(heads(0, h, j, k));
        worst = std::fmax(worst, std::fabs(double(a(0, h, i, k)) - expected));
      }
    }
  std::printf("%-24s %.2e\n", "attention", worst);
  expect(worst < 2e-6, "masked attention");
}

template <int N> void questions() {
  Tensor<float, N> x;
  for (int i = 0; i < N; ++i)
    x(i) = hidden(i % 4 == 0   ? nan_pattern
                  : i % 4 == 1 ? infinity_pattern
                  : i % 4 == 2 ? negative_infinity_pattern
                               : 0x3f800000u);
  const Tensor<bool, N> finite = isfinite(x), nan = isnan(x);
  const Tensor<double, N> wide = cast<double>(x);
  const Tensor<bool, N> wide_finite = isfinite(wide), wide_nan = isnan(wide);
  bool right = true;
  for (int i = 0; i < N; ++i)
    right = right && finite(i) == (i % 4 == 3) && nan(i) == (i % 4 == 0) && wide_finite(i) == (i % 4 == 3) &&
            wide_nan(i) == (i % 4 == 0);
  expect(right, "isfinite and isnan");
  // NaN propagates through comparisons.
  Tensor<float, N> zero, y;
  for (int i = 0; i < N; ++i) zero(i) = 0.f;
  const auto keeps = [&](const char* what) {
    bool kept = true;
    for (int i = 0; i < N; i += 4) kept = kept && nan_bits(y(i));
    expect(kept, what);
  };
  y = maximum(x, zero), keeps("maximum(NaN, 0)");
  y = maximum(zero, x), keeps("maximum(0, NaN)");
  y = minimum(x, zero), keeps("minimum(NaN, 0)");
  y = minimum(zero, x), keeps("minimum(0, NaN)");
  y = clamp(x, -1.f, 1.f), keeps("clamp(NaN)");
  y = relu(x), keeps("relu(NaN)");
  y = exp(x), keeps("exp(NaN)");
  y = log(x), keeps("log(NaN)");
  y = tanh(x), keeps("tanh(NaN)");
  y = sigmoid(x), keeps("sigmoid(NaN)");
  y = x * 2.f + 1.f, keeps("2 NaN + 1");
  y = cast<float>(cast<bfloat16>(x)), keeps("NaN as bfloat16");
  y = cast<float>(cast<float16>(x)), keeps("NaN as float16");
  y = exp(x);
  bool ends = true;
  for (int i = 0; i + 3 < N; i += 4)
    ends = ends && bits_of(y(i + 1)) == infinity_pattern && (bits_of(y(i + 2)) & 0x7fffffffu) < 0x00800000u;
  expect(ends, "exp of ±∞");
  const Tensor<float> top = amax(x), least = amin(x);
  expect(nan_bits(top()) && nan_bits(least()), "amax and amin with a NaN");
}

void counts() {
  // Numbers of a stream are the same whatever the compiler may do with sums.
  const Tensor<float, 64> u = random::uniform<64>(Seed{5});
  bool right = true;
  for (int i = 0; i < 64; ++i)
    right = right && bits_of(u(i)) == bits_of(Philox(Seed{5}).uniform(std::uint64_t(i))) && u(i) < 1.f;
  expect(right, "uniform numbers");
  Tensor<float, 4096> ones;
  for (int i = 0; i < 4096; ++i) ones(i) = .1f;
  const float total = sum(ones);
  expect(std::fabs(double(total) - 4096 * double(.1f)) < .05, "sum");
}

}  // namespace

int main() {
  functions();
  rows();
  questions<4>();
  questions<64>();
  counts();
  std::printf("%d lanes, %d wrong\n", cpu::lanes, failures);
  return failures > 0 ? 1 : 0;
}
