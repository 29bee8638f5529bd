// Derivatives of first and second order of losses and of functions of rows against PyTorch
// (reference/make_second_order.py): reverse over reverse, forward over reverse, by the interpreter in double precision
// and, fused, in float; and of a batch of samples by vmap.
#include <doctest/doctest.h>

#include <sinter/transform/forward.hpp>

#include "../support/reference_case.hpp"

using namespace sinter;
using namespace sinter::internals;
using nn::Reduction;

namespace {

template <auto... E> using F = Tensor<float, E...>;
using Logits = F<6, 5>;
using Labels = Tensor<std::int64_t, 6>;
using M = F<4, 5>;

/// f of arguments of these types, differentiated in the first.
template <class... X, class Fn> void check_second(const std::string& function, Fn f) {
  const std::string name = "second." + function;
  CAPTURE(name);
  graph::Builder g;
  std::vector<reference::Array> inputs;
  int n = 0;
  const auto input = [&]<class S>(S*) {
    const S s = graph::new_input<S>(g);
    inputs.push_back(support::reference_array(name + "." + std::to_string(n++), S::dtype, S::shape));
    return s;
  };
  const std::tuple<typename X::symbol...> x{input(static_cast<typename X::symbol*>(nullptr))...};
  const auto argument = [&](const std::string& key, const graph::Value& like) {
    const graph::Value v{&g, g.input(like.dtype(), like.extents())};
    inputs.push_back(support::reference_array(name + "." + key, like.dtype(), like.extents()));
    return v;
  };
  const graph::Value y = std::apply(f, x), first = std::get<0>(x);
  const graph::Value w = argument("w", y), v = argument("v", first);
  const graph::List<int> wrt(1, first.id), along(1, v.id);
  const graph::Value d{&g, transform::gradient(g, sum(y * w).id, wrt)[0]};
  g.outputs.push(y.id);
  g.outputs.push(d.id);
  g.outputs.push(transform::gradient(g, sum(d * v).id, wrt)[0]);
  g.outputs.push(transform::push_forward(g, d.id, wrt, along));
  const auto exact = reference::Interpreter(g, true).run(inputs), fused = support::execute(g, inputs, {});
  const std::array<std::string, 4> expected{".y", ".d0", ".h", ".h"};
  for (std::size_t k = 0; k < expected.size(); ++k) {
    const auto& elements = support::reference_value(name + expected[k]).elements;
    REQUIRE(std::ptrdiff_t(elements.size()) == exact[k].shape.size());
    for (std::size_t i = 0; i < elements.size(); ++i) {
      const double in_double = exact[k].get(std::ptrdiff_t(i)), in_float = fused[k].get(std::ptrdiff_t(i)),
                   e = elements[i];
      if (support::distance(in_double, e) < 1e-7 && support::distance(in_float, double(float(e))) < 2e-5) continue;
      FAIL_CHECK(name << expected[k] << " (" << k << ")[" << i << "]: expected " << e << ", found " << in_double
                      << " and in float " << in_float);
    }
  }
}

template <Reduction R> void check_losses(const std::string& reduction) {
  check_second<Logits, Labels>("cross_entropy_" + reduction,
                               [](auto x, auto y) { return nn::CrossEntropy<R>{}(x, y); });
  check_second<Logits, Labels>("cross_entropy_some_" + reduction,
                               [](auto x, auto y) { return nn::CrossEntropy<R>{}(x, y); });
  check_second<Logits, Labels>("cross_entropy_smooth_" + reduction,
                               [](auto x, auto y) { return nn::CrossEntropy<R>{}(x, y, {.label_smoothing = .125}); });
  check_second<Logits, Labels>("cross_entropy_ignore_" + reduction, [](auto x, auto y) {
    return nn::CrossEntropy<R>{}(x, y, {.label_smoothing = .125, .ignore_index = 2});
  });
  check_second<Logits, Labels, F<5>>("cross_entropy_weight_" + reduction,
                                     [](auto x, auto y, auto w) { return nn::CrossEntropy<R>{}(x, y, w); });
  check_second<Logits, Labels, F<5>>("cross_entropy_weight_smooth_" + reduction, [](auto x, auto y, auto w) {
    return nn::CrossEntropy<R>{}(x, y, w, {.label_smoothing = .125, .ignore_index = 2});
  });
  check_second<Logits, Labels>("nll_some_" + reduction,
                               [](auto x, auto y) { return nn::NegativeLogLikelihood<R>{}(x, y); });
  check_second<Logits, Labels>("nll_ignore_" + reduction,
                               [](auto x, auto y) { return nn::NegativeLogLikelihood<R>{}(x, y, 2); });
}

}  // namespace

