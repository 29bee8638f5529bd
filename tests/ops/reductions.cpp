// Reductions against PyTorch: values and gradients, in float and double.
#include "../support/against_pytorch.hpp"

using namespace sinter;
using support::check;
using support::check_values;

namespace {

template <auto... E> using F = Tensor<float, E...>;

}  // namespace

TEST_CASE("prod: with one zero the gradient flows to it alone, with two to none") {
  check<F<4, 5>>("prod", [](auto x) { return prod<1>(x); });
  check<F<2, 3>>("prod_all", [](auto x) { return prod(x); });
}

TEST_CASE("amin: equal minima share the gradient") {
  check<F<2, 6>>("amin", [](auto x) { return amin<1>(x); });
  check<F<2, 3, 4>>("amin_keep", [](auto x) { return amin<0, 2>(x, keepdims); });
}

TEST_CASE("variance and standard deviation, whose gradient is 0 where it is 0") {
  check<F<3, 5>>("var", [](auto x) { return var<1>(x); });
  check<F<3, 5>>("var_all", [](auto x) { return var(x); });
  check<F<3, 5>>("var_population", [](auto x) { return var<0>(x, correction<0>, keepdims); });
  check<F<4, 5>>("std", [](auto x) { return std_dev<1>(x); });
  check<F<2, 3, 4>>("std_population", [](auto x) { return std_dev<0, 2>(x, correction<0>); });
}

TEST_CASE("norm, whose gradient is 0 where it is 0, and logsumexp without overflow") {
  check<F<4, 5>>("norm", [](auto x) { return norm<1>(x); });
  check<F<3, 5>>("norm_all", [](auto x) { return norm(x); });
  check<F<3, 5>>("logsumexp", [](auto x) { return logsumexp<1>(x); });
  check<F<2, 3, 4>>("logsumexp_keep", [](auto x) { return logsumexp<0, 2>(x, keepdims); });
}

TEST_CASE("rows with NaN, infinities and equals") {
  check_values<F<5, 4>>("rows_argmax", [](auto x) { return argmax<1>(x); });
  check_values<F<5, 4>>("rows_argmin", [](auto x) { return argmin<-1>(x); });
  check_values<F<5, 4>>("rows_argmax_first", [](auto x) { return argmax<0>(x); });
  check_values<F<5, 4>>("rows_argmax_all", [](auto x) { return argmax(x); });
  check_values<F<5, 4>>("rows_amin", [](auto x) { return amin<1>(x); });
  check_values<F<5, 4>>("rows_amax", [](auto x) { return amax<1>(x); });
  check_values<F<5, 4>>("rows_any", [](auto x) { return any<1>(x); });
  check_values<F<5, 4>>("rows_all", [](auto x) { return all<1>(x); });
  check_values<F<5, 4>>("rows_all_first", [](auto x) { return all<0>(x, keepdims); });
  check_values<F<5, 4>>("rows_any_all", [](auto x) { return any(x); });
  check_values<F<5, 4>>("rows_prod", [](auto x) { return prod<1>(x); });
  check_values<F<5, 4>>("rows_logsumexp", [](auto x) { return logsumexp<1>(x); });
}

TEST_CASE("integers: sums and products are int64, extrema reach the ends of the range") {
  using I = Tensor<int, 2, 3>;
  check_values<I>("int_sum", [](auto x) { return sum<1>(x); });
  check_values<I>("int_prod", [](auto x) { return prod<1>(slice<0, 0, 1>(x)); });
  check_values<I>("int_amin", [](auto x) { return amin<1>(x); });
  check_values<I>("int_amax", [](auto x) { return amax<1>(x); });
  check_values<I>("int_argmax", [](auto x) { return argmax<1>(x); });
  check_values<I>("int_argmin", [](auto x) { return argmin<1>(x); });
  check_values<I>("int_any", [](auto x) { return any<0>(x); });
  check_values<I>("int_all", [](auto x) { return all<1>(x); });
  static_assert(std::is_same_v<decltype(sum(I{}))::symbol::element, std::int64_t>);
  static_assert(std::is_same_v<decltype(sum<1>(I{} > 0))::symbol::element, std::int64_t>);
  static_assert(std::is_same_v<decltype(amin(Tensor<std::uint8_t, 3>{}))::symbol::element, std::uint8_t>);
  static_assert(std::is_same_v<decltype(argmin<0>(I{}))::symbol, Sym<int, 3>>);
  const Tensor<std::uint8_t, 3> bytes{200, 100, 255};
  const Tensor<std::int64_t> total = sum(bytes);
  const Tensor<std::uint8_t> least = amin(bytes), most = amax(bytes);
  CHECK((std::int64_t(total) == 555 && std::uint8_t(least) == 100 && std::uint8_t(most) == 255));
}

