// Expressions on real tensors: an assignment runs the program compiled for the expression's type on its leaves.
#pragma once
#include "../graph/trace.hpp"
#include "run.hpp"

namespace sinter::inline SINTER_ABI {

// Undefined on purpose: the names are the errors.
template <class F, class Result> struct a_traced_function_must_return_tensors_made_of_its_arguments;
template <class Destination, class... Places> struct a_statement_runs_on_the_host_copy_its_tensors_by_to_Host;

namespace internals::eager {

/// Whether all of these tensors and expressions are the host's, or of any place.
template <class... X> inline constexpr bool on_host =
    std::is_same_v<place_detail::common_place<Host, typename X::place...>, Host>;

/// For each leaf of an expression the earlier leaf that it is assumed to equal, or itself.
template <int N> using SameLeaf = Array<int, N>;

template <class> inline constexpr char type_tag = 0;

/// Subexpressions in the order of evaluation, with the leaves they span.
struct Subexpression {
  const char* type;
  int first, last;
};
template <class X> constexpr void list_subexpressions(X*, graph::List<Subexpression>&, int& leaf) { ++leaf; }
template <class F, class... A>
constexpr void list_subexpressions(Call<F, A...>*, graph::List<Subexpression>& list, int& leaf) {
  const int first = leaf;
  (list_subexpressions(static_cast<A*>(nullptr), list, leaf), ...);
  list.push({&type_tag<Call<F, A...>>, first, leaf});
}

/// Where a subexpression's type occurs twice, it is the same computation if its leaves are the same tensors: `e * e`
/// with `auto e = softmax(x)`. Pairs the leaves of later occurrences with those of the first.
template <class X> constexpr auto paired_leaves() {
  SameLeaf<graph::LeafCount<X>::value> same{};
  for (int i = 0; i < graph::LeafCount<X>::value; ++i) same[i] = i;
  graph::List<Subexpression> list;
  int leaf = 0;
  list_subexpressions(static_cast<X*>(nullptr), list, leaf);
  for (int i = 1; i < list.size(); ++i)
    for (int j = 0; j < i; ++j)
      if (list[j].type == list[i].type && list[j].last <= list[i].first) {
        for (int k = 0; k < list[i].last - list[i].first; ++k) same[list[i].first + k] = same[list[j].first + k];
        break;
      }
  return same;
}
template <std::size_t N> constexpr bool any_pair(const std::array<int, N>& same) {
  for (std::size_t i = 0; i < N; ++i)
    if (same[i] != int(i)) return true;
  return false;
}

/// The graph of an expression type: one input a leaf, equal leaves one input.
template <class X, bool Paired> struct ExpressionTrace {
  constexpr graph::Builder operator()() const {
    graph::Builder g;
    int leaf = 0;
    const auto y = symbol(static_cast<X*>(nullptr), g, leaf);
    g.outputs.push(y.id);
    return g;
  }

 private:
  template <class L> static constexpr auto symbol(L*, graph::Builder& g, int& leaf) {
    using S = typename L::symbol;
    const int same = Paired ? paired_leaves<X>()[leaf] : leaf;
    const auto s = same == leaf ? graph::new_input<S>(g) : S(graph::Value{&g, g.inputs[same]});
    if (same != leaf) g.input(S::dtype, S::shape);  // keeps inputs and leaves aligned
    ++leaf;
    return s;
  }
  template <class F, class... A> static constexpr auto symbol(Call<F, A...>*, graph::Builder& g, int& leaf) {
    const Pack<decltype(symbol(static_cast<A*>(nullptr), g, leaf))...> arguments{
        {symbol(static_cast<A*>(nullptr), g, leaf)}...};
    return arguments.spread(F{});
  }
};

template <class X, bool Paired> using ExpressionProgram =
    compile::Program<ExpressionTrace<X, Paired>, backend::Host::Backend>;

/// Whether two leaves of one type are the same tensor, or copies of a small one.
SINTER_OUTLINE inline bool are_same(const Argument& a, const Argument& b) {
  if (a.row_major != b.row_major) return false;
  for (int i = 0; i < a.shape->rank; ++i)
    if ((a.shape->bounded() && a.length[i] != b.length[i]) || (!a.row_major && a.stride[i] != b.stride[i]))
      return false;
  if (a.data == b.data) return true;
  return a.row_major && a.bytes == b.bytes && a.bytes <= graph::copied_bytes &&
         std::memcmp(a.data, b.data, a.bytes) == 0;
}

template <class D, class X> SINTER_OUTLINE inline void assign_anywhere(D& destination, const X& x) {
  constexpr int n = graph::LeafCount<X>::value;
  Array<Argument, n> inputs;
  describe_leaves(x, inputs.data());
  const std::array<Argument, 1> output{describe(destination)};
  static constexpr auto same = paired_leaves<X>();
  if constexpr (any_pair(same)) {
    bool equal = true;
    for (int k = 0; k < n; ++k) equal = equal && are_same(inputs[k], inputs[same[k]]);
    if (equal) {
      using P = ExpressionProgram<X, true>;
      set_lengths<P>(destination, run<P>(inputs, output));
      return;
    }
  }
  using P = ExpressionProgram<X, false>;
  set_lengths<P>(destination, run<P>(inputs, output));
}

template <class D, class X> [[gnu::always_inline]] inline void assign(D& destination, const X& x) {
  using P = ExpressionProgram<X, false>;
  if constexpr (!any_pair(paired_leaves<X>()) && may_state_directly<P>) {
    Array<Argument, graph::LeafCount<X>::value> inputs;
    describe_leaves(x, inputs.data());
    if (run_directly<P>(inputs, std::array{describe(destination)})) return;
  }
  assign_anywhere(destination, x);
}

}  // namespace internals::eager

/// Computes an expression into a tensor or view; Tensor's constructor and assignment call it.
template <class D, class X> [[gnu::always_inline]] inline void evaluate_into(D& destination, const X& x) {
  if constexpr (!internals::eager::on_host<D, X>)
    (void)a_statement_runs_on_the_host_copy_its_tensors_by_to_Host<D, typename D::place, typename X::place>{};
  else if constexpr (graph::Handle<X>) internals::eager::assign(destination, x);
  else evaluate_into(destination, graph::stored<const X&>(x));
}
template <class T, auto... E, class X> inline void evaluate_into(const TensorView<T, E...>& destination, const X& x) {
  TensorView<T, E...> view = destination;
  evaluate_into(view, x);
}

/// The value of an expression as a tensor of its own: `auto p = eval(softmax(x));`. Of a view or a tensor it is a copy.
template <Operand X> requires(!Symbolic<X>) inline auto eval(const X& x) {
  graph::tensor_of<typename X::symbol> result(uninitialized);
  evaluate_into(result, x);
  return result;
}

namespace internals::eager {

/// Runs P into a new tree of tensors.
template <class P, class Results, std::size_t N> inline Results run_into_new(std::array<Argument, N>& inputs) {
  Results results = graph::make_tree<Results>([]<class T>(std::type_identity<T>) { return T(uninitialized); });
  Array<Argument, P::outputs> outputs;
  describe_tree(results, outputs.data());
  const auto lengths = run<P>(inputs, outputs);
  set_lengths<P>(results, lengths);
  return results;
}

/// The same with these inputs.
template <class P, class Results, class... Leaf> inline Results run_on(const Leaf&... leaf) {
  std::array<Argument, sizeof...(Leaf)> inputs{argument(leaf)...};
  return run_into_new<P, Results>(inputs);
}

template <class Result, class F, class... X> inline auto run_program_of(std::type_identity<Result>, F, const X&... x) {
  if constexpr (graph::is_refused_v<Result>) {
    return Result{};
  } else if constexpr (!graph::TracedResult<Result>) {
    return a_traced_function_must_return_tensors_made_of_its_arguments<F, Result>{};
  } else {
    using P =
        internals::compile::Program<graph::FunctionTrace<F, symbol_of<decltype(graph::stored<const X&...>(x))>...>,
                                    backend::Host::Backend>;
    return run_on<P, graph::tensors_of<Result>>(graph::stored<const X&...>(x)...);
  }
}

}  // namespace internals::eager

namespace internals::eager {
/// The same for trees that are no tensors among the arguments.
template <class Result, class F, class... X>
inline auto run_program_of_trees(std::type_identity<Result>, const X&... x) {
  if constexpr (graph::is_refused_v<Result>) {
    return Result{};
  } else if constexpr (!graph::TracedResult<Result>) {
    return a_traced_function_must_return_tensors_made_of_its_arguments<F, Result>{};
  } else {
    using P = compile::Program<graph::FunctionTrace<F, graph::symbols_of<X>...>, backend::Host::Backend>;
    Array<Argument, (0 + ... + graph::tensors_in<X>)> inputs;
    Argument* to = inputs.data();
    ((to = describe_tree(x, to)), ...);
    return run_into_new<P, graph::tensors_of<Result>>(inputs);
  }
}
}  // namespace internals::eager

/// Calls a captureless function on tensors as one compiled program; the result is a new tensor, or what tree of
/// them f returns (graph/tree.hpp).
template <class F, class... X> requires Operands<X...> inline auto run_function(F f, const X&... x) {
  if constexpr (!std::is_empty_v<F> || !std::is_default_constructible_v<F>)
    return a_traced_function_must_not_capture_pass_values_as_arguments<F>{};
  else if constexpr (!internals::eager::on_host<decltype(graph::stored<const X&...>(x))...>)
    return a_statement_runs_on_the_host_copy_its_tensors_by_to_Host<
        F, typename decltype(graph::stored<const X&...>(x))::place...>{};
  else
    return internals::eager::run_program_of(
        std::type_identity<decltype(std::declval<F>()(symbol_of<decltype(graph::stored<const X&...>(x))>{}...))>{}, f,
        x...);
}

/// The same with trees of tensors and numbers among the arguments.
template <class F, class... X> requires(!Operands<X...> && (graph::Tree<X> && ...))
inline auto run_function(F, const X&... x) {
  if constexpr (!std::is_empty_v<F> || !std::is_default_constructible_v<F>)
    return a_traced_function_must_not_capture_pass_values_as_arguments<F>{};
  else
    return internals::eager::run_program_of_trees<std::invoke_result_t<F, graph::symbols_of<X>...>, F>({}, x...);
}

}  // namespace sinter
