// From a function to a graph.
#pragma once
#include <tuple>
#include <utility>

#include "module.hpp"

namespace sinter::inline SINTER_ABI::graph {

/// The function object of a captureless callable, default-constructed: tracing has no instance of it.
template <class F> constexpr F function_object() {
  if constexpr (std::is_empty_v<F> && std::is_default_constructible_v<F>) return F{};
  else return a_traced_function_must_not_capture_pass_values_as_arguments<F>{};
}

/// std::apply for a tuple, without the three contexts that the standard's own adds to each error in f.
template <class F, class... A, std::size_t... Index>
constexpr decltype(auto) spread(F&& f, const std::tuple<A...>& arguments, std::index_sequence<Index...>) {
  return std::forward<F>(f)(std::get<Index>(arguments)...);
}

/// Calls f(symbol) for each tensor of a traced result: a symbol, or a tuple, pair or array of results.
template <class R, class F> constexpr void for_each_result(const R& r, F&& f) {
  if constexpr (Symbolic<R>) f(r);
  else std::apply([&](const auto&... part) { (for_each_result(part, f), ...); }, r);
}

/// A new input of the graph as a symbol.
template <class S> constexpr S new_input(Builder& g) { return S(Value{&g, g.input(S::dtype, S::shape)}); }

/// The graph of F called with inputs of these symbol types.
template <class F, class... S> struct FunctionTrace {
  constexpr Builder operator()() const {
    Builder g;
    const std::tuple<S...> arguments{new_input<S>(g)...};  // braces: inputs in order
    const auto result = spread(function_object<F>(), arguments, std::index_sequence_for<S...>{});
    for_each_result(result, [&](const Value& v) { g.outputs.push(v.id); });
    return g;
  }
};

/// What F returns for these symbols.
template <class F, class... S> using ResultOfTrace = std::invoke_result_t<F, S...>;

}  // namespace sinter::graph