TEST_CASE("a bounded axis counts with its run-time length") {
  Tensor<float, upto<8, 'R'>, 3> x, none;
  x.set_length('R', 3);
  none.set_length('R', 0);
  for (int i = 0; i < 9; ++i) x.data()[i] = float((i * 5) % 9);  // columns 0 6 3, 5 2 8, 1 7 4
  const F<3> v = var<0>(x), p = prod<0>(x);
  const Tensor<int, 3> last = argmin<0>(x - 2.f * x);
  const Tensor<bool, 3> every = all<0>(x);
  CHECK(v(0) == doctest::Approx(9));
  CHECK(p(1) == doctest::Approx(80));
  CHECK((last(0) == 1 && last(1) == 2 && last(2) == 1));
  CHECK((!every(0) && every(1) && every(2)));
  const Tensor<bool, 3> some = any<0>(none), each = all<0>(none);
  CHECK((!some(0) && each(0)));
}

TEST_CASE("means, variances, norms and softmax of bools and integers are computed in floating point") {
  const Tensor<int, 4> a{1, 2, 3, 4}, b{1, 2, 3, 5}, big{2000000000, 2000000000, 1, 2};
  const Tensor<std::uint8_t, 4> bytes{200, 100, 255, 255};
  const Tensor<std::int64_t, 2> huge{std::int64_t(1) << 40, (std::int64_t(1) << 40) + 2};
  static_assert(std::is_same_v<decltype(mean(a == b))::symbol, Sym<float>>);
  CHECK(float(mean(a == b)) == .75f);  // numpy: (a == b).mean() and the like
  CHECK(float(mean(bytes)) == 202.5f);
  CHECK(float(mean(big)) == 1000000000.75f);
  CHECK(float(mean(huge)) == 0x1p40f);
  CHECK(float(var(a)) == doctest::Approx(5. / 3));
  CHECK(float(var(huge)) == 2);
  CHECK(float(std_dev(bytes, correction<0>)) == doctest::Approx(63.294945));
  CHECK(float(norm(big)) == doctest::Approx(2.82842712e9));
  CHECK(float(logsumexp(a)) == doctest::Approx(4.4401897));
  const Tensor<float, 2> p = softmax(Tensor<int, 2>{16777217, 16777216});
  CHECK(p(0) == doctest::Approx(.7310586));
  const float least = nn::mse_loss(a, b),
              of_bytes = nn::l1_loss(Tensor<std::uint8_t, 2>{0, 10}, Tensor<std::uint8_t, 2>{5, 0});
  CHECK((least == .25f && of_bytes == 7.5f));
}

TEST_CASE("running sums of integers are int64") {
  const Tensor<std::uint8_t, 3> bytes{200, 100, 255};
  const Tensor<int, 2> big{2000000000, 2000000000};
  static_assert(std::is_same_v<decltype(cumsum<0>(bytes))::symbol, Sym<std::int64_t, 3>>);
  static_assert(std::is_same_v<decltype(cumsum<0>(big > 0))::symbol, Sym<std::int64_t, 2>>);
  const Tensor<std::int64_t, 3> of_bytes = cumsum<0>(bytes);
  const Tensor<std::int64_t, 2> of_big = cumsum<0>(big);
  CHECK((of_bytes(0) == 200 && of_bytes(1) == 300 && of_bytes(2) == 555 && of_big(1) == 4000000000));
}

TEST_CASE("long running sums lose nothing, along rows and across them, on any threads") {
  constexpr int n = 1 << 21;
  static Tensor<float, n> x, sums, again;
  static Tensor<float, n / 4, 4> wide, columns;
  x.fill(.0005f);
  wide.fill(.0005f);
  sums = cumsum<0>(x);
  columns = cumsum<0>(wide);
  set_num_threads(3);
  again = cumsum<0>(x);
  set_num_threads(1);
  bool same = true;
  double worst = 0;
  for (int i = 0; i < n; ++i) {
    same = same && sums(i) == again(i);
    worst = std::max(worst, std::abs(double(sums(i)) / (double(.0005f) * (i + 1)) - 1));
    worst = std::max(worst, std::abs(double(columns.data()[i]) / (double(.0005f) * (i / 4 + 1)) - 1));
  }
  CHECK(same);
  CHECK(worst < 1e-7);
}

TEST_CASE(
    "what comes back through a running sum over a bounded axis: large and infinite elements before do not matter") {
  constexpr auto weighted = [](auto x, auto w) { return sum(cumsum<0>(x) * w); };
  using V = Tensor<float, upto<6, 'N'>>;
  V x, w;
  for (const int length : {0, 1, 4, 6}) {
    x.set_length<'N'>(length);
    w.set_length<'N'>(length);
    x.fill(1.f);
    for (int i = 0; i < length; ++i) w(i) = i == 0 ? 1e20f : i == 1 ? std::numeric_limits<float>::infinity() : float(i);
    const V d = grad(weighted)(x, w);
    float after = 0;
    for (int i = length - 1; i >= 0; --i) CHECK(d(i) == (after += w(i)));
  }
}

TEST_CASE("sums of more ones than float32 counts, with rows that are not one stretch of memory") {
  constexpr int n = (1 << 22) + 5;
  static Tensor<float, n, 4> ones;
  ones.fill(1.f);
  const Tensor<float, 4> columns = sum<0>(ones), weight{1, 1, 1, 1};
  CHECK((columns(0) == n && columns(3) == n));
  CHECK(double(float(sum(ones))) == 4. * n);
  CHECK(double(float(sum(ones * weight))) == 4. * n);
  CHECK(float(mean(ones * weight)) == 1);
}
