// Every function of the first primitives against PyTorch: values and gradients, in float and double.
#include <sinter/backend/reference/interpreter.hpp>
#include <sinter/sinter.hpp>

#include "../support/reference_values.hpp"

using namespace sinter;

namespace {

/// F's result y and the gradients of sum(y · w), as the reference has them.
template <class F> struct Weighted {
  constexpr auto operator()(auto w, auto... x) const { return sum(F{}(x...) * w); }
};
template <class F, int... I> struct ResultAndGradients {
  constexpr auto operator()(auto w, auto... x) const {
    const auto gradients = value_and_grad(Weighted<F>{}, wrt<I...>)(w, x...);
    return std::apply([&](auto, auto... d) { return std::tuple{F{}(x...), d...}; }, gradients);
  }
};

void check_one(const auto& found, const std::string& name, double tolerance) {
  CAPTURE(name);
  CHECK(support::distance(found, name) < tolerance);
}

/// The compiled program in single precision.
template <class Case, class Y, class... X> void check_compiled(const std::string& name, double tolerance) {
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    const auto results = run_function(Case{}, support::reference_tensor<Y>(name + ".w"), support::reference_tensor<X>(name + "." + std::to_string(I))...);
    check_one(std::get<0>(results), name + ".y", tolerance);
    [&]<std::size_t... K>(std::index_sequence<K...>) {
      (check_one(std::get<K + 1>(results), name + ".d" + std::to_string(K), tolerance), ...);
    }(std::make_index_sequence<std::tuple_size_v<std::remove_cvref_t<decltype(results)>> - 1>{});
  }(std::index_sequence_for<X...>{});
}

template <class S> struct InDouble;
template <class T, auto... E> struct InDouble<Sym<T, E...>> { using type = Sym<std::conditional_t<std::is_floating_point_v<T>, double, T>, E...>; };

/// The interpreter in double precision: rules and graph without any kernel.
template <class Case, class Y, class... X> void check_interpreted(const std::string& name) {
  const graph::Builder g = graph::FunctionTrace<Case, typename InDouble<typename Y::symbol>::type, typename InDouble<typename X::symbol>::type...>{}();
  std::vector<reference::Array> inputs;
  for (int i = 0; i < g.inputs.size(); ++i) {
    const auto& v = support::reference_value(name + (i == 0 ? ".w" : "." + std::to_string(i - 1)));
    reference::Array a(g[g.inputs[i]].dtype, g.shape(g.inputs[i]));
    for (std::size_t k = 0; k < v.elements.size(); ++k) a.set(std::ptrdiff_t(k), v.elements[k]);
    inputs.push_back(std::move(a));
  }
  const auto outputs = reference::Interpreter(g).run(inputs);
  for (std::size_t k = 0; k < outputs.size(); ++k) {
    const std::string expected = name + (k == 0 ? ".y" : ".d" + std::to_string(k - 1));
    CAPTURE(expected);
    const auto& v = support::reference_value(expected);
    for (std::size_t i = 0; i < v.elements.size(); ++i) CHECK(outputs[k].get(std::ptrdiff_t(i)) == doctest::Approx(v.elements[i]).epsilon(1e-7));
  }
}

/// Compares F on arguments of types X, differentiating with respect to those that are floating.
template <class... X, class F> void check(const std::string& name, F, double tolerance = 1e-6) {
  using Y = typename eager::TensorFor<std::invoke_result_t<F, typename X::symbol...>>::type;
  const auto run = [&]<int... I>(std::integer_sequence<int, I...>) {
    using Case = ResultAndGradients<F, (1 + I)...>;
    check_compiled<Case, Y, X...>(name, tolerance);
    check_interpreted<Case, Y, X...>(name);
  };
  run(std::make_integer_sequence<int, (0 + ... + int(std::is_floating_point_v<typename X::element>))>{});
}

template <auto... E> using F = Tensor<float, E...>;

}  // namespace

