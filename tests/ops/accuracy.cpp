// The elementary functions of single-precision lanes: their errors over samples of all floats against the C library in
// double precision, and that a register of lanes computes what one lane does, bit for bit.
#include <doctest/doctest.h>
#include <sinter/sinter.hpp>

#include <cmath>
#include <cstring>

using namespace sinter;

namespace {

constexpr int N = cpu::lanes;

float float_of(std::uint32_t bits) { return std::bit_cast<float>(bits); }
bool same_bits(float a, float b) {
  return std::bit_cast<std::uint32_t>(a) == std::bit_cast<std::uint32_t>(b) || (a != a && b != b);
}

/// |found − expected| in units in the last place of the float that is nearest
/// to `expected`; infinite if one is NaN, or a zero has the wrong sign.
double error(float found, double expected) {
  if (std::isnan(expected)) return std::isnan(found) ? 0 : INFINITY;
  if (float(expected) == found)
    return found == 0 && expected == 0 && std::signbit(found) != std::signbit(expected) ? INFINITY : 0;
  if (std::isinf(found)) return std::abs(expected) > 3.40282e38 ? 1 : INFINITY;
  if (std::isnan(found) || std::isinf(float(expected))) return std::abs(found) > 3.40282e38f ? 1 : INFINITY;
  int exponent = 0;
  std::frexp(std::max(std::abs(expected), 1.17549435e-38), &exponent);
  return std::abs(double(found) - expected) / std::ldexp(1.0, exponent - 24);
}

/// Every 3001st float.
template <class F> void holds(const char* name, double bound, F f, double (*library)(double)) {
  CAPTURE(name);
  double worst = 0;
  int different = 0;
  for (std::uint64_t first = 0; first < (std::uint64_t(1) << 32); first += 3001 * 16) {
    float x[16], y[16];
    for (std::uint32_t i = 0; i < 16; ++i) x[i] = float_of(std::uint32_t(first) + 3001 * i);
    for (int i = 0; i < 16; i += N) cpu::store(f(cpu::load<float, N>(x + i, N)), y + i, N);
    for (int i = 0; i < 16; ++i) {
      different += !same_bits(f(ops::Lanes<float, 1>(x[i])).v, y[i]);
      worst = std::max(worst, error(y[i], library(double(x[i]))));
    }
  }
  CHECK(worst <= bound);
  CHECK(different == 0);
}

template <class T> void bits_agree() {
  T a[16], b[16], found[16];
  for (int i = 0; i < 16; ++i) {
    a[i] =
        static_cast<T>((std::uint64_t(Philox(Seed{1}).below(std::uint64_t(i), 0xffffffffu)) << 32) * (sizeof(T) / 8) +
                       Philox(Seed{2}).below(std::uint64_t(i), 0xffffffffu));
    b[i] = static_cast<T>(Philox(Seed{3}).below(std::uint64_t(i), 0xffffffffu) - 0x80000000u);
  }
  const auto agree = [&](auto f) {
    for (int i = 0; i < 16; i += N) cpu::store(f(cpu::load<T, N>(a + i, N), cpu::load<T, N>(b + i, N)), found + i, N);
    for (int i = 0; i < 16; ++i) CHECK(f(ops::Lanes<T, 1>(a[i]), ops::Lanes<T, 1>(b[i])).v == found[i]);
  };
  agree([](auto x, auto y) { return x & y; });
  agree([](auto x, auto y) { return x | y; });
  agree([](auto x, auto y) { return x ^ y; });
  agree([](auto x, auto) { return x << 5; });
  agree([](auto x, auto) { return x >> 7; });
  agree([](auto x, auto) { return abs(x); });
  agree([](auto x, auto y) { return remainder(x, y); });
  agree([](auto x, auto y) { return pow(x, y & decltype(y)(7)); });
}

}  // namespace

