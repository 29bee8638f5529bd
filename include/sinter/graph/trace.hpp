// From a function to a graph.
#pragma once
#include <tuple>
#include <utility>

#include "module.hpp"
#include "tree.hpp"

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

/// What a traced function may return: a tree of symbols, of expressions of parameters, and of numbers, but no number.
template <class R> concept TracedResult = Tree<R> && !Element<R>;

/// Calls f(value) for each leaf of a traced result in the graph g.
template <class R, class F> constexpr void for_each_result(Builder& g, const R& r, const F& f) {
  for_each_tensor(r, [&]<class L>(const L& leaf) {
    if constexpr (Operand<L>) f(as_value(&g, leaf));
    else f(number_value(&g, leaf));
  });
}

/// A new input of the graph as a symbol, or one for each tensor of a tree of symbols.
template <class S> constexpr S new_input(Builder& g) {
  if constexpr (is_sym_v<S>) return S(Value{&g, g.input(S::dtype, S::shape)});
  else return make_tree<S>([&]<class T>(std::type_identity<T>) { return new_input<T>(g); });
}

/// The graph of F called with inputs of these symbol types.
template <class F, class... S> struct FunctionTrace {
  constexpr Builder operator()() const {
    Builder g;
    const std::tuple<S...> arguments{new_input<S>(g)...};  // braces: inputs in order
    const auto result = spread(function_object<F>(), arguments, std::index_sequence_for<S...>{});
    for_each_result(g, result, [&](const Value& v) { g.outputs.push(v.id); });
    return g;
  }
};

/// What F returns for these symbols.
template <class F, class... S> using ResultOfTrace = std::invoke_result_t<F, S...>;

}  // namespace sinter::graph