TEST_CASE("arithmetic broadcasts as in PyTorch, and its gradients sum over what was repeated") {
  check<F<3, 5>, F<5>>("add_row", [](auto x, auto y) { return x + y; });
  check<F<3, 1>, F<3, 5>>("sub_column", [](auto x, auto y) { return x - y; });
  check<F<4, 1>, F<3>>("mul_outer", [](auto x, auto y) { return x * y; });
  check<F<3, 5>, F<3, 5>>("div", [](auto x, auto y) { return x / y; });
  check<F<3, 5>>("neg", [](auto x) { return -x; });
  check<F<3, 5>, F<3, 5>>("maximum", [](auto x, auto y) { return maximum(x, y); });
  check<F<3, 5>, F<3, 5>>("where", [](auto x, auto y) { return select(x > y, x * y, y); });
}

TEST_CASE("elementary functions and activations") {
  check<F<3, 5>>("exp", [](auto x) { return exp(x); });
  check<F<3, 5>>("log", [](auto x) { return log(x); });
  check<F<3, 5>>("tanh", [](auto x) { return tanh(x); });
  check<F<3, 5>>("sqrt", [](auto x) { return sqrt(x); });
  check<F<4, 5>>("relu", [](auto x) { return relu(x); });
  check<F<3, 5>>("sigmoid", [](auto x) { return sigmoid(x); });
  check<F<3, 5>>("softmax_last", [](auto x) { return softmax(x); });
  check<F<3, 5>>("softmax_first", [](auto x) { return softmax<0>(x); });
  check<F<3, 5>>("log_softmax", [](auto x) { return log_softmax(x); });
}

TEST_CASE("reductions over any axes") {
  check<F<3, 5>>("sum_all", [](auto x) { return sum(x); });
  check<F<2, 3, 4>>("sum_middle", [](auto x) { return sum<1>(x); });
  check<F<2, 3, 4>>("sum_keep", [](auto x) { return sum<0, 2>(x, keepdims); });
  check<F<2, 3, 4>>("mean_last", [](auto x) { return mean<-1>(x); });
  check<F<2, 6>>("amax", [](auto x) { return amax<1>(x); });
}

TEST_CASE("matrix products of vectors, matrices and batches") {
  check<F<4, 7>, F<7, 5>>("matmul", [](auto x, auto y) { return matmul(x, y); });
  check<F<4, 7>, F<7>>("matmul_vector", [](auto x, auto y) { return matmul(x, y); });
  check<F<7>, F<7, 5>>("matmul_row", [](auto x, auto y) { return matmul(x, y); });
  check<F<7>, F<7>>("matmul_dot", [](auto x, auto y) { return matmul(x, y); });
  check<F<2, 3, 4, 5>, F<3, 5, 6>>("matmul_batch", [](auto x, auto y) { return matmul(x, y); });
  check<F<4, 6>, F<3, 6>, F<3>>("linear", [](auto x, auto w, auto b) { return matmul(x, transpose(w)) + b; });
}

TEST_CASE("views") {
  check<F<2, 3, 4>>("transpose", [](auto x) { return transpose(x); });
  check<F<2, 3, 4>>("permute", [](auto x) { return permute<2, 0, 1>(x); });
  check<F<2, 3, 4>>("reshape", [](auto x) { return reshape<4, -1>(x); });
  check<F<3, 1>>("broadcast_to", [](auto x) { return broadcast_to<4, 3, 5>(x); });
  check<F<2, 3>, F<2, 1>, F<2, 4>>("concatenate", [](auto x, auto y, auto z) { return concatenate<1>(x, y, z); });
  check<F<3, 9>>("slice_step", [](auto x) { return slice<1, 1, 8, 3>(x); });
  check<F<5, 2>>("slice_end", [](auto x) { return slice<0, -2>(x); });
}

TEST_CASE("losses") {
  check<F<6, 5>, Tensor<int, 6>>("cross_entropy", [](auto x, auto y) { return nn::cross_entropy(x, y); });
  check<F<4, 3>, F<4, 3>>("mse", [](auto x, auto y) { return nn::mse_loss(x, y); });
}
