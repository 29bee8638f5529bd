// A function against PyTorch's numbers: its compiled program in single precision and the interpreter in double.
#pragma once
#include <sinter/backend/reference/interpreter.hpp>
#include <sinter/sinter.hpp>

#include "reference_values.hpp"

namespace support {

using namespace sinter;
using namespace sinter::internals;


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

inline void check_one(const auto& found, const std::string& name, double tolerance) {
  CAPTURE(name);
  CHECK(distance(found, name) < tolerance);
}

template <class F> struct ResultAlone {
  constexpr auto operator()(auto... x) const { return F{}(x...); }
};

/// The compiled program in single precision.
template <class Case, class Y, class... X> void check_compiled(const std::string& name, double tolerance) {
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    const auto results =
        run_function(Case{}, reference_tensor<Y>(name + ".w"), reference_tensor<X>(name + "." + std::to_string(I))...);
    check_one(std::get<0>(results), name + ".y", tolerance);
    [&]<std::size_t... K>(std::index_sequence<K...>) {
      (check_one(std::get<K + 1>(results), name + ".d" + std::to_string(K), tolerance), ...);
    }(std::make_index_sequence<std::tuple_size_v<std::remove_cvref_t<decltype(results)>> - 1>{});
  }(std::index_sequence_for<X...>{});
}

template <class S> struct InDouble;
template <class T, auto... E> struct InDouble<Sym<T, E...>> {
  using type = Sym<std::conditional_t<std::is_floating_point_v<T>, double, T>, E...>;
};

/// The interpreter: rules and graph without any kernel.
inline void interpret(const graph::Builder& g, const std::string& name, bool weights) {
  std::vector<reference::Array> inputs;
  for (int i = 0; i < g.inputs.size(); ++i) {
    const auto& v = reference_value(name + (weights && i == 0 ? ".w" : "." + std::to_string(i - weights)));
    reference::Array a(g[g.inputs[i]].dtype, g.shape(g.inputs[i]));
    for (std::size_t k = 0; k < v.elements.size(); ++k) a.set(std::ptrdiff_t(k), v.elements[k]);
    inputs.push_back(std::move(a));
  }
  const auto outputs = reference::Interpreter(g).run(inputs);
  for (std::size_t k = 0; k < outputs.size(); ++k) {
    const std::string expected = name + (k == 0 ? ".y" : ".d" + std::to_string(k - 1));
    CAPTURE(expected);
    const auto& v = reference_value(expected);
    for (std::size_t i = 0; i < v.elements.size(); ++i)
      CHECK(distance(outputs[k].get(std::ptrdiff_t(i)), v.elements[i]) < 1e-7);
  }
}

/// In double precision.
template <class Case, class Y, class... X> void check_interpreted(const std::string& name) {
  const graph::Builder g = graph::FunctionTrace<Case, typename InDouble<typename Y::symbol>::type,
                                                typename InDouble<typename X::symbol>::type...>{}();
  interpret(g, name, true);
}

/// Compares F on arguments of types X, differentiating with respect to the floating-point ones.
template <class... X, class F> void check(const std::string& name, F, double tolerance = 1e-6) {
  using Y = graph::tensor_of<std::invoke_result_t<F, typename X::symbol...>>;
  const auto run = [&]<int... I>(std::integer_sequence<int, I...>) {
    using Case = ResultAndGradients<F, (1 + I)...>;
    check_compiled<Case, Y, X...>(name, tolerance);
    check_interpreted<Case, Y, X...>(name);
  };
  run(std::make_integer_sequence<int, (0 + ... + int(std::is_floating_point_v<typename X::element>))>{});
}

/// Compares F's results only: for functions without gradients, or where NaN and infinities make them irrelevant.
template <class... X, class F> void check_values(const std::string& name, F, double tolerance = 1e-6) {
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    check_one(run_function(ResultAlone<F>{}, reference_tensor<X>(name + "." + std::to_string(I))...), name + ".y",
              tolerance);
  }(std::index_sequence_for<X...>{});
  interpret(graph::FunctionTrace<ResultAlone<F>, typename InDouble<typename X::symbol>::type...>{}(), name, false);
}

}  // namespace support