TEST_CASE("cross entropy and likelihood: rows that do not count, smoothing, weights, every reduction") {
  check_losses<Reduction::mean>("mean");
  check_losses<Reduction::sum>("sum");
  check_losses<Reduction::none>("none");
  check_second<Logits, Labels>("cross_entropy_even",
                               [](auto x, auto y) { return nn::cross_entropy(x, y, {.label_smoothing = 1}); });
}

TEST_CASE("masked classes, and NaN and infinities in rows that do not count, reach no derivative") {
  check_second<Logits, Labels>("cross_entropy_masked", [](auto x, auto y) { return nn::cross_entropy(x, y); });
  check_second<Logits, Labels>("nll_masked", [](auto x, auto y) { return nn::nll_loss(x, y); });
  check_second<Logits, Labels>("cross_entropy_odd", [](auto x, auto y) { return nn::cross_entropy(x, y); });
  check_second<F<4, 5>, Tensor<std::int64_t, 4>>(
      "cross_entropy_odd_smooth", [](auto x, auto y) { return nn::cross_entropy(x, y, {.label_smoothing = .125}); });
  check_second<Logits, Labels>("nll_odd", [](auto x, auto y) { return nn::nll_loss(x, y); });
}

TEST_CASE("functions of rows") {
  check_second<M>("prod", [](auto x) { return prod<1>(x); });
  check_second<M>("prod_columns", [](auto x) { return prod<0>(x); });
  check_second<F<2, 3>>("prod_all", [](auto x) { return prod(x); });
  check_second<M>("amax", [](auto x) { return amax<1>(x); });
  check_second<M>("amin", [](auto x) { return amin<0>(x); });
  check_second<M>("softmax", [](auto x) { return softmax<1>(x); });
  check_second<M>("log_softmax", [](auto x) { return log_softmax<1>(x); });
  check_second<M>("logsumexp", [](auto x) { return logsumexp<1>(x); });
  check_second<Logits>("softmax_masked", [](auto x) { return softmax<1>(x); });
  check_second<Logits>("logsumexp_masked", [](auto x) { return logsumexp<1>(x); });
  check_second<M>("cumsum", [](auto x) { return cumsum<1>(x); });
  check_second<M>("cumsum_square", [](auto x) { return cumsum<0>(x * x); });
  check_second<M>("var", [](auto x) { return var<1>(x); });
  check_second<M>("std_dev", [](auto x) { return std_dev<1>(x); });
  check_second<M>("norm", [](auto x) { return norm<1>(x); });
  check_second<F<3, 6>>("glu", [](auto x) { return glu<1>(x); });
  check_second<M>("layer_norm", [](auto x) {
    const auto centered = x - mean<1>(x, keepdims);
    return centered * rsqrt(mean<1>(centered * centered, keepdims) + 1e-5);
  });
}

TEST_CASE("rows of infinities and NaN, and of one element") {
  using E = F<7, 3>;
  check_second<E>("edge_softmax", [](auto x) { return softmax<1>(x); });
  check_second<E>("edge_log_softmax", [](auto x) { return log_softmax<1>(x); });
  check_second<E>("edge_softmin", [](auto x) { return softmin<1>(x); });
  check_second<E>("edge_logsumexp", [](auto x) { return logsumexp<1>(x); });
  check_second<E>("edge_amax", [](auto x) { return amax<1>(x); });
  check_second<E>("edge_amin", [](auto x) { return amin<1>(x); });
  check_second<E>("edge_cumsum", [](auto x) { return cumsum<1>(x); });
  check_second<E>("edge_mean", [](auto x) { return mean<1>(x); });
  check_second<E>("edge_norm", [](auto x) { return norm<1>(x); });
  check_second<F<3, 1>>("var_of_one", [](auto x) { return var<1>(x); });
  check_second<F<3, 1>>("std_of_one", [](auto x) { return std_dev<1>(x, correction<0>); });
}

TEST_CASE("finite elements next to an infinity have no part in the logarithm of a sum, however large they are") {
  using E = F<5, 3>;
  check_second<E>("far_softmax", [](auto x) { return softmax<1>(x); });
  check_second<E>("far_log_softmax", [](auto x) { return log_softmax<1>(x); });
  check_second<E>("far_logsumexp", [](auto x) { return logsumexp<1>(x); });
  check_second<F<2, 3>>("far_logsumexp_all", [](auto x) { return logsumexp(x); });
  check_second<E, Tensor<std::int64_t, 5>>(
      "far_cross_entropy", [](auto x, auto t) { return nn::CrossEntropy<Reduction::none>{}(x, t); });
}

TEST_CASE("a norm of 0 has no slope, and no curvature either") {
  const F<2> zero;
  constexpr auto slopes = [](auto x) { return sum(grad([](auto v) { return norm(v); })(x)); };
  const auto h = grad(slopes)(zero);
  CHECK((h(0) == 0 && h(1) == 0));
}
