// Windows, padding, gathers and running sums against PyTorch; indices out of range, bounded batches and integers, which
// PyTorch refuses or lacks.
#include <doctest/doctest.h>

#include "../support/throws.hpp"
#include "../support/reference_case.hpp"

using namespace sinter;
using namespace sinter::internals;
using support::check_function;
using graph::Value;

namespace {

template <auto... E> using F = Tensor<float, E...>;
template <auto... E> using I = Tensor<std::int64_t, E...>;

/// A tensor as an array of the interpreter.
template <class T> reference::Array array(const T& t) {
  reference::Array a(T::symbol::dtype, T::shape);
  std::memcpy(a.bytes.data(), t.data(), a.bytes.size());
  return a;
}
/// f's result for these tensors, interpreted and by the executor of run-time
/// graphs, which must agree bit by bit up to NaN.
template <class Fn, class... X> reference::Array run(Fn f, const X&... x) {
  graph::Builder g;
  const std::tuple<typename X::symbol...> symbols{graph::new_input<typename X::symbol>(g)...};
  g.outputs.push(std::apply(f, symbols).id);
  const std::vector<reference::Array> inputs{array(x)...};
  const auto a = reference::Interpreter(g).run(inputs), b = support::execute(g, inputs, {});
  CHECK(support::difference(b[0], a[0], {}) < 1e-6);
  return b[0];
}
void check_elements(const reference::Array& found, std::initializer_list<double> expected) {
  REQUIRE(std::size_t(found.shape.size()) == expected.size());
  std::ptrdiff_t i = 0;
  for (const double x : expected) {
    CAPTURE(i);
    if (std::isnan(x)) CHECK(std::isnan(found.get(i)));
    else CHECK(found.get(i) == x);
    ++i;
  }
}
constexpr double none = std::numeric_limits<double>::quiet_NaN();

}  // namespace

TEST_CASE("windows, borders, reversed and stacked tensors") {
  check_function<F<2, 8, 2>>("unfold", [](auto x) { return unfold<1, 3, 2>(x); });
  check_function<F<5, 2>>("unfold_side_by_side", [](auto x) { return unfold<0, 2, 2>(x); });
  check_function<F<2, 3, 4>>("flip", [](auto x) { return flip<0, 2>(x); });
  check_function<F<2, 3, 2>>("pad", [](auto x) { return pad<Border{1, 2}, Border{0, 1}>(x, .5); });
  check_function<F<2, 4>>("pad_cut", [](auto x) { return pad<Border{-1, 2}>(x); });
  check_function<F<2, 3>, F<2, 3>>("stack", [](auto x, auto y) { return stack<1>(x, y); });
  check_function<F<2, 3>, F<2, 3>>("stack_last", [](auto x, auto y) { return stack<-1>(x, y); });
}

TEST_CASE("elements at indices, and sums of those that share one") {
  check_function<F<3, 5>, I<3, 2>>("gather", [](auto x, auto i) { return gather<1>(x, i); });
  check_function<F<4, 3>, I<2, 1>>("take_along_dim", [](auto x, auto i) { return gather<0>(x, i); });
  check_function<F<3, 4>, I<3, 3>, F<3, 3>>("scatter_add",
                                            [](auto x, auto i, auto u) { return scatter_add<1>(x, i, u); });
  check_function<F<5, 2>, I<2, 2>>("take", [](auto x, auto i) { return take(x, i); });
}

TEST_CASE("running sums along any axis") {
  check_function<F<4, 3>>("cumsum_first", [](auto x) { return cumsum<0>(x); });
  check_function<F<2, 3, 9>>("cumsum_last", [](auto x) { return cumsum<-1>(x); });
}

TEST_CASE("convolution and pooling as functions") {
  check_function<F<1, 2, 5>, F<2, 2, 2>>("conv1d_function", [](auto x, auto w) {
    return conv1d<Conv1dOptions{.stride = 3, .padding = 4, .dilation = 2}>(x, w);
  });
  check_function<F<1, 2, 3, 3, 3>>("max_pool3d", [](auto x) { return max_pool3d<2, Pool3dOptions{.stride = 1}>(x); });
  check_function<F<1, 2, 3, 3, 3>>("avg_pool3d", [](auto x) { return avg_pool3d<2, Pool3dOptions{.stride = 1}>(x); });
}

