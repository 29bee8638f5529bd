// tensor/half.hpp: 16-bit floats as stored, and small element types in programs.
#include <doctest/doctest.h>
#include <sinter/sinter.hpp>

using namespace sinter;

TEST_CASE("every 16-bit pattern that is a number survives the way to float and back; NaN stays NaN") {
  for (int i = 0; i < 65536; ++i) {
    float16 h;
    bfloat16 b;
    h.bits = b.bits = std::uint16_t(i);
    const float x = h, y = b;
    REQUIRE((x == x ? float16(x).bits == i : float(float16(x)) != float(float16(x))));
    REQUIRE((y == y ? bfloat16(y).bits == i : float(bfloat16(y)) != float(bfloat16(y))));
  }
}

TEST_CASE("conversion to 16 bits rounds to nearest, ties to even, to subnormals and infinity too") {
  CHECK(float16(65504.f).bits == 0x7bff);
  CHECK(float16(65519.996f).bits == 0x7bff);
  CHECK(float16(65520.f).bits == 0x7c00);
  CHECK(float16(-std::numeric_limits<float>::infinity()).bits == 0xfc00);
  CHECK(float16(0x1p-24f).bits == 1);
  CHECK(float16(0x1p-25f).bits == 0);       // a tie between 0 and the smallest
  CHECK(float16(0x1.8p-24f).bits == 2);     // a tie between 1 and 2
  CHECK(float16(0x1.002p0f).bits == 0x3c00);
  CHECK(float16(0x1.006p0f).bits == 0x3c02);
  CHECK(float16(-0.f).bits == 0x8000);
  CHECK(bfloat16(0x1.01p0f).bits == 0x3f80);
  CHECK(bfloat16(0x1.03p0f).bits == 0x3f82);
  CHECK(bfloat16(3.4e38f).bits == 0x7f80);
#ifdef __FLT16_MAX__
  const Philox random(Seed{1}, 0);
  for (std::uint64_t i = 0; i < 200000; ++i) {
    const float any = std::bit_cast<float>(random.bits(i)), x = i % 2 == 0 ? any : random.normal(i) * 0x1p-14f;
    if (x == x) REQUIRE(std::bit_cast<std::uint16_t>(_Float16(x)) == float16(x).bits);
  }
#endif
}

TEST_CASE("programs compute on 16-bit floats in float and round once, at the end") {
  const Tensor<float, 3, 40> x = random::normal<3, 40>(Seed{2});
  const Tensor<bfloat16, 3, 40> a = cast<bfloat16>(x);
  const Tensor<float16, 3, 40> h = cast<float16>(x);
  for (std::ptrdiff_t i = 0; i < x.size(); ++i) {
    REQUIRE(a.data()[i].bits == bfloat16(x.data()[i]).bits);
    REQUIRE(h.data()[i].bits == float16(x.data()[i]).bits);
  }
  const Tensor<float, 3, 40> wide = cast<float>(a);
  const Tensor<bfloat16, 3, 40> y = softmax(a * 2.f) + a;
  const Tensor<float, 3, 40> expected = softmax(wide * 2.f) + wide;
  for (std::ptrdiff_t i = 0; i < x.size(); ++i)
    REQUIRE(std::abs(float(y.data()[i]) - expected.data()[i]) <= std::abs(expected.data()[i]) * 0x1p-6f + 0x1p-9f);
  const Tensor<float16, 3, 3> product = matmul(h, transpose(h));
  const Tensor<float, 3, 3> wide_product = matmul(cast<float>(h), transpose(cast<float>(h)));
  for (int i = 0; i < 9; ++i) CHECK(product.data()[i].bits == float16(wide_product.data()[i]).bits);
  const auto slope = grad([](auto v) { return cast<float>(sum(v * v)); })(a);
  static_assert(std::is_same_v<std::remove_cvref_t<decltype(slope)>::element, bfloat16>);
  for (std::ptrdiff_t i = 0; i < x.size(); ++i) REQUIRE(float(slope.data()[i]) == 2 * wide.data()[i]);
}

