// tensor/: tensors and views.
#include <doctest/doctest.h>
#include <sinter/sinter.hpp>

#include <sstream>

#include "../support/throws.hpp"

using namespace sinter;

TEST_CASE("a shape is a type: extents are ints or upto<N, 'T'>") {
  using T = Tensor<float, 32, upto<128, 'T'>, 7>;
  static_assert(T::rank == 3 && T::size() == 32 * 128 * 7);
  static_assert(T::shape.symbol(1) == 'T' && T::shape.symbol(0) == 0);
  static_assert(!std::is_same_v<Tensor<float, upto<8, 'A'>>, Tensor<float, upto<8, 'B'>>>);
  static_assert(std::is_same_v<Tensor<float, 2, 3>, BasicTensor<float, Host, RowMajor, 2, 3>>);
  static_assert(!std::is_same_v<Tensor<float, 2, 3>, TensorOn<Cuda, float, 2, 3>>);
  CHECK(to_string(T::shape) == "(32, upto 128 'T', 7)");
}

TEST_CASE("tensors start at zero, are aligned to 64 bytes, and live on the heap above a small size") {
  Tensor<float, 4> small;
  Tensor<float, 512, 512> large;
  static_assert(sizeof(large) < 128);
  static_assert(sizeof(Tensor<float, 16>) == 64);
  for (const float x : large) REQUIRE(x == 0);
  CHECK(reinterpret_cast<std::uintptr_t>(small.data()) % 64 == 0);
  CHECK(reinterpret_cast<std::uintptr_t>(large.data()) % 64 == 0);
}

TEST_CASE("nested lists fill row by row, and lists of another length are errors") {
  Tensor<int, 2, 3> a{{1, 2, 3}, {4, 5, 6}};
  CHECK(a(1, 0) == 4);
  const Tensor<float> s = 2.5f;
  CHECK(float(s) == 2.5f);
  const Error e = support::thrown([] { Tensor<int, 2, 2>{{1, 2}, {3}}; });
  CHECK(e.code() == ErrorCode::shape);
  CHECK(std::string(e.what()) == "list for axis 1: expected 2 elements, found 1");
}

TEST_CASE("an index out of range is an error that names axis and extent") {
  Tensor<int, 2, 3> a;
  const Error e = support::thrown([&] { a(1, 3); });
  CHECK(e.code() == ErrorCode::argument);
  CHECK(std::string(e.what()) == "index of axis 1: expected -3 … 2, found 3");
  CHECK_THROWS_AS(a(-3, 0), Error);
}

TEST_CASE("copies copy elements, at every size") {
  const auto check = [](auto a) {
    a.fill(3);
    auto b = a;
    a.fill(4);
    CHECK(*b.begin() == 3);
    b = a;
    CHECK(*b.begin() == 4);
    auto c = std::move(b);
    CHECK(*c.begin() == 4);
    b = a;  // a moved-from tensor can be assigned to
    CHECK(*b.begin() == 4);
    const auto& self = b;
    b = self;
    CHECK(*b.begin() == 4);
  };
  check(Tensor<int, 5>{});
  check(Tensor<int, 1000>{});
}

TEST_CASE("bounded extents have a length at run time, up to their capacity") {
  Tensor<float, upto<8, 'B'>, 3> x;
  CHECK(x.length<'B'>() == 8);
  x.set_length<'B'>(5);
  CHECK(x.length<'B'>() == 5);
  CHECK(x.length_of_axis(0) == 5);
  CHECK(x.length_of_axis(1) == 3);
  const auto copy = x;
  CHECK(copy.length<'B'>() == 5);
  const Error e = support::thrown([&] { x.set_length<'B'>(9); });
  CHECK(e.code() == ErrorCode::length);
  CHECK(std::string(e.what()) ==
        "length 'B': expected 0 … 8, found 9; a bounded extent holds no more than its capacity");
  CHECK(x.length<'B'>() == 5);
  CHECK(support::thrown([&] { (void)x.length('Q'); }).code() == ErrorCode::length);
  CHECK(support::thrown([&] { x.set_length('Q', 1); }).code() == ErrorCode::length);
}

TEST_CASE("views show foreign memory at any strides") {
  float memory[12];
  for (int i = 0; i < 12; ++i) memory[i] = float(i);
  TensorView<float, 3, 2> columns(memory, {4, 2});  // every other column of a 3 × 4 matrix
  CHECK(columns(2, 1) == 10);
  CHECK(!columns.is_row_major());
  columns(0, 0) = 100;
  CHECK(memory[0] == 100);
  const Tensor<float, 3, 2> sum = columns + columns;
  CHECK(sum(1, 1) == 12);
  columns = sum * 0.5f;
  CHECK(memory[6] == 6);
  TensorView<const float, 12> flat(memory);
  CHECK(flat(11) == 11);
  CHECK_THROWS_AS(columns(3, 0), Error);
  const Tensor<float, 3, 2> copy = columns;
  CHECK(copy(2, 1) == columns(2, 1));
}

