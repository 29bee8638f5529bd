// Row and map kernels where their paths differ: odd extents, few and many columns, long rows in tiles, strided
// operands, bounded and empty axes, results stored past the caches; against sums in double precision, bit-identical for
// every number of threads.
#include <doctest/doctest.h>
#include <sinter/sinter.hpp>

#include <cmath>
#include <vector>

#include "../support/any_threads.hpp"

using namespace sinter;
using namespace sinter::internals;
using namespace support;

namespace {

template <int R, int C> void sums_of_columns() {
  CAPTURE(R);
  CAPTURE(C);
  const auto x = drawn<Tensor<float, R, C>>(1, 1), y = drawn<Tensor<float, R, C>>(2);
  const auto s = on_any_threads<Tensor<float, C>>([&](auto& out) { out = sum<0>(x * y); });
  for (int c = 0; c < C; ++c) {
    double expected = 0, magnitude = 1;
    for (int r = 0; r < R; ++r) expected += double(x(r, c) * y(r, c)), magnitude += std::abs(double(x(r, c)));
    CHECK(difference(s(c), expected, magnitude) < 3e-7);
  }
}

struct Normalised {  // two reductions, then elements of both: three passes
  template <class X> constexpr auto operator()(X x) const {
    const auto centred = x - mean<0>(x, keepdims);
    return centred * rsqrt(mean<0>(centred * centred, keepdims) + 1e-5f);
  }
};
/// The same for a sum over neighbours: it loads eight values for each element.
template <int Axis, int N> struct SumsNormalised {
  template <class X> constexpr auto operator()(X x, X y) const {
    const auto sums = slice<1, 0, N>(x) * slice<1, 3, N + 3>(y) + slice<1, 1, N + 1>(x) * slice<1, 2, N + 2>(y) +
                      slice<1, 2, N + 2>(x) * slice<1, 1, N + 1>(y) + slice<1, 3, N + 3>(x) * slice<1, 0, N>(y);
    const auto centred = sums - mean<Axis>(sums, keepdims);
    return centred * rsqrt(mean<Axis>(centred * centred, keepdims) + 1e-5f);
  }
};
/// The number of values that its program stores in one pass and loads in later ones.
template <int Axis, int R, int C> consteval int loaded_again() {
  using X = Tensor<float, R, C + 3>;
  using P = compile::Program<graph::FunctionTrace<SumsNormalised<Axis, C>, symbol_of<X>, symbol_of<X>>,
                             cpu::Backend>;
  int n = 0;
  for (int k = 0; k < P::distinct_kernels; ++k) {
    const std::uint64_t* w = P::words.data() + P::kernel_at[std::size_t(k)];
    compile::Micro m;
    int left = compile::count_micros(w);
    for (w += 2; left > 0; --left) {
      w = compile::decode_into(w, m);
      n += m.stored >= 0 ? 1 : 0;
    }
  }
  return n;
}
template <int Axis, int R, int C> void sums_normalised() {
  CAPTURE(R);
  CAPTURE(C);
  using X = Tensor<float, R, C + 3>;
  const auto x = drawn<X>(5), y = drawn<X>(6);
  const auto z = on_any_threads<Tensor<float, R, C>>([&](auto& out) { out = call<SumsNormalised<Axis, C>>(x, y); });
  const auto sum = [&](int r, int c) {
    return double(x(r, c)) * y(r, c + 3) + double(x(r, c + 1)) * y(r, c + 2) + double(x(r, c + 2)) * y(r, c + 1) +
           double(x(r, c + 3)) * y(r, c);
  };
  constexpr int rows = Axis == 1 ? R : C, length = Axis == 1 ? C : R;
  double worst = 0;
  for (int i = 0; i < rows; ++i) {
    const auto at = [&](int k) { return Axis == 1 ? sum(i, k) : sum(k, i); };
    double mean = 0, variance = 0;
    for (int k = 0; k < length; ++k) mean += at(k) / length;
    for (int k = 0; k < length; ++k) variance += (at(k) - mean) * (at(k) - mean) / length;
    for (int k = 0; k < length; ++k)
      worst = std::max(worst,
                       std::abs(double(Axis == 1 ? z(i, k) : z(k, i)) - (at(k) - mean) / std::sqrt(variance + 1e-5)));
  }
  CHECK(worst < 1e-5);
}
template <int R, int C> void normalised_columns() {
  CAPTURE(R);
  CAPTURE(C);
  const auto x = drawn<Tensor<float, R, C>>(3, 1000);  // far from 0: a variance in one pass would lose its digits
  const auto y = on_any_threads<Tensor<float, R, C>>([&](auto& out) { out = call<Normalised>(x); });
  double worst = 0;
  for (int c = 0; c < C; ++c) {
    double mean = 0, variance = 0;
    for (int r = 0; r < R; ++r) mean += double(x(r, c)) / R;
    for (int r = 0; r < R; ++r) variance += (double(x(r, c)) - mean) * (double(x(r, c)) - mean) / R;
    for (int r = 0; r < R; ++r)
      worst = std::max(worst, std::abs(double(y(r, c)) - (double(x(r, c)) - mean) / std::sqrt(variance + 1e-5)));
  }
  CHECK(worst < 2e-3);  // the mean's last digit is 6e-5
}

}  // namespace

