// vmap against a loop over samples.
#include <doctest/doctest.h>
#include <sinter/backend/reference/interpreter.hpp>
#include <sinter/sinter.hpp>

using namespace sinter;
using namespace sinter::internals;

namespace {

/// The graph of F for one sample.
template <int K, int... I> constexpr bool is_one_of = ((K == I) || ...);
template <bool Whole, class S> struct One { using type = typename transform::Sample<S>::type; };
template <class S> struct One<true, S> { using type = S; };
template <class F, int... I, class... S> graph::Builder sample_graph(F, transform::Mapped<I...>, S...) {
  return []<std::size_t... K>(std::index_sequence<K...>) { return graph::FunctionTrace<F, typename One<!is_one_of<int(K), I...>, S>::type...>{}(); }(std::index_sequence_for<S...>{});
}

/// vmap of F over the arguments named, sample by sample against F itself, in double precision.
template <class F, int... I, class... S> void check(F f, transform::Mapped<I...> which, const char* name, S... symbols) {
  CAPTURE(name);
  (void)f;
  const graph::Builder whole = graph::FunctionTrace<decltype(vmap(f, which)), S...>{}();
  std::vector<reference::Array> inputs;
  const Philox random(Seed{7});
  std::uint64_t drawn = 0;
  for (const int i : whole.inputs) {
    reference::Array a(whole[i].dtype, whole.shape(i));
    for (std::ptrdiff_t k = 0; k < a.shape.size(); ++k, ++drawn) a.set(k, is_floating(a.dtype) ? double(random.normal(drawn)) : double(random.below(drawn, 4)));
    inputs.push_back(std::move(a));
  }
  const auto batch = reference::Interpreter(whole, true).run(inputs);
  const auto is_mapped = [](int k) { return ((k == I) || ...); };
  const graph::Builder one = sample_graph(f, which, symbols...);
  for (int sample = 0; sample < 3; ++sample) {
    std::vector<reference::Array> parts;
    for (int k = 0; k < int(sizeof...(S)); ++k) {
      const reference::Array& all = inputs[std::size_t(k)];
      reference::Array part(all.dtype, one.shape(one.inputs[k]));
      for (std::ptrdiff_t i = 0; i < part.shape.size(); ++i) part.set(i, all.get(is_mapped(k) ? sample * part.shape.size() + i : i));
      parts.push_back(std::move(part));
    }
    const auto y = reference::Interpreter(one, true).run(parts);
    for (std::size_t o = 0; o < y.size(); ++o) {
      const std::ptrdiff_t n = y[o].shape.size();
      REQUIRE(batch[o].shape.size() == 3 * n);
      for (std::ptrdiff_t i = 0; i < n; ++i) CHECK(batch[o].get(sample * n + i) == doctest::Approx(y[o].get(i)).epsilon(1e-9).scale(1));
    }
  }
}
template <int... E> constexpr auto floats = Sym<float, E...>{};
template <int... E> constexpr auto integers = Sym<int, E...>{};

}  // namespace

TEST_CASE("vmap is the function of every sample") {
  check([](auto x, auto y) { return tanh(x) * y + sum<1>(x, keepdims); }, mapped<0>, "elementwise, one shared", floats<3, 4, 5>, floats<5>);
  check([](auto x, auto y) { return x * y; }, mapped<0, 1>, "elementwise, other ranks", floats<3, 4, 5>, floats<3, 5>);
  check([](auto x) { return std::tuple{softmax(x), amax<0>(x), cumsum<1>(x), mean(x)}; }, mapped<0>, "rows", floats<3, 4, 5>);
  check([](auto x) { return std::tuple{transpose(x), slice<1, 1, 5, 2>(x), flip<0>(x), unfold<0, 2>(x), reshape<2, 10>(x), pad<Border{1, 2}>(x), broadcast_to<2, 4, 5>(x)}; }, mapped<0>, "views", floats<3, 4, 5>);
  check([](auto x, auto w) { return matmul(x, w); }, mapped<0>, "rows of a product", floats<3, 4, 5>, floats<5, 6>);
  check([](auto w, auto x) { return matmul(w, x); }, mapped<1>, "columns of a product", floats<4, 5>, floats<3, 5, 6>);
  check([](auto x, auto y) { return matmul(x, y); }, mapped<0, 1>, "products of both", floats<3, 4, 5>, floats<3, 5, 6>);
  check([](auto x, auto y) { return concatenate<1>(x, y); }, mapped<1>, "side by side", floats<4, 5>, floats<3, 4, 2>);
  check([](auto t, auto i) { return embedding(t, i); }, mapped<1>, "rows of a table", floats<4, 5>, integers<3, 6>);
  check([](auto t, auto i) { return embedding(t, i); }, mapped<0>, "rows of tables", floats<3, 4, 5>, integers<6>);
  check([](auto x, auto i, auto u) { return scatter_add<0>(x, i, u); }, mapped<2>, "sums at places", floats<4, 5>, integers<6, 5>, floats<3, 6, 5>);
  check([](auto x, auto w) { return max_pool2d<2>(conv2d<Conv2dOptions{.padding = 1}>(x, w)); }, mapped<0>, "images", floats<3, 2, 2, 6, 6>, floats<4, 2, 3, 3>);
}
TEST_CASE("vmap and grad compose: gradients of single samples, and gradients through a batch") {
  constexpr auto loss = [](auto w, auto x) { return sum(square(tanh(matmul(w, x)))); };
  check(grad(loss), mapped<1>, "gradients of samples", floats<4, 5>, floats<3, 5>);
  const Tensor<float, 4, 5> w = random::normal<4, 5>(Seed{1});
  const Tensor<float, 3, 5> x = random::normal<3, 5>(Seed{2});
  const Tensor<float, 4, 5> together = grad([](auto w, auto x) { return sum(vmap(decltype(loss){}, mapped<1>)(w, x)); })(w, x);
  const Tensor<float, 4, 5> each = sum<0>(vmap(grad(loss), mapped<1>)(w, x));
  CHECK(allclose(together, each, 1e-5, 1e-6));
}
TEST_CASE("a vmapped function draws other numbers for other keys") {
  const Tensor<std::int64_t, 2> seeds{5, 6};
  const Tensor<float, 2, 40> u = vmap([](auto seed) { return random::uniform<40>(seed, 0); })(seeds);
  for (int i = 0; i < 40; ++i) {
    CHECK(u(0, i) == Philox(Seed{5}).uniform(std::uint64_t(i)));
    CHECK(u(1, i) == Philox(Seed{6}).uniform(std::uint64_t(i)));
  }
}
