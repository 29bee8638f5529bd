// eager/: expressions on real tensors.
#include <doctest/doctest.h>
#include <sinter/sinter.hpp>

#include "../support/throws.hpp"

using namespace sinter;
using namespace sinter::internals;

namespace {

template <class T> T filled(std::uint64_t stream) {
  T t;
  const Philox random(Seed{5}, stream);
  for (std::ptrdiff_t i = 0; i < T::size(); ++i) t.data()[i] = random.normal(std::uint64_t(i));
  return t;
}
template <int M, int K, int N> Tensor<float, M, N> product(const Tensor<float, M, K>& a, const Tensor<float, K, N>& b) {
  Tensor<float, M, N> c;
  for (int i = 0; i < M; ++i)
    for (int j = 0; j < N; ++j) {
      double s = 0;
      for (int k = 0; k < K; ++k) s += double(a(i, k)) * double(b(k, j));
      c(i, j) = float(s);
    }
  return c;
}
template <class A, class B> double distance(const A& a, const B& b) {
  double worst = 0;
  for (std::ptrdiff_t i = 0; i < A::size(); ++i) worst = std::max(worst, std::abs(double(a.data()[i]) - double(b.data()[i])));
  return worst;
}

template <int N> void overlapping_products() {
  const auto a = filled<Tensor<float, N, N>>(1), c = filled<Tensor<float, N, N>>(2);
  const auto expected = product(a, c);
  auto left = a, right = c, both = a;
  left = matmul(left, c);
  right = matmul(a, right);
  both = matmul(both, both);
  CHECK(distance(left, expected) < 1e-3);
  CHECK(distance(right, expected) < 1e-3);
  CHECK(distance(both, product(a, a)) < 1e-3);
}

/// Rows that are read by several passes and stored where they lie: the same bits as elsewhere.
template <int R, int C> void overlapping_rows() {
  CAPTURE(R);
  CAPTURE(C);
  const auto x = filled<Tensor<float, R, C>>(4), y = filled<Tensor<float, R, C>>(5);
  for (const int threads : {1, 3}) {
    set_num_threads(threads);
    const auto along = eval(softmax(x) + y), across = eval((x - mean<0>(x, keepdims)) * y), running = eval(cumsum<0>(x) * 2.f);
    auto a = x, b = x, c = x, d = y;
    a = softmax(a) + y;
    b = (b - mean<0>(b, keepdims)) * y;
    c = cumsum<0>(c) * 2.f;
    d = softmax(x) + d;
    CHECK(distance(a, along) == 0);
    CHECK(distance(b, across) == 0);
    CHECK(distance(c, running) == 0);
    CHECK(distance(d, along) == 0);
  }
  set_num_threads(1);
}

}  // namespace

TEST_CASE("rows are right in the place of what they read") {
  overlapping_rows<1, 7>();
  overlapping_rows<5, 3>();
  overlapping_rows<70, 130>();
  overlapping_rows<3, 40'000>();
  overlapping_rows<9000, 20>();
}

TEST_CASE("a destination that appears in its own expression is right at every size") {
  overlapping_products<1>();
  overlapping_products<3>();
  overlapping_products<16>();
  overlapping_products<65>();
  overlapping_products<200>();
  auto x = filled<Tensor<float, 40, 40>>(3);
  const auto before = x;
  x = transpose(x);
  for (int i = 0; i < 40; ++i)
    for (int j = 0; j < 40; ++j) REQUIRE(x(i, j) == before(j, i));
  auto s = before;
  s = softmax(s) + transpose(s);
  const auto p = eval(softmax(before));
  CHECK(std::abs(s(3, 7) - (p(3, 7) + before(7, 3))) < 1e-6);
}

TEST_CASE("views that overlap the destination partly are read before they are overwritten") {
  float memory[20];
  for (int i = 0; i < 20; ++i) memory[i] = float(i);
  TensorView<float, 16> from(memory), to(memory + 4);
  to = from + 1.f;
  for (int i = 0; i < 16; ++i) REQUIRE(memory[4 + i] == float(i) + 1);
  float grid[16];
  for (int i = 0; i < 16; ++i) grid[i] = float(i);
  TensorView<float, 4, 4> rows(grid), columns(grid, {1, 4});
  rows = columns;
  CHECK(grid[1] == 4);
  CHECK(grid[4] == 1);
}

TEST_CASE("auto is safe: an expression owns its temporaries and refers to its variables") {
  Tensor<float, 3> a{1, 2, 3};
  const auto e = a + Tensor<float, 3>{10, 20, 30} * 2.f;
  a(0) = 100;  // seen, as by a reference
  const Tensor<float, 3> r = e;
  CHECK(r(0) == 120);
  CHECK(r(2) == 63);
  const auto make = [] { return exp(Tensor<float, 2>{0, 1}) * 2.f; };
  const Tensor<float, 2> owned = make();
  CHECK(owned(0) == 2);
  const auto copy = e;
  CHECK(eval(copy)(1) == 42);
}