TEST_CASE("sums of columns, few and many, short and long") {
  sums_of_columns<5, 3>();
  sums_of_columns<70'001, 3>();
  sums_of_columns<4099, 64>();
  sums_of_columns<1237, 100>();
  sums_of_columns<131, 1030>();
  sums_of_columns<40, 3001>();
}
TEST_CASE("columns normalised in several passes") {
  normalised_columns<9, 21>();
  normalised_columns<3001, 67>();
  normalised_columns<600, 300>();
}
TEST_CASE("long expressions over long rows are stored by their first pass and loaded by the others") {
  static_assert(loaded_again<0, 5000, 37>() == 1 && loaded_again<1, 37, 5000>() == 1);
  static_assert(loaded_again<1, 37, 50>() == 0);  // short rows are not worth a buffer
  sums_normalised<0, 5000, 37>();
  sums_normalised<1, 37, 5000>();
  sums_normalised<1, 37, 50>();
}

TEST_CASE("an outer axis, and a strided operand") {
  const auto x = drawn<Tensor<float, 2, 20'000, 5>>(4);
  const auto s = on_any_threads<Tensor<float, 2, 5>>([&](auto& out) { out = sum<1>(x); });
  const auto t = on_any_threads<Tensor<float, 5>>([&](auto& out) { out = sum<0, 1>(x); });
  const auto every_third =
      on_any_threads<Tensor<float, 2, 5>>([&](auto& out) { out = sum<1>(slice<1, 0, 19'999, 3>(x)); });
  const auto columns = drawn<Tensor<float, 33, 4001>>(5);
  const auto transposed = on_any_threads<Tensor<float, 33>>([&](auto& out) { out = sum<0>(transpose(columns)); });
  for (int c = 0; c < 5; ++c) {
    double total[2]{}, third[2]{};
    for (int b = 0; b < 2; ++b)
      for (int r = 0; r < 20'000; ++r) {
        total[b] += double(x(b, r, c));
        if (r % 3 == 0 && r < 19'999) third[b] += double(x(b, r, c));
      }
    for (int b = 0; b < 2; ++b) {
      CHECK(difference(s(b, c), total[b], 20'000) < 1e-7);
      CHECK(difference(every_third(b, c), third[b], 7'000) < 1e-7);
    }
    CHECK(difference(t(c), total[0] + total[1], 40'000) < 1e-7);
  }
  for (int r = 0; r < 33; ++r) {
    double total = 0;
    for (int c = 0; c < 4001; ++c) total += double(columns(r, c));
    CHECK(difference(transposed(r), total, 4001) < 1e-7);
  }
}
TEST_CASE("few long rows are cut into chunks: sums, extrema, and what needs several passes") {
  constexpr int n = 300'007;
  const auto x = drawn<Tensor<float, n>>(6, 3);
  double total = 0, variance = 0, exponentials = 0;
  float largest = -INFINITY;
  for (int i = 0; i < n; ++i) total += double(x(i)), largest = std::max(largest, x(i));
  for (int i = 0; i < n; ++i)
    variance += (double(x(i)) - total / n) * (double(x(i)) - total / n) / n,
        exponentials += std::exp(double(x(i)) - double(largest));
  CHECK(difference(on_any_threads<Tensor<float>>([&](auto& out) { out = sum(x); })(), total, total) < 3e-7);
  CHECK(difference(on_any_threads<Tensor<float>>([&](auto& out) { out = var(x, correction<0>); })(), variance,
                   variance) < 5e-7);
  CHECK(on_any_threads<Tensor<float>>([&](auto& out) { out = amax(x); })() == largest);
  const auto p = on_any_threads<Tensor<float, n>>([&](auto& out) { out = softmax(x); });
  double worst = 0;
  for (int i = 0; i < n; ++i)
    worst = std::max(worst, std::abs(double(p(i)) / (std::exp(double(x(i)) - double(largest)) / exponentials) - 1));
  CHECK(worst < 2e-6);
  auto with_nan = x;
  with_nan(17) = NAN;
  CHECK(std::isnan(on_any_threads<Tensor<float>>([&](auto& out) { out = amax(with_nan); })()));
  const auto several = drawn<Tensor<float, 3, 60'001>>(8);
  const auto s = on_any_threads<Tensor<float, 3>>([&](auto& out) { out = sum<1>(several); });
  for (int r = 0; r < 3; ++r) {
    double expected = 0;
    for (int c = 0; c < 60'001; ++c) expected += double(several(r, c));
    CHECK(difference(s(r), expected, 60'001) < 1e-7);
  }
}
TEST_CASE("a running sum down long columns") {
  const auto x = drawn<Tensor<float, 5003, 37>>(9, 1);
  const auto s = on_any_threads<Tensor<float, 5003, 37>>([&](auto& out) { out = cumsum<0>(x); });
  double worst = 0;
  for (int c = 0; c < 37; ++c) {
    double total = 0;
    for (int r = 0; r < 5003; ++r) {
      total += double(x(r, c));
      worst = std::max(worst, std::abs(double(s(r, c)) - total) / (r + 1));
    }
  }
  CHECK(worst < 1e-5);
}
TEST_CASE("results larger than half a cache, aligned and not") {
  const auto x = drawn<Tensor<float, 4500, 1024>>(10);
  const auto y = on_any_threads<Tensor<float, 4500, 1024>>([&](auto& out) { out = x - amax<1>(x, keepdims); });
  const auto z = on_any_threads<Tensor<float, 4500, 1024>>([&](auto& out) { out = x * 2.f + 1.f; });
  const auto odd = drawn<Tensor<float, 4501, 1003>>(11);
  const auto w = on_any_threads<Tensor<float, 4501, 1003>>([&](auto& out) { out = odd - amax<1>(odd, keepdims); });
  bool right = true;
  for (int r = 0; r < 4500; r += 97) {
    float largest = -INFINITY, odd_largest = -INFINITY;
    for (int c = 0; c < 1024; ++c) largest = std::max(largest, x(r, c));
    for (int c = 0; c < 1003; ++c) odd_largest = std::max(odd_largest, odd(r, c));
    for (int c = 0; c < 1024; ++c) right = right && y(r, c) == x(r, c) - largest && z(r, c) == x(r, c) * 2.f + 1.f;
    for (int c = 0; c < 1003; ++c) right = right && w(r, c) == odd(r, c) - odd_largest;
  }
  CHECK(right);
  auto in_place = x;
  in_place = in_place * 2.f + 1.f;
  CHECK(same_bits(in_place, z));
}
TEST_CASE("bounded axes, also of length 0") {
  using X = Tensor<float, upto<3000, 'B'>, 40>;
  for (const int length : {0, 1, 2, 777, 3000}) {
    CAPTURE(length);
    X x(uninitialized);
    x.set_length('B', length);
    const Philox random(Seed{3});
    for (int i = 0; i < length * 40; ++i) x.data()[i] = random.normal(std::uint64_t(i));
    const auto s = on_any_threads<Tensor<float, 40>>([&](auto& out) { out = sum<0>(x); });
    for (int c = 0; c < 40; ++c) {
      double expected = 0;
      for (int r = 0; r < length; ++r) expected += double(x(r, c));
      CHECK(difference(s(c), expected, length + 1) < 1e-7);
    }
  }
}
