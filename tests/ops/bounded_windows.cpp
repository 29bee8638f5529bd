// Convolution and pooling along bounded axes: the numbers are those of the image cut to its lengths, forward and
// backward, whatever lies after them.
#include "../support/bounded.hpp"
#include "../support/throws.hpp"

using namespace sinter;
using support::check_as_if_cut;
using support::numbers;
using support::with_room;

namespace {
template <auto... E> using F = Tensor<float, E...>;
constexpr auto B = upto<3, 'B'>;
constexpr auto T = upto<9, 'T'>;
constexpr Conv1dOptions halved{.stride = 2, .padding = 1};
constexpr auto H = upto<7, 'H'>;
constexpr auto W = upto<8, 'W'>;
}  // namespace

TEST_CASE("a convolution along a bounded axis: as many windows as elements") {
  const auto same = [](auto x, auto w) { return x * 2.f + conv1d<Conv1dOptions{.padding = 1}>(x, w); };
  const auto w = numbers<F<3, 3, 3>>(.7);
  check_as_if_cut<F<2, 3, T>, F<2, 3, 1>>(same, w);
  check_as_if_cut<F<2, 3, T>, F<2, 3, 5>>(same, w);
  check_as_if_cut<F<2, 3, T>, F<2, 3, 9>>(same, w);
  check_as_if_cut<F<B, 4, T>, F<2, 4, 5>>([](auto x, auto w) {
    return conv1d<Conv1dOptions{.padding = 2, .dilation = 2, .groups = 2}>(x, w);
  }, numbers<F<6, 2, 3>>(.4));
}

TEST_CASE("strides and missing borders give a length of its own") {
  const auto w = numbers<F<2, 3, 3>>(.7);
  const auto half = [](auto x, auto w) { return conv1d<halved>(x, w); };
  check_as_if_cut<F<2, 3, T>, F<2, 3, 1>>(half, w);
  check_as_if_cut<F<2, 3, T>, F<2, 3, 5>>(half, w);
  check_as_if_cut<F<2, 3, T>, F<2, 3, 8>>(half, w);
  check_as_if_cut<F<2, 3, T>, F<2, 3, 9>>(half, w);
  check_as_if_cut<F<2, 3, T>, F<2, 3, 5>>([](auto x, auto w) { return conv1d(x, w); }, w);

  auto x = with_room<F<2, 3, T>>(numbers<F<2, 3, 5>>(.5));
  const F<2, 2, windows_of<T, 3, halved>> y = conv1d<halved>(x, w);
  CHECK(y.length<windows_of<T, 3, halved>>() == 3);
  const F<2, 2, windows_of<T, 3>> inside = conv1d(x, w);
  CHECK(inside.length_of_axis(2) == 3);
  CHECK(inside.shape.symbol(2) == length_of(Upto{7, 'T', -2}));
  x.set_length<'T'>(1);
  CHECK(eval(conv1d(x, w)).length_of_axis(2) == 0);
}

TEST_CASE("height, width and batch may be bounded at once") {
  const auto w = numbers<F<4, 2, 3, 3>>(.7);
  check_as_if_cut<F<B, 2, H, W>, F<2, 2, 5, 3>>([](auto x, auto w) {
    return conv2d<Conv2dOptions{.stride = {1, 2}, .padding = 1}>(x, w);
  }, w);
  check_as_if_cut<F<2, 2, 6, W>, F<2, 2, 6, 8>>([](auto x, auto w) { return conv2d(x, w); }, w);
  check_as_if_cut<F<1, 4, H, W>, F<1, 4, 7, 1>>([](auto x, auto w) {  // depthwise
    return conv2d<Conv2dOptions{.padding = 1, .groups = 4}>(x, w);
  }, numbers<F<4, 1, 3, 3>>(.7));
}

TEST_CASE("pools along bounded axes") {
  check_as_if_cut<F<2, 3, T>, F<2, 3, 5>>([](auto x) { return max_pool1d<2>(x); });
  check_as_if_cut<F<2, 3, T>, F<2, 3, 9>>([](auto x) { return max_pool1d<2>(x); });
  check_as_if_cut<F<2, 3, T>, F<2, 3, 5>>([](auto x) {
    return max_pool1d<3, Pool1dOptions{.stride = 2, .padding = 1}>(x - 4.f);  // below the zeros of a border
  });
  check_as_if_cut<F<B, 2, H, W>, F<3, 2, 5, 4>>([](auto x) {
    return max_pool2d<3, Pool2dOptions{.stride = {1, 2}, .padding = 1}>(x);
  });
  check_as_if_cut<F<2, 3, T>, F<2, 3, 5>>([](auto x) { return avg_pool1d<2>(x); });
  check_as_if_cut<F<2, 3, T>, F<2, 3, 5>>([](auto x) {
    return avg_pool1d<3, Pool1dOptions{.stride = 1, .padding = 1}>(x);
  });
  check_as_if_cut<F<2, 2, H, W>, F<2, 2, 5, 4>>([](auto x) {
    return avg_pool2d<3, Pool2dOptions{.stride = 2, .padding = 1, .count_include_pad = false}>(x);
  });
  check_as_if_cut<F<2, 2, 6, W>, F<2, 2, 6, 5>>([](auto x) { return adaptive_avg_pool2d<1>(x); });
  check_as_if_cut<F<2, 2, 6, W>, F<2, 2, 6, 5>>([](auto x) { return adaptive_avg_pool2d<Spatial<2>{3, 1}>(x); });
  check_as_if_cut<F<2, 3, T>, F<2, 3, 5>>([](auto x) { return adaptive_avg_pool1d<1>(x); });
}