TEST_CASE("temporaries are shared between the copies of an expression, not copied") {
  const auto e = Tensor<float, 1000>{} + 1.f;
  const auto twice = e + e;
  using Own = std::tuple_element_t<0, decltype(e.arguments)>;
  static_assert(std::is_same_v<decltype(Own::tensor), std::shared_ptr<const Tensor<float, 1000>>>);
  CHECK(std::get<0>(e.arguments).tensor.use_count() == 3);
  CHECK(eval(twice)(7) == 2);
}

TEST_CASE("equal leaves are one input: what occurs twice is computed once") {
  const auto x = filled<Tensor<float, 4, 8>>(4);
  const auto e = softmax(x);
  const Tensor<float, 4, 8> square = e * e;
  const auto p = eval(e);
  for (int i = 0; i < 32; ++i) REQUIRE(square.data()[i] == p.data()[i] * p.data()[i]);
  using Paired = eager::ExpressionProgram<decltype(e * e), true>;
  using Apart = eager::ExpressionProgram<decltype(e * e), false>;
  static_assert(Paired::nodes < Apart::nodes);
  const auto other = filled<Tensor<float, 4, 8>>(5);
  const auto f = softmax(other);  // the same type, another tensor
  const Tensor<float, 4, 8> mixed = e * f;
  const auto q = eval(f);
  CHECK(mixed(2, 3) == doctest::Approx(p(2, 3) * q(2, 3)));
}

TEST_CASE("numbers are inputs: another value needs no other program") {
  Tensor<float, 3> a{1, 2, 3};
  static_assert(std::is_same_v<decltype(a * 2.f), decltype(a * 3.f)>);
  const auto scaled = [&](float by) { return eval(a * by); };
  CHECK(scaled(2)(2) == 6);
  CHECK(scaled(-1)(2) == -3);
}

TEST_CASE("lengths: work follows them, and two arguments must agree on a letter") {
  Tensor<float, upto<8, 'B'>, 3> x, y;
  x.fill(std::numeric_limits<float>::quiet_NaN());
  y.fill(2);
  x.set_length<'B'>(2);
  y.set_length<'B'>(2);
  for (int i = 0; i < 6; ++i) x.data()[i] = float(i);
  const Tensor<float, upto<8, 'B'>, 3> z = x * y;
  CHECK(z.length<'B'>() == 2);
  CHECK(z(1, 2) == 10);
  CHECK(eval(sum(x))() == 15);
  CHECK(eval(mean<0>(x))(1) == 2.5f);
  y.set_length<'B'>(3);
  const Error e = support::thrown([&] { (void)eval(x + y); });
  CHECK(e.code() == ErrorCode::length);
  CHECK(std::string(e.what()) == "length 'B': expected 2 as in an earlier argument, found 3; within one program a letter stands for one length");
}

TEST_CASE("statements on several threads give the same bits as on one") {
  const auto a = filled<Tensor<float, 300, 200>>(6);
  const auto b = filled<Tensor<float, 200, 100>>(7);
  const auto one = eval(tanh(matmul(a, b)) * 2.f), rows = eval(softmax(one));
  set_num_threads(2);
  const auto two = eval(tanh(matmul(a, b)) * 2.f), rows_of_two = eval(softmax(one));
  set_num_threads(1);
  CHECK(std::equal(one.begin(), one.end(), two.begin()));
  CHECK(std::equal(rows.begin(), rows.end(), rows_of_two.begin()));
}

TEST_CASE("scalars, empty tensors and tensors of extent 1") {
  const Tensor<float> s = sum(Tensor<float, 4>{1, 2, 3, 4});
  CHECK(float(s) == 10);
  const Tensor<float, 0, 3> empty;
  CHECK(float(eval(sum(empty))) == 0);
  CHECK(eval(sum<0>(empty))(2) == 0);
  const Tensor<float, 1, 1> one{{3}};
  CHECK(eval(matmul(one, one))(0, 0) == 9);
  CHECK(eval(softmax(one))(0, 0) == 1);
}

TEST_CASE("NaN passes through maximum and amax wherever it stands") {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  for (int at = 0; at < 40; ++at) {
    Tensor<float, 40> x;
    x(at) = nan;
    CHECK(std::isnan(float(eval(amax(x)))));
    CHECK(std::isnan(eval(maximum(x, 1.f))(at)));
    CHECK(std::isnan(eval(maximum(x * 0.f + 1.f, x))(at)));
  }
}

TEST_CASE("integer division never stops the program") {
  const Tensor<int, 3> a{std::numeric_limits<int>::min(), 7, -9}, b{-1, 0, 2};
  const auto q = eval(a / b);
  CHECK(q(0) == std::numeric_limits<int>::min());
  CHECK(q(1) == 0);
  CHECK(q(2) == -4);
}

TEST_CASE("moving a large tensor moves its memory; what is left can be assigned to") {
  Tensor<float, 1000> a;
  a.fill(2);
  const float* memory = a.data();
  Tensor<float, 1000> b = std::move(a);
  static_assert(std::is_nothrow_move_constructible_v<Tensor<float, 1000>>);
  CHECK(b.data() == memory);
  a = b + 1.f;
  CHECK(a(999) == 3);
}