TEST_CASE("a register of floats is rounded as one of them: every exponent, ties, NaN and infinity") {
  const std::array<std::uint32_t, 8> low{0, 1, 0x0fff, 0x1000, 0x7fff, 0x8000, 0x8001, 0xffff};
  Tensor<float, 512, 128> x(uninitialized);
  for (const std::uint32_t tail : low) {
    for (int i = 0; i < 65536; ++i) x.data()[i] = std::bit_cast<float>(std::uint32_t(i) << 16 | tail);
    const Tensor<bfloat16, 512, 128> b = cast<bfloat16>(x);
    const Tensor<float16, 512, 128> h = cast<float16>(x);
    for (int i = 0; i < 65536; ++i) {
      REQUIRE(b.data()[i].bits == bfloat16(x.data()[i]).bits);
      REQUIRE(h.data()[i].bits == float16(x.data()[i]).bits);
    }
  }
}

namespace {
template <int N> void check_register() {
  CAPTURE(N);
  const std::array<std::uint32_t, 16> bits{0x3f808000, 0x7f800001, 0xffc00001, 0x7f7fffff, 0x00000001, 0x387fffff,
                                           0x477ff000, 0xbf818000, 0x00000000, 0x80000000, 0x7f800000, 0xff800000,
                                           0x33000000, 0x33000001, 0x80000001, 0x477fefff};
  for (std::size_t first = 0; first + N <= bits.size(); first += N) {
    Tensor<float, N> x(uninitialized);
    for (int i = 0; i < N; ++i) x(i) = std::bit_cast<float>(bits[first + std::size_t(i)]);
    const Tensor<bfloat16, N> b = cast<bfloat16>(x);
    const Tensor<float16, N> h = cast<float16>(x);
    const Tensor<float, N> again = cast<float>(h);
    for (int i = 0; i < N; ++i) {
      CHECK(b(i).bits == bfloat16(x(i)).bits);
      CHECK(h(i).bits == float16(x(i)).bits);
      CHECK(std::bit_cast<std::uint32_t>(again(i)) == std::bit_cast<std::uint32_t>(float(h(i))));
    }
  }
}
}  // namespace
TEST_CASE("registers of all widths round as one element does") {
  check_register<16>();
  check_register<8>();
  check_register<4>();
}

TEST_CASE("registers of integers wrap as one of them") {
  Tensor<int, 40> n(uninitialized);
  for (int i = 0; i < 40; ++i) n(i) = 104729 * i - 2'000'000;
  const Tensor<std::int8_t, 40> bytes = cast<std::int8_t>(n);
  const Tensor<std::uint8_t, 40> unsigned_bytes = cast<std::uint8_t>(n);
  const Tensor<std::int16_t, 40> words = cast<std::int16_t>(n);
  const Tensor<std::uint16_t, 40> unsigned_words = cast<std::uint16_t>(n);
  for (int i = 0; i < 40; ++i) {
    const int x = n(i);
    CHECK(bytes(i) == std::int8_t(x));
    CHECK(unsigned_bytes(i) == std::uint8_t(x));
    CHECK(words(i) == std::int16_t(x));
    CHECK(unsigned_words(i) == std::uint16_t(x));
  }
}

TEST_CASE("casts to 8-bit integers wrap, and extrema keep the element type") {
  const Tensor<std::int8_t, 4> q{100, 27, -128, -1};
  const Tensor<std::int8_t, 4> twice = cast<std::int8_t>(q + q);
  CHECK(twice(0) == -56);
  CHECK(twice(1) == 54);
  CHECK(twice(2) == 0);
  const Tensor<std::int8_t> largest = amax(q);
  CHECK(largest() == 100);
  const Tensor<std::int8_t> least = amin(q);
  CHECK(least() == -128);
}