#define LANES_AND_LIBRARY(f) [](auto x) { return f(x); }, [](double x) { return double(std::f(x)); }
TEST_CASE("elementary functions keep to their stated errors, in registers as in one lane") {
  constexpr bool fused = ops::fused_multiply_add;
  holds("exp", 1.5, LANES_AND_LIBRARY(exp));
  holds("log", 1.0, LANES_AND_LIBRARY(log));
  holds("tanh", fused ? 6.5 : 8, LANES_AND_LIBRARY(tanh));
  holds("expm1", 1.5, LANES_AND_LIBRARY(expm1));
  holds("log1p", 1.5, LANES_AND_LIBRARY(log1p));
  holds("sin", fused ? 1.6 : 3.4, LANES_AND_LIBRARY(sin));
  holds("cos", fused ? 1.6 : 3.4, LANES_AND_LIBRARY(cos));
  holds("tan", fused ? 3.7 : 5, LANES_AND_LIBRARY(tan));
  holds("atan", 1.6, LANES_AND_LIBRARY(atan));
  holds("erf", 7, LANES_AND_LIBRARY(erf));
  holds("accurate_erf", 1.5, [](auto x) { return accurate_erf(x); }, [](double x) { return std::erf(x); });
  holds("sqrt", 0.5, LANES_AND_LIBRARY(sqrt));
  holds("accurate_tanh", 2.5, [](auto x) { return accurate_tanh(x); }, [](double x) { return std::tanh(x); });
}
TEST_CASE("activations keep to their stated errors") {
  // Down to the smallest normal result; below, it is 0.
  holds(
      "sigmoid", 3, [](auto x) { return ops::Sigmoid::eval(maximum(x, decltype(x)(-87.f))); },
      [](double x) { return 1 / (1 + std::exp(-(x < -87 ? -87 : x))); });
  for (int i = -4000; i <= 4000; ++i)
    CHECK(std::abs(double(ops::SigmoidByTanh::eval(ops::Lanes<float, 1>(float(i) / 64)).v) -
                   1 / (1 + std::exp(-double(i) / 64))) < 2e-7);
  CHECK(ops::SigmoidByTanh::eval(ops::Lanes<float, 1>(-40.f)).v == 0);
  CHECK(ops::SigmoidByTanh::eval(ops::Lanes<float, 1>(INFINITY)).v == 1);
  // Relative to |x|, since Φ(x) is small where x is negative.
  const auto relative = [](const char* name, double bound, auto f, double (*expected)(double)) {
    CAPTURE(name);
    Tensor<float, 4096> x;
    for (int i = 0; i < 4096; ++i) x(i) = float(i - 2048) / 128;
    const Tensor<float, 4096> y = f(x);
    double worst = 0;
    for (int i = 0; i < 4096; ++i)
      worst =
          std::max(worst, std::abs(double(y(i)) - expected(double(x(i)))) / std::max(std::abs(double(x(i))), 1e-30));
    CHECK(worst < bound);
  };
  relative("silu", 2e-7, [](auto& x) { return silu(x); }, [](double x) { return x / (1 + std::exp(-x)); });
  relative(
      "gelu", 2e-7, [](auto& x) { return gelu(x); },
      [](double x) { return x * 0.5 * std::erfc(-x * 0.7071067811865476); });
  relative(
      "gelu, tanh", 4e-7, [](auto& x) { return gelu(x, tanh_approximation); },
      [](double x) { return x * 0.5 * (1 + std::tanh(0.7978845608028654 * (x + 0.044715 * x * x * x))); });
  relative("tanh, accurate", 2e-7, [](auto& x) { return tanh(x, accurate); }, [](double x) { return std::tanh(x); });
  const Tensor<float, 4> far{-9.5f, -20, -1e30f, -INFINITY};
  const Tensor<float, 4> tanh_far = tanh(far), erf_far = erf(far);
  for (int i = 0; i < 4; ++i) {
    CHECK(tanh_far(i) == -1);
    CHECK(erf_far(i) == -1);
  }
  Tensor<float, 1024> x;
  for (int i = 0; i < 1024; ++i) x(i) = float(i - 512) / 16;
  const Tensor<float, 1024> y = softplus(x);
  for (int i = 0; i < 1024; ++i) CHECK(error(y(i), std::log1p(std::exp(double(x(i))))) <= (x(i) > 20 ? 2 : 4));
}
TEST_CASE("rounding and magnitude are exact") {
  holds("floor", 0, LANES_AND_LIBRARY(floor));
  holds("ceil", 0, LANES_AND_LIBRARY(ceil));
  holds("trunc", 0, LANES_AND_LIBRARY(trunc));
  holds("abs", 0, LANES_AND_LIBRARY(abs));
  holds("round", 0, [](auto x) { return round(x); }, [](double x) { return std::nearbyint(x); });
}
#undef LANES_AND_LIBRARY

TEST_CASE("pow keeps to its stated error, for all kinds of numbers and where results are finite") {
  const Philox random(Seed{5});
  const float special[]{0,      1,     2,       3,        .5f,         INFINITY,   NAN,
                        1e-40f, 3e38f, 8388609, 16777216, 0.99999994f, 1.0000001f, 1e-45f};
  double worst = 0;
  int different = 0;
  const auto check = [&](float x, float y) {
    const float found = pow(ops::Lanes<float, 1>(x), ops::Lanes<float, 1>(y)).v;
    different += !same_bits(found, cpu::first(pow(ops::Lanes<float, N>(x), ops::Lanes<float, N>(y))));
    worst = std::max(worst, error(found, std::pow(double(x), double(y))));
  };
  for (const float x : special)
    for (const float y : special)
      for (const float s : {1.f, -1.f})
        for (const float t : {1.f, -1.f}) check(s * x, t * y);
  for (std::uint64_t k = 0; k < 1000000; k += 4) {
    const float x = float_of(random.below(k, 0x7f800000u)), u = 2 * random.uniform(k + 1) - 1;
    check(x, u * 100 / (float(std::abs(std::log(double(x)))) + 1e-3f));
    check(k % 8 == 0 ? x : -x, float(random.below(k + 2, 200)) - 100);
    check(x, float_of(random.below(k + 3, 0xffffffffu)));
  }
  CHECK(worst <= 2);
  CHECK(different == 0);
}

TEST_CASE("integers in registers: bits, shifts, remainders and powers as in one lane") {
  bits_agree<std::int32_t>();
  bits_agree<std::int64_t>();
}

TEST_CASE("double precision in registers is the C library, rounding included") {
  const double x[16]{-2.5,     -1.5,      -0.5, -0.25, -0., 0., 0.5, 1.5, 2.5, 1e300, -1e300, 4503599627370497.5,
                     INFINITY, -INFINITY, 3.7,  -3.7};
  double y[16];
  const auto agree = [&](auto f) {
    for (int i = 0; i < 16; i += N) cpu::store(f(cpu::load<double, N>(x + i, N)), y + i, N);
    for (int i = 0; i < 16; ++i) {
      const double expected = f(ops::Lanes<double, 1>(x[i])).v;
      CHECK(((y[i] == expected && std::signbit(y[i]) == std::signbit(expected)) ||
             (y[i] != y[i] && expected != expected)));
    }
  };
  agree([](auto v) { return floor(v); });
  agree([](auto v) { return ceil(v); });
  agree([](auto v) { return trunc(v); });
  agree([](auto v) { return round(v); });
  agree([](auto v) { return abs(v); });
  agree([](auto v) { return expm1(v); });
  agree([](auto v) { return sin(v); });
  agree([](auto v) { return erf(v); });
}