TEST_CASE("dtypes promote as in PyTorch") {
  static_assert(promote(Dtype::int32, Dtype::float32) == Dtype::float32);
  static_assert(promote(Dtype::uint8, Dtype::int64) == Dtype::int64);
  static_assert(promote(Dtype::boolean, Dtype::uint8) == Dtype::uint8);
  static_assert(promote_number(Dtype::float32, Dtype::float64) == Dtype::float32);
  static_assert(promote_number(Dtype::int32, Dtype::float64) == Dtype::float32);
  static_assert(promote_number(Dtype::int32, Dtype::int64) == Dtype::int32);
  Tensor<int, 2> i{1, 2};
  Tensor<double, 2> d{0.5, 0.25};
  const auto sum = eval(i + d);
  static_assert(std::is_same_v<decltype(sum), const Tensor<double, 2>>);
  CHECK(sum(1) == 2.25);
  static_assert(std::is_same_v<decltype(eval(i * 0.5f)), Tensor<float, 2>>);
}

TEST_CASE("Philox gives the published numbers, and every number without those before it") {
  // Random123, known-answer vector of philox4x32 with 10 rounds for an all-zero counter and key.
  CHECK(Philox(Seed{0}, 0).bits(0) == 0x6627e8d5u);
  const Philox random(Seed{42}, 1);
  double mean = 0, square = 0, low = 1, high = 0;
  constexpr int n = 100000;
  for (int i = 0; i < n; ++i) {
    const double x = random.normal(std::uint64_t(i)), u = random.uniform(std::uint64_t(i));
    mean += x / n;
    square += x * x / n;
    low = std::min(low, u);
    high = std::max(high, u);
    REQUIRE(random.below(std::uint64_t(i), 7) < 7);
  }
  CHECK(std::abs(mean) < 0.02);
  CHECK(std::abs(square - 1) < 0.02);
  CHECK(low >= 0);
  CHECK(high < 1);
  CHECK(Philox(Seed{42}, 1).normal(77) == random.normal(77));
  CHECK(Philox(Seed{43}, 1).normal(77) != random.normal(77));
}

TEST_CASE("tensors print as NumPy's do, up to their lengths") {
  CHECK(to_string(Tensor<int, 2, 3>{{1, 2, 3}, {4, 5, 6}}) == "[[1, 2, 3],\n [4, 5, 6]]");
  Tensor<float, upto<4, 'B'>> x;
  x.set_length<'B'>(2);
  x(1) = 0.5f;
  CHECK(to_string(x) == "[0, 0.5]");
  CHECK(to_string(Tensor<int, 20>{}).find("…") != std::string::npos);
}

TEST_CASE("tensors, views and expressions are written to streams with their dtype and shape, scalars as numbers") {
  const auto written = [](const auto& x) {
    std::ostringstream out;
    out << x;
    return out.str();
  };
  const Tensor<int, 2, 3> x{{1, 2, 3}, {4, 5, 6}};
  CHECK(written(x) == "[[1, 2, 3],\n [4, 5, 6]]\nint32 (2, 3)");
  CHECK(written(x[1]) == "[4, 5, 6]\nint32 (3)");
  CHECK(written(x(range<>, range<0, 3, 2>)) == "[[1, 3],\n [4, 6]]\nint32 (2, 2)");
  CHECK(written(x[0] + x[1]) == "[5, 7, 9]\nint32 (3)");
  Tensor<float16, upto<4, 'B'>> some;
  some.set_length<'B'>(1);
  CHECK(written(some) == "[0]\nfloat16 (upto 4 'B')");
  CHECK(written(Tensor<float>(0.5f)) == "0.5");
  CHECK(written(x(1, 2)) == "6");
  CHECK(written(x.shape) == "(2, 3)");
  CHECK(written(Shape{}) == "()");
  CHECK(written(some.shape) == "(upto 4 'B')");
  CHECK(written(Dtype::bfloat16) == "bfloat16");
}

