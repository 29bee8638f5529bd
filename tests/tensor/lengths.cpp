// Bounded extents whose length follows from another's.
#include <doctest/doctest.h>
#include <sinter/sinter.hpp>

#include <algorithm>

#include "../support/throws.hpp"

using namespace sinter;
using tensor_detail::Dimension;

namespace {
std::int64_t floor_of(std::int64_t a, std::int64_t b) { return a < 0 ? -((-a + b - 1) / b) : a / b; }
}  // namespace

TEST_CASE("a length that follows from one that follows is one that follows from the first") {
  int found = 0;
  for (int a = -7; a <= 7; ++a)
    for (int s = 1; s <= 4; ++s)
      for (int b = -7; b <= 7; ++b)
        for (int t = 1; t <= 4; ++t) {
          const Dimension first = Dimension{'T'}.then(a, s), both = first.then(b, t);
          const bool is_exact = [&] {
            for (std::int64_t n = 0; n <= 40; ++n) {
              const std::int64_t m = std::max<std::int64_t>(0, floor_of(n + a, s));
              if (std::max<std::int64_t>(0, floor_of(m + b, t)) !=
                  std::max<std::int64_t>(0, floor_of(n + a + b * s, s * t)))
                return false;
            }
            return true;
          }();
          if (both.name == 0) {
            CHECK_FALSE((is_exact && a >= 0));
            continue;
          }
          ++found;
          CHECK(is_exact);
          CHECK(Dimension::of(both.number()).number() == both.number());
          CHECK(both.follows_from(first));
          for (std::int64_t n = 0; n <= 40; ++n) {
            CHECK(both.length(n) == std::max<std::int64_t>(0, floor_of(n + a + b * s, s * t)));
            CHECK(both.length_from(first, first.length(n)) == both.length(n));
          }
        }
  CHECK(found > 2900);
  CHECK(Dimension{'T'}.then(0, 2000).name == 0);  // beyond the bits that there are
  CHECK(Dimension{'T'}.then(0, 1).number() == 'T');
}

TEST_CASE("such an extent is a type of its own, with a name that says what it is") {
  constexpr Upto half{16, 'T', 1, 2};
  using X = Tensor<float, upto<32, 'T'>, half>;
  CHECK(to_string(X::shape) == "(upto 32 'T', upto 16 ('T' + 1) / 2)");
  CHECK(to_string(shape_of<Upto{30, 'T', -2}, Upto{8, 'T', 0, 4}>) == "(upto 30 'T' - 2, upto 8 'T' / 4)");
  static_assert(std::is_same_v<decltype(eval(X{} * 2.f)), X>);
  X x;
  x.set_length<upto<32, 'T'>>(9);
  x.set_length<half>(5);
  CHECK(x.length<'T'>() == 9);
  CHECK(x.length<half>() == 5);
  CHECK(x.length_of_axis(1) == 5);
  CHECK(std::string(support::thrown([&] { x.set_length<half>(17); }).what()).find("length ('T' + 1) / 2") !=
        std::string::npos);
  const auto both = jit([](auto x) { return x + 1.f; })(x);
  CHECK(both.length<half>() == 5);
  x.set_length<half>(4);  // of 9 they are 5
  CHECK_THROWS_AS(jit([](auto x) { return x + 1.f; })(x), Error);
}

TEST_CASE("of a dimension that follows from none of the inputs' its own length counts") {
  constexpr Upto half{16, 'T', 1, 2};
  Tensor<float, half> x;
  x.fill(2.f);
  x.set_length<half>(3);
  const Tensor<float> total = sum(x);
  CHECK(total.item() == 6.f);
  const Tensor<float, half> twice = x * 2.f;
  CHECK(twice.length<half>() == 3);
}