TEST_CASE(
    "in a program an index out of range gives NaN, 0 of integers; an update without an index is left out, and so is "
    "its gradient") {
  const F<3> x{10, 20, 30};
  const Tensor<int, 5> indices{2, 3, -1, 0, 1 << 30};
  check_elements(run([](auto v, auto p) { return gather<0>(v, p); }, x, indices), {30, none, none, 10, none});
  check_elements(run([](auto v, auto p) { return take(cast<int>(v), p); }, x, indices), {30, 0, 0, 10, 0});
  check_elements(run([](auto v, auto p) { return embedding(v, p); }, x, indices), {30, none, none, 10, none});
  check_elements(run([](auto v, auto p, auto u) { return scatter_add<0>(v, p, u); }, x, indices, F<5>{1, 2, 3, 4, 5}),
                 {14, 20, 31});
  check_elements(
      run([](auto v, auto p) { return grad([](auto v, auto p) { return sum(gather<0>(v, p)); }, wrt<0>)(v, p); }, x,
          indices),
      {1, 0, 1});
  check_elements(run(
                     [](auto u, auto v, auto p) {
                       return grad(
                           [](auto u, auto v, auto p) {
                             return sum(select(scatter_add<0>(v, p, u) > 0, scatter_add<0>(v, p, u), 0.f));
                           },
                           wrt<0>)(u, v, p);
                     },
                     F<5>{}, x, indices),
                 {1, 0, 0, 1, 0});
}

TEST_CASE("in a statement an index out of range is an error, and the destination is as it was") {
  const F<3> x{10, 20, 30};
  const Tensor<int, 3> indices{2, 0, 3}, negative{2, -1, 0};
  F<3> y{7, 7, 7};
  CHECK(std::string(support::thrown([&] { y = gather<0>(x, indices); }).what()) ==
        "gather, index: expected 0 … 2, found 3");
  CHECK(std::string(support::thrown([&] { y = embedding(x, negative); }).what()) ==
        "embedding, ids: expected 0 … 2, found -1");
  CHECK(std::string(support::thrown([&] { y = scatter_add<0>(x, indices, x); }).what()) ==
        "scatter_add, index: expected 0 … 2, found 3");
  CHECK(std::string(support::thrown([&] { (void)eval(one_hot<3>(indices)); }).what()) ==
        "one_hot, labels: expected 0 … 2, found 3");
  CHECK(std::string(support::thrown([&] { (void)vmap([](auto i) { return one_hot<3>(i); })(indices); }).what()) ==
        "one_hot, labels: expected 0 … 2, found 3");
  CHECK(std::string(support::thrown([&] {
                      (void)grad([](auto v, auto p) { return sum(gather<0>(v, p)); })(x, indices);
                    }).what()) == "gather, index: expected 0 … 2, found 3");
  for (const float v : y) CHECK(v == 7);
  Tensor<float, upto<4, 'N'>> rows{1, 2, 3, 4};
  rows.set_length<'N'>(2);
  CHECK(std::string(support::thrown([&] { y = take(rows, indices); }).what()) ==
        "embedding, ids: expected 0 … 1, found 3");
}

TEST_CASE("integers: windows, borders, running sums, maxima and indices keep the element type") {
  const Tensor<int, 1, 1, 2, 4> image{{{{3, -1, 4, 1}, {-5, 9, 2, -6}}}};
  check_elements(run([](auto x) { return cumsum<3>(x); }, image), {3, 2, 6, 7, -5, 4, 6, 0});
  check_elements(run([](auto x) { return flip<3>(x); }, image), {1, 4, -1, 3, -6, 2, 9, -5});
  check_elements(run([](auto x) { return pad<Border{1, 0}>(x, 7); }, image), {7, 3, -1, 4, 1, 7, -5, 9, 2, -6});
  check_elements(
      run([](auto x) { return scatter_add<0>(slice<0, 0, 3>(x), cast<int>(x > 0), x); }, Tensor<int, 4>{1, -2, 3, -4}),
      {-5, 2, 3});
  check_elements(run([](auto x) { return conv2d(x, x); }, image), {9.0 + 1 + 16 + 1 + 25 + 81 + 4 + 36});
  check_elements(run([](auto x) { return cumsum<0>(x); }, Tensor<std::int64_t, 3>{std::int64_t(1) << 40, 1, -1}),
                 {0x1p40, 0x1p40 + 1, 0x1p40});
  check_elements(run([](auto x) { return max_pool2d<2>(x); }, image), {9, 4});
}