TEST_CASE("other element types") {
  const auto x = numbers<F<1, 2, 5>>(.5);
  const auto xd = numbers<Tensor<double, 1, 2, 5>>(.5);
  const auto wd = numbers<Tensor<double, 2, 2, 3>>(.7);
  const Tensor<double, 1, 2, windows_of<T, 3>> yd = conv1d(with_room<Tensor<double, 1, 2, T>>(xd), wd);
  support::check_equal(yd, eval(conv1d(xd, wd)), 1e-14);
  const Tensor<float16, 1, 2, 5> xh = cast<float16>(x);
  support::check_equal(eval(max_pool1d<2>(with_room<Tensor<float16, 1, 2, T>>(xh))), eval(max_pool1d<2>(xh)), 0);
  support::check_equal(eval(avg_pool1d<2>(with_room<Tensor<float16, 1, 2, T>>(xh))), eval(avg_pool1d<2>(xh)), 0);
  const Tensor<int, 1, 2, 5> xi = cast<int>(x * 9.f - 30.f);
  const auto largest = [](const auto& x) { return eval(max_pool1d<3, Pool1dOptions{.stride = 2, .padding = 1}>(x)); };
  support::check_equal(largest(with_room<Tensor<int, 1, 2, T>>(xi)), largest(xi), 0);
}

TEST_CASE("layers after one another: lengths follow from lengths") {
  const auto net = [](auto x, auto w, auto v) {
    const auto a = relu(conv1d<Conv1dOptions{.stride = 2, .padding = 1}>(x, w));  // ⌊(T + 1) / 2⌋
    const auto b = max_pool1d<2>(a);                                              // ⌊(T + 1) / 4⌋
    return conv1d<Conv1dOptions{.padding = 1}>(b, v) + b;
  };
  const auto w = numbers<F<2, 3, 3>>(.7);
  const auto v = numbers<F<2, 2, 3>>(.9);
  check_as_if_cut<F<2, 3, upto<16, 'T'>>, F<2, 3, 16>>(net, w, v);
  check_as_if_cut<F<2, 3, upto<16, 'T'>>, F<2, 3, 11>>(net, w, v);
}

TEST_CASE("no elements: no windows, and gradients of zero") {
  const auto x = with_room<F<2, 3, T>>(F<2, 3, 0>{});
  const auto w = numbers<F<3, 3, 3>>(.7);
  const auto loss = [](auto x, auto w) {
    return sum(exp(conv1d<Conv1dOptions{.padding = 1}>(x, w))) + sum(exp(max_pool1d<2>(x)));
  };
  const auto [value, dx, dw] = value_and_grad(loss, wrt<0, 1>)(x, w);
  CHECK(value.item() == 0.f);
  for (const float d : dw) CHECK(d == 0.f);
  CHECK(dx.length<'T'>() == 0);
}

TEST_CASE("lengths of two arguments of which one follows from the other agree") {
  constexpr auto half = windows_of<T, 2, Conv1dOptions{.stride = 2}>;
  F<2, 1, T> x;
  F<2, 1, half> y;
  const auto f = [](auto x, auto y) { return max_pool1d<2>(x) + y; };
  x.set_length<'T'>(7);
  y.set_length<half>(3);
  CHECK(jit(f)(x, y).template length<half>() == 3);
  y.set_length<half>(2);
  const Error error = support::thrown([&] { jit(f)(x, y); });
  CHECK(std::string(error.what()).find("length 'T' / 2: expected 3 ") != std::string::npos);
}

TEST_CASE("windows along a bounded axis inside the steps of a loop, and for each sample of a bounded batch") {
  check_as_if_cut<F<upto<5, 'T'>, 1, 2, W>, F<3, 1, 2, 6>>([](auto xs, auto w) {
    const auto step = [&](auto c, auto x) {
      const auto y = conv1d<halved>(x + c, w);
      return std::pair{tanh(c + mean<2>(y, keepdims)), y};
    };
    const auto [last, ys] = scan(step, broadcast_to<1, 2, 1>(number(.1f)), xs);
    return sum<3>(ys) + squeeze<2>(last);
  }, numbers<F<2, 2, 3>>(.3));

  static constexpr auto loss = [](auto x, auto w) { return sum(square(max_pool1d<2>(conv1d(unsqueeze<0>(x), w)))); };
  static constexpr auto each = [](auto x, auto w) { return vmap(grad(loss, wrt<1>), mapped<0>)(x, w); };
  const auto x = numbers<F<2, 2, 6>>(.5);
  const auto w = numbers<F<2, 2, 3>>(.3);
  support::check_equal(jit(each)(with_room<F<B, 2, W>>(x), w), jit(each)(x, w), 1e-5);
}

TEST_CASE("narrow to a length is a slice to it") {
  const auto w = numbers<F<10, 3>>(.7);
  static constexpr auto added = [](auto x, auto w) { return x * narrow<0, T>(w); };
  static constexpr auto total = [](auto x, auto w) { return sum(x * square(narrow<-2, T>(w))); };
  auto x = with_room<F<2, T, 3>>(numbers<F<2, 5, 3>>(.4));
  for (const int length : {0, 1, 5, 9}) {
    if (length > 5) x.fill(.5f);
    x.set_length<'T'>(length);
    const auto y = jit(added)(x, w);
    CHECK(y.length<'T'>() == length);
    for (int t = 0; t < length; ++t) CHECK(y(1, t, 2) == x(1, t, 2) * w(t, 2));
    const auto g = grad(total, wrt<1>)(x, w);
    for (int t = 0; t < 10; ++t)
      CHECK(g(t, 1) == doctest::Approx(t < length ? 2 * w(t, 1) * (x(0, t, 1) + x(1, t, 1)) : 0));
  }
}