TEST_CASE("an index takes an axis away and a range keeps a part of it: views, as in NumPy") {
  Tensor<float, 3, 4> x{{0, 1, 2, 3}, {10, 11, 12, 13}, {20, 21, 22, 23}};
  static_assert(std::is_same_v<decltype(x[1]), TensorView<float, 4>>);
  static_assert(std::is_same_v<decltype(x(range<>, range<1, 3>)), TensorView<float, 3, 2>>);
  static_assert(std::is_same_v<decltype(x(2, range<0, -1, 2>)), TensorView<float, 2>>);
  static_assert(std::is_same_v<decltype(std::as_const(x)[0]), TensorView<const float, 4>>);
  CHECK(to_string(x[1]) == "[10, 11, 12, 13]");
  CHECK(to_string(x(range<>, range<1, 3>)) == "[[1, 2],\n [11, 12],\n [21, 22]]");
  CHECK(to_string(x(2, range<0, -1, 2>)) == "[20, 22]");
  CHECK(to_string(x(range<-2>, -0)) == "[10, 20]");
  CHECK(to_string(x(range<>, -1)) == "[3, 13, 23]");
  CHECK(x(-1, -3) == 21);
  CHECK(x[-2][-1] == 13);
  CHECK(to_string(x(range<>, range<-1, 100>)) == "[[3],\n [13],\n [23]]");
  CHECK(x[2][1] == 21);
  x[2](1) = 5;
  CHECK(x(2, 1) == 5);
  x(range<>, 0) = Tensor<float, 3>{7, 8, 9};
  x[1] = x[0] * 2.f;
  CHECK(to_string(x) == "[[7, 1, 2, 3],\n [14, 2, 4, 6],\n [9, 5, 22, 23]]");
  const Tensor<float, 4> sum = x[0] + x[2];
  CHECK(sum(3) == 26);
}

TEST_CASE("assigning through views of one memory reads everything before it writes") {
  Tensor<float, 2, 4> x{{0, 1, 2, 3}, {4, 5, 6, 7}};
  x(range<>, range<1, 4>) = x(range<>, range<0, 3>);
  CHECK(to_string(x) == "[[0, 0, 1, 2],\n [4, 4, 5, 6]]");
  x(range<>, range<0, 3>) = x(range<>, range<1, 4>) * 10.f;
  CHECK(to_string(x) == "[[0, 10, 20, 2],\n [40, 50, 60, 6]]");
  x[0] = flip<0>(x[0]);
  CHECK(to_string(x[0]) == "[2, 20, 10, 0]");
  x[0] = x[0] + x[1];
  CHECK(to_string(x[0]) == "[42, 70, 70, 6]");
  Tensor<float, 3, 3> square{{1, 2, 3}, {4, 5, 6}, {7, 8, 9}};
  square = transpose(square);
  CHECK(to_string(square) == "[[1, 4, 7],\n [2, 5, 8],\n [3, 6, 9]]");
}

TEST_CASE("views of bounded tensors keep the length") {
  Tensor<float, upto<5, 'B'>, 3> b;
  b.set_length<'B'>(2);
  b.fill(3);
  const auto v = b(range<>, range<1, 3>);
  CHECK(v.length<'B'>() == 2);
  CHECK(float(sum(v)) == 12);
}

TEST_CASE("an index out of range is an error for views too") {
  Tensor<float, 3, 4> x;
  CHECK(std::string(support::thrown([&] { (void)x[3]; }).what()) == "index of axis 0: expected -3 … 2, found 3");
  CHECK(std::string(support::thrown([&] { (void)x(range<>, -5); }).what()) ==
        "index of axis 1: expected -4 … 3, found -5");
  CHECK(std::string(support::thrown([&] { (void)x[1](4); }).what()) == "index of axis 0: expected -4 … 3, found 4");
}

TEST_CASE("whole tensors compare; expressions of rank 0 are numbers") {
  const Tensor<float, 2> x{1, 2}, y{1, 2.001f};
  CHECK(equal(x, x));
  CHECK(!equal(x, y));
  CHECK(!allclose(x, y));
  CHECK(allclose(x, y, 1e-3));
  CHECK(allclose(x, y, 0, 1e-2));
  CHECK(!allclose(x / 0.f - x / 0.f, x));
  const float total = sum(x);
  CHECK(total == 3);
}

TEST_CASE("a tensor is made of the elements of a contiguous range") {
  const std::vector<float> six{1, 2, 3, 4, 5, 6};
  const Tensor<float, 2, 3> a = six;
  CHECK(a(1, 0) == 4);
  const Tensor<float, upto<8, 'N'>> b(six);
  CHECK(b.length<'N'>() == 6);
  CHECK(b(5) == 6);
  const std::array<int, 3> three{7, 8, 9};
  const Tensor<int, 3> c = three;
  CHECK(c(2) == 9);
  CHECK(std::string(support::thrown([&] { (void)Tensor<float, 2, 2>(six); }).what()) ==
        "elements of a range: expected 4, found 6");
  CHECK(std::string(support::thrown([&] { (void)Tensor<float, upto<4, 'N'>>(six); }).what()) ==
        "elements of a range: expected at most 4, found 6");
}
