// eager/: expressions on real tensors.
#include <doctest/doctest.h>
#include <sinter/sinter.hpp>

#include "../support/allocations.hpp"
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
  for (std::ptrdiff_t i = 0; i < A::size(); ++i)
    worst = std::max(worst, std::abs(double(a.data()[i]) - double(b.data()[i])));
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

/// Rows that are read by several passes and stored in place: the same bits as in separate memory.
template <int R, int C> void overlapping_rows() {
  CAPTURE(R);
  CAPTURE(C);
  const auto x = filled<Tensor<float, R, C>>(4), y = filled<Tensor<float, R, C>>(5);
  for (const int threads : {1, 3}) {
    set_num_threads(threads);
    const auto along = eval(softmax(x) + y), across = eval((x - mean<0>(x, keepdims)) * y),
               running = eval(cumsum<0>(x) * 2.f);
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

TEST_CASE(
    "auto is safe: an expression owns its temporaries, and functions may return expressions of their small variables") {
  const Tensor<float, 3> a{1, 2, 3};
  const auto e = a + Tensor<float, 3>{10, 20, 30} * 2.f;
  const Tensor<float, 3> r = e;
  CHECK(r(0) == 21);
  CHECK(r(2) == 63);
  const auto twice = [](auto x) { return x * 2.f + x; };  // x is a separate variable
  const auto f = twice(a);
  Tensor<float, 3> other{7, 7, 7};
  CHECK(equal(f, a * 3.f));
  const auto make = [] { return exp(Tensor<float, 2>{0, 1}) * 2.f; };
  const Tensor<float, 2> owned = make();
  CHECK(owned(0) == 2);
  const auto copy = e;
  CHECK(eval(copy)(1) == 42);
}

TEST_CASE("temporaries are shared between the copies of an expression, not copied") {
  const auto e = Tensor<float, 1000>{} + 1.f;
  const auto twice = e + e;
  CHECK(twice.arguments.get<1>().arguments.get<0>().tensor.data() == e.arguments.get<0>().tensor.data());
  CHECK(eval(twice)(7) == 2);
}

TEST_CASE("equal leaves are one input: what occurs twice is computed once") {
  const auto x = filled<Tensor<float, 4, 8>>(4);
  const auto e = softmax(x);
  const Tensor<float, 4, 8> square = e * e;
  const auto p = eval(e);
  for (int i = 0; i < 32; ++i) REQUIRE(square.data()[i] == p.data()[i] * p.data()[i]);
  using Paired = eager::ExpressionProgram<decltype(e * e), true>;
  using Separate = eager::ExpressionProgram<decltype(e * e), false>;
  static_assert(Paired::nodes < Separate::nodes);
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

TEST_CASE("lengths: work follows them, and two arguments must agree on a symbol") {
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
  CHECK(std::string(e.what()) ==
        "length 'B': expected 2 as in an earlier argument, found 3; within one program a symbol stands for one length");
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

TEST_CASE("an expression does not grow with what it uses more than once: what has grown long is computed in parts") {
  // Eight times the square of the sum with itself: as types, 2^16 leaves.
  const auto chaotic = [](const auto& x) {
    const auto a = x * 2.f - x * x;
    const auto b = a * 2.f - a * a;
    const auto c = b * 2.f - b * b;
    const auto d = c * 2.f - c * c;
    const auto e = d * 2.f - d * d;
    const auto f = e * 2.f - e * e;
    const auto g = f * 2.f - f * f;
    return g * 2.f - g * g;
  };
  Tensor<float, 20> x;
  for (int i = 0; i < 20; ++i) x(i) = 0.1f * float(i) / 20;
  const Tensor<float, 20> y = chaotic(x), z = jit(decltype(chaotic){})(x);
  for (int i = 0; i < 20; ++i) {
    double v = double(x(i));
    for (int k = 0; k < 8; ++k) v = v * 2 - v * v;
    CHECK(y(i) == doctest::Approx(v).epsilon(1e-5));
    CHECK(z(i) == doctest::Approx(v).epsilon(1e-5));
  }
}

namespace long_names {

/// Expressions of parameters alone grow as well: in a traced net a long one becomes a node.
struct Net {
  Param<float, 4> a{nn::init::ones()}, b{nn::init::ones()};
  constexpr auto operator()(auto x) const {
    const auto c = a * b + a;
    const auto d = c * b + c * a;
    const auto e = d * d + d;
    const auto f = e * c + e * d;
    const auto g = f * f + e;
    return x * g + f;
  }
};

}  // namespace long_names

TEST_CASE("long expressions of parameters are nodes of a traced net, and tensors elsewhere") {
  Model<long_names::Net> net(Seed{1});
  auto infer = inference<Tensor<float, 4>>(net);
  const Tensor<float, 4> x{1, 2, 3, 4};
  const auto y = infer(x);
  const Tensor<float, 4> z = (*net)(x);
  const double c = 2, d = 4, e = 20, f = e * c + e * d, g = f * f + e;
  for (int i = 0; i < 4; ++i) {
    CHECK(y(i) == double(x(i)) * g + f);
    CHECK(z(i) == double(x(i)) * g + f);
  }
}

TEST_CASE("a part of a temporary is a copy") {
  const auto make = [] {
    Tensor<float, 40, 30> t;
    for (int i = 0; i < 1200; ++i) t.data()[i] = float(i);
    return t;
  };
  const auto row = make()[3];
  const auto column = make()(range<>, 2);
  static_assert(std::is_same_v<decltype(make()[3]), Tensor<float, 30>>);
  const auto number = make()(2, 1);
  Tensor<float, 40, 30> other;
  other.fill(-1);
  CHECK(row(0) == 90);
  CHECK(column(5) == 152);
  CHECK(number == 61);
}

TEST_CASE("a view takes values of its own lengths, and says so otherwise") {
  Tensor<float, upto<8, 'B'>, 4> x, z;
  x.fill(1);
  z.fill(7);
  x.set_length<'B'>(3);
  const auto message =
      "length 'B': expected 8 as the view that is assigned to has it, found 3; set_length of the tensor under the view "
      "and of the view first, or assign to the tensor";
  CHECK(std::string(support::thrown([&] { z(range<>, range<0, 2>) = x(range<>, range<0, 2>) * 2.f; }).what()) ==
        message);
  TensorView<float, upto<8, 'B'>, 4> all(z);
  CHECK(std::string(support::thrown([&] { all = x * 2.f; }).what()) == message);
  for (int i = 0; i < 32; ++i) REQUIRE(z.data()[i] == 7);
  z.set_length<'B'>(3);
  z(range<>, range<0, 4, 2>) = x(range<>, range<0, 2>) * 2.f;
  for (int i = 0; i < 8; ++i) {
    CHECK(z.data()[4 * i] == (i < 3 ? 2 : 7));
    CHECK(z.data()[4 * i + 1] == 7);
  }
  z = x * 3.f;
  CHECK(z(2, 1) == 3);
}

TEST_CASE("strided views of small tensors are compared element by element, not by what lies between") {
  Tensor<float, 1, 1, 1, 1, 1, 1, 4, 4> m;
  m.fill(0);
  m(0, 0, 0, 0, 0, 0, 2, 0) = 2;
  m(0, 0, 0, 0, 0, 0, 3, 0) = 3;
  m(0, 0, 0, 0, 0, 0, 3, 1) = 7;
  const auto all = range<>;
  const auto v = m(all, all, all, all, all, all, all, range<0, 1>),
             w = m(all, all, all, all, all, all, all, range<1, 2>);
  const Tensor<float, 1, 1, 1, 1, 1, 1, 4, 1> difference = abs(v * 2.f) - abs(w * 2.f);
  CHECK(difference.data()[2] == 4);
  CHECK(difference.data()[3] == -8);
}

TEST_CASE("a pair or an array of results is a tuple of tensors") {
  const Tensor<float, 2> t{3, 5};
  const auto [a, b] = jit([](auto x) { return std::pair{x, x * 2.f}; })(t);
  CHECK(equal(b - a, t));
  const auto [c, d] = jit([](auto x) { return std::array{x * 1.f, x * 3.f}; })(t);
  CHECK(equal(d - c, Tensor<float, 2>{6, 10}));
}

TEST_CASE("a pool survives an allocation that failed, and blocks outlive it") {
  tensor_detail::BlockHead* kept = nullptr;
  {
    tensor_detail::Pool pool;
    CHECK_THROWS_AS(pool.take(std::size_t(1) << 60), std::bad_alloc);
    tensor_detail::BlockHead* const first = pool.take(4096);
    kept = pool.take(4096);
    CHECK(kept != first);
    first->give_back();
    CHECK(pool.take(4096) == first);
    first->give_back();
    std::vector<tensor_detail::BlockHead*> many;
    for (int i = 0; i < 200; ++i) many.push_back(pool.take(64));
    for (tensor_detail::BlockHead* const b : many) b->give_back();
    const support::Allocations since;
    for (int i = 0; i < 200; ++i) many[std::size_t(i)] = pool.take(64);
    CHECK(since.count() == 0);
    for (tensor_detail::BlockHead* const b : many) b->give_back();
  }
  std::memset(kept->memory(), 1, 4096);
  kept->give_back();
}