TEST_CASE("a bounded batch gives the rows of a tensor of its length, forward and backward") {
  const auto f = [](auto x, auto w) {
    const auto y = max_pool2d<2>(conv2d<Conv2dOptions{.padding = 1}>(x, w));
    const auto z = cumsum<0>(pad<Border{1, 1}>(flip<2>(y)));
    return z * take(z, cast<int>(mean<0, 1, 2, 3>(x) * 0.f));
  };
  const auto traced = [&]<class X>(X*) {
    graph::Builder g;
    const auto x = graph::new_input<typename X::symbol>(g);
    const auto w = graph::new_input<Sym<float, 2, 2, 3, 3>>(g);
    const auto y = f(x, w);
    graph::List<int> wrt;
    wrt.push(x.id);
    wrt.push(w.id);
    g.outputs.push(y.id);
    for (const int d : transform::gradient(g, sum(y * y).id, wrt)) g.outputs.push(d);
    return g;
  };
  const graph::Builder fixed = traced(static_cast<F<3, 2, 4, 4>*>(nullptr)),
                       bounded = traced(static_cast<F<upto<5, 'B'>, 2, 4, 4>*>(nullptr));
  const auto inputs = support::random_inputs(fixed, {}, 1);
  auto padded = support::random_inputs(bounded, {{'B', 0}}, 1);  // NaN everywhere
  std::memcpy(padded[0].bytes.data(), inputs[0].bytes.data(), inputs[0].bytes.size());
  padded[1] = inputs[1];
  const auto expected = reference::Interpreter(fixed, true).run(inputs),
             found = support::execute(bounded, padded, {{'B', 3}}),
             plain = reference::Interpreter(bounded, true).run(padded, {{'B', 3}});
  for (std::size_t k = 0; k < expected.size(); ++k) {
    for (std::ptrdiff_t i = 0; i < expected[k].shape.size(); ++i) {
      REQUIRE(plain[k].get(i) == doctest::Approx(expected[k].get(i)).epsilon(1e-9));
      REQUIRE(found[k].get(i) == doctest::Approx(expected[k].get(i)).epsilon(1e-3));
    }
  }
}

TEST_CASE("compiled programs give the same: convolution, pooling, indexing and running sums as statements") {
  const auto x = support::reference_tensor<F<2, 2, 7, 8>>("conv2d_mixed.x");
  const auto w = support::reference_tensor<F<4, 2, 3, 2>>("conv2d_mixed.p.weight");
  const auto b = support::reference_tensor<F<4>>("conv2d_mixed.p.bias");
  const Tensor<float, 2, 4, 4, 3> y =
      conv2d<Conv2dOptions{.stride = {2, 3}, .padding = {2, 1}, .dilation = {2, 1}}>(x, w) + reshape<4, 1, 1>(b);
  CHECK(support::distance(y, "conv2d_mixed.y") < 1e-5);
  const F<2, 2, 7, 7> large = max_pool2d<{4, 3}, Pool2dOptions{.stride = 1, .padding = {2, 1}}>(
      support::reference_tensor<F<2, 2, 6, 7>>("max_pool_large.x"));
  CHECK(support::distance(large, "max_pool_large.y") == 0);
  const F<2, 3, 9> sums = cumsum<-1>(support::reference_tensor<F<2, 3, 9>>("cumsum_last.0"));
  CHECK(support::distance(sums, "cumsum_last.y") < 1e-6);
  const F<3, 4> scattered = scatter_add<1>(support::reference_tensor<F<3, 4>>("scatter_add.0"),
                                           support::reference_tensor<I<3, 3>>("scatter_add.1"),
                                           support::reference_tensor<F<3, 3>>("scatter_add.2"));
  CHECK(support::distance(scattered, "scatter_add.y") < 1e-6);
}
