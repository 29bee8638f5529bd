// einsum against the sum that its equation defines.
#include <doctest/doctest.h>
#include <sinter/sinter.hpp>

using namespace sinter;

TEST_CASE("einsum: products, sums, outer products, several operands and gradients") {
  const Tensor<float, 3, 4, 5> a = random::normal<3, 4, 5>(Seed{1});
  const Tensor<float, 3, 5, 6> b = random::normal<3, 5, 6>(Seed{2});
  const Tensor<float, 3> c{1, 2, 3};
  const Tensor<float, 3, 4, 6> product = einsum<"bik,bkj->bij">(a, b);
  const Tensor<float, 6, 4> all = einsum<"bik,bkj,b->ji">(a, b, c);
  const Tensor<float, 5, 3> folded = einsum<"bik->kb">(a);
  const Tensor<float, 3, 3> outer = einsum<"i,j->ij">(c, c);
  const Tensor<float, 3, 4, 5> slope =
      grad([](auto x, auto y) { return sum(square(einsum<"bik,bkj->bij">(x, y))); })(a, b);
  CHECK(float(einsum<"i,i->">(c, c)) == 14);
  const Tensor<std::int8_t, 3> bytes{100, -128, 7};
  const Tensor<int, 3> squares = einsum<"i,i->i">(bytes, bytes);
  for (int i = 0; i < 3; ++i) CHECK(squares(i) == int(bytes(i)) * bytes(i));
  CHECK(int(einsum<"i,i->">(bytes, bytes)) == 26433);
  for (int i = 0; i < 4; ++i)
    for (int j = 0; j < 6; ++j) {
      double total = 0;
      for (int n = 0; n < 3; ++n) {
        double sum = 0;
        for (int k = 0; k < 5; ++k) sum += double(a(n, i, k)) * double(b(n, k, j));
        CHECK(product(n, i, j) == doctest::Approx(sum).epsilon(1e-5));
        total += sum * double(c(n));
      }
      CHECK(all(j, i) == doctest::Approx(total).epsilon(1e-4).scale(1));
    }
  for (int n = 0; n < 3; ++n)
    for (int k = 0; k < 5; ++k) {
      double sum = 0;
      for (int i = 0; i < 4; ++i) sum += double(a(n, i, k));
      CHECK(folded(k, n) == doctest::Approx(sum).epsilon(1e-5).scale(1));
      double d = 0;
      for (int j = 0; j < 6; ++j) d += 2 * double(product(n, 1, j)) * double(b(n, k, j));
      CHECK(slope(n, 1, k) == doctest::Approx(d).epsilon(1e-4).scale(1));
    }
  CHECK(outer(2, 1) == 6);
}
