// scan, for_loop and while_loop: functions of one step, run for one step after another as one step of a program.
// Neither code size nor compile time grows with their number.
#pragma once
#include "vmap.hpp"

namespace sinter::inline SINTER_ABI {

// Undefined on purpose: the names are the errors.
template <class Before, class After> struct a_loop_carries_values_of_the_same_types;
template <class X> struct scan_needs_inputs_with_equal_extents_along_their_first_axes;
template <class Condition> struct while_loop_needs_a_condition_that_is_one_bool;

namespace internals::transform {

using graph::Builder;
using graph::List;
using ops::LoopTrace;

template <class T>
concept TupleLike = requires { std::tuple_size<T>::value; };

/// Calls f(symbol) for each symbol of a value: a symbol, a tuple, a pair, an array, or a struct of values.
template <class T, class F> constexpr void for_each_symbol(T& t, F&& f) {
  if constexpr (Symbolic<T>) {
    f(t);
  } else if constexpr (TupleLike<std::remove_const_t<T>>) {
    std::apply([&](auto&... part) { (for_each_symbol(part, f), ...); }, t);
  } else {
    constexpr int members = graph::fields::checked_count<std::remove_const_t<T>>();
    graph::fields::with_members<members>(t, [&](auto&... part) { (for_each_symbol(part, f), ...); });
  }
}
template <class T> constexpr Builder* builder_of_value(const T& t) {
  Builder* g = nullptr;
  if constexpr (graph::Number<T> || (Operand<T> && !Symbolic<T>)) return g;
  else if constexpr (TupleLike<T>) {
    std::apply([&](const auto&... part) { ((g = g != nullptr ? g : builder_of_value(part)), ...); }, t);
  } else {
    for_each_symbol(t, [&](const graph::Value& v) { g = v.graph; });
  }
  return g;
}
template <class T> consteval bool has_symbols() {
  if constexpr (Symbolic<T>) return true;
  else if constexpr (graph::Number<T> || Operand<T>) return false;
  else return true;
}

/// Numbers, parameters and expressions as symbols; a number takes the element type of `Other`.
template <class Other, class T> constexpr auto as_symbols(Builder* g, const T& t) {
  if constexpr (graph::Number<T> && Operand<Other>) return graph::as_symbol<T, Other>(g, t);
  else if constexpr (graph::Number<T> || Operand<T>) return graph::as_symbol<T>(g, t);
  else if constexpr (TupleLike<T>)
    return std::apply([&](const auto&... part) {
      if constexpr (requires { typename T::value_type; }) return T{part...};
      else if constexpr (requires { typename T::first_type; }) return std::pair{as_symbols<Other>(g, part)...};
      else return std::tuple{as_symbols<Other>(g, part)...};
    }, t);
  else return t;
}

/// The first axis of what is stacked, as written in the type of the first symbol; 0 for none.
template <class X> consteval auto steps_of() {
  if constexpr (is_sym_v<X>) {
    if constexpr (X::shape.rank == 0) return 0;
    else return first_extent(static_cast<X*>(nullptr));
  } else if constexpr (TupleLike<X>) {
    return steps_of<std::tuple_element_t<0, X>>();
  } else {
    return 0;
  }
}
template <class X, auto Steps> consteval bool has_steps() {
  if constexpr (is_sym_v<X>) {
    if constexpr (X::shape.rank == 0) return false;
    else return X::shape[0] == capacity_of(Steps) && X::shape.symbol(0) == length_of(Steps);
  } else if constexpr (TupleLike<X>) {
    return []<std::size_t... Index>(std::index_sequence<Index...>) {
      return (has_steps<std::tuple_element_t<Index, X>, Steps>() && ...);
    }(std::make_index_sequence<std::tuple_size_v<X>>{});
  } else {
    return false;
  }
}

/// The steps of a scan over symbols without shapes in their types: how many is known when the graph is made.
struct StepsAtRunTime {};
template <class X> consteval bool has_steps_at_run_time() {
  if constexpr (TupleLike<X>) {
    return []<std::size_t... Index>(std::index_sequence<Index...>) {
      return (has_steps_at_run_time<std::tuple_element_t<Index, X>>() || ...);
    }(std::make_index_sequence<std::tuple_size_v<X>>{});
  } else {
    return std::is_same_v<X, graph::Value>;
  }
}

/// One element of what is stacked, while one step is traced; `operands` gets the whole.
template <class X> constexpr auto element_of(LoopTrace& trace, const X& x, List<int>& operands) {
  if constexpr (std::is_same_v<X, graph::Value>) {
    Shape one;
    for (int i = 1; i < x.extents().rank; ++i) one.push(x.extents()[i], x.extents().symbol(i));
    operands.push(x.id);
    return trace.value(x.dtype(), one);
  } else if constexpr (is_sym_v<X>) {
    using One = typename Sample<X>::type;
    operands.push(x.id);
    return One(trace.value(One::dtype, One::shape));
  } else if constexpr (requires { typename X::value_type; }) {
    return std::apply([&](const auto&... part) { return std::array{element_of(trace, part, operands)...}; }, x);
  } else {
    return std::apply([&](const auto&... part) { return std::tuple{element_of(trace, part, operands)...}; }, x);
  }
}
/// The stacked outputs of a loop, from the k-th result on.
template <auto Steps, class Y> constexpr auto stacked_from(graph::Value loop, int& k, const Y& y) {
  // g++ 12 says that the type of a template argument of class type is const.
  constexpr bool untyped = std::is_same_v<Y, graph::Value> ||
                           std::is_same_v<std::remove_cv_t<decltype(Steps)>, StepsAtRunTime>;
  if constexpr (Symbolic<Y> && untyped) {
    return ops::further_result(loop, k++);
  } else if constexpr (is_sym_v<Y>) {
    return typename Batch<Y, Steps>::type(ops::further_result(loop, k++));
  } else if constexpr (requires { typename Y::value_type; }) {
    return std::apply([&](const auto&... part) { return std::array{stacked_from<Steps>(loop, k, part)...}; }, y);
  } else {
    return std::apply([&](const auto&... part) { return std::tuple{stacked_from<Steps>(loop, k, part)...}; }, y);
  }
}

/// Carried values while one step is traced; `operands` gets the first ones.
template <class C> constexpr C carried_of(LoopTrace& trace, C c, List<int>& operands) {
  for_each_symbol(c, [&](auto& s) {
    operands.push(s.id);
    const graph::Value first = s;
    s = std::remove_reference_t<decltype(s)>(trace.value(first.dtype(), first.extents()));
  });
  return c;
}
template <class C> constexpr C last_of(graph::Value loop, C c) {
  int k = 0;
  for_each_symbol(c, [&](auto& s) { s = std::remove_reference_t<decltype(s)>(ops::further_result(loop, k++)); });
  return c;
}
template <class T> constexpr int add_symbols(const T& t, List<int>& to) {
  const int before = to.size();
  for_each_symbol(t, [&](const graph::Value& v) { to.push(v.id); });
  return to.size() - before;
}

/// Whether a step returns the next carried value alone, or with something to stack.
template <class C, class R> inline constexpr bool carries_alone = std::is_same_v<C, R>;
template <class C, class R> inline constexpr bool carries_and_stacks = false;
template <class C, class Y> inline constexpr bool carries_and_stacks<C, std::pair<C, Y>> = true;
template <class C, class Y> inline constexpr bool carries_and_stacks<C, std::tuple<C, Y>> = true;

[[noreturn]] SINTER_COLD inline void scan_needs_an_input_with_a_first_axis() {
  throw_error(ErrorCode::shape, "scan", "expected an input with the steps along its first axis, found one of rank 0");
}
[[noreturn]] SINTER_COLD inline void scan_needs_inputs_with_the_same_first_axis(const Shape& a, const Shape& b) {
  throw_error(ErrorCode::shape, "scan",
              "expected inputs with equal extents along their first axes, found " + to_string(a) + " and " +
                  to_string(b));
}
[[noreturn]] SINTER_COLD inline void while_loop_needs_one_bool(Dtype dtype, const Shape& shape) {
  throw_error(ErrorCode::shape, "while_loop",
              "expected a condition that is one bool, found " + std::string(name_of(dtype)) + to_string(shape));
}

/// As many steps as `Steps` says, in types, and `count` as a packed extent.
template <auto Steps, class C, class F>
constexpr auto scanned(const C& first, const F& step_of,
                       std::int64_t count = ops::packed(capacity_of(Steps), length_of(Steps))) {
  Builder& g = *builder_of_value(first);
  LoopTrace trace(g);
  List<int> operands, outputs;
  const C carried = carried_of(trace, first, operands);
  graph::Iteration iteration{.count = count, .carries = operands.size()};
  const auto next = step_of(trace, carried, operands);
  iteration.stacked = operands.size() - iteration.carries;
  using R = std::remove_const_t<decltype(next)>;
  if constexpr (carries_alone<C, R>) {
    add_symbols(next, outputs);
    return last_of(trace.loop(operands, outputs, iteration), first);
  } else if constexpr (carries_and_stacks<C, R>) {
    add_symbols(std::get<0>(next), outputs);
    iteration.made = add_symbols(std::get<1>(next), outputs);
    const graph::Value loop = trace.loop(operands, outputs, iteration);
    const C last = last_of(loop, first);
    int k = iteration.carries;
    return std::tuple{last, stacked_from<Steps>(loop, k, std::get<1>(next))};
  } else {
    return a_loop_carries_values_of_the_same_types<C, R>{};
  }
}

template <class F> struct Scan {
  [[no_unique_address]] F f;

  template <class C, class X> constexpr auto operator()(const C& first, const X& xs) const {
    Builder* const b = builder_of_value(first);
    Builder* const g = b != nullptr ? b : builder_of_value(xs);
    return traced(as_symbols<X>(g, first), as_symbols<X>(g, xs));
  }

 private:
  template <class C, class X> constexpr auto traced(const C& first, const X& xs) const {
    constexpr auto steps = steps_of<X>();
    const auto step = [&](LoopTrace& trace, const C& carried, List<int>& operands) {
      return f(carried, element_of(trace, xs, operands));
    };
    if constexpr (has_steps_at_run_time<X>()) {
      return scanned<StepsAtRunTime{}>(first, step, count_of(xs));
    } else if constexpr (!has_steps<X, steps>()) {
      return scan_needs_inputs_with_equal_extents_along_their_first_axes<X>{};
    } else {
      return scanned<steps>(first, step);
    }
  }
  /// The number of steps, packed.
  template <class X> static constexpr std::int64_t count_of(const X& xs) {
    const Shape* first = nullptr;
    for_each_symbol(xs, [&](const graph::Value& v) {
      const Shape& s = v.extents();
      if (s.rank == 0) scan_needs_an_input_with_a_first_axis();
      if (first == nullptr) first = &s;
      if (s[0] != (*first)[0] || s.symbol(0) != first->symbol(0)) scan_needs_inputs_with_the_same_first_axis(*first, s);
    });
    return ops::packed((*first)[0], first->symbol(0));
  }
};

template <auto Steps, class F> struct RepeatedScan {
  [[no_unique_address]] F f;

  template <class C> constexpr auto operator()(const C& first) const {
    return traced(as_symbols<void>(builder_of_value(first), first));
  }

 private:
  template <class C> constexpr auto traced(const C& first) const {
    return scanned<Steps>(first, [&](LoopTrace&, const C& carried, List<int>&) { return f(carried); });
  }
};

template <auto Steps, class F> struct ForLoop {
  [[no_unique_address]] F f;

  template <class C> constexpr auto operator()(const C& first) const {
    return traced(as_symbols<void>(builder_of_value(first), first));
  }

 private:
  template <class C> constexpr auto traced(const C& first) const {
    const Sym<int, Steps> numbers(graph::iota(builder_of_value(first), capacity_of(Steps), length_of(Steps)));
    const auto last = scanned<Steps>(first, [&](LoopTrace& trace, const C& carried, List<int>& operands) {
      return f(element_of(trace, numbers, operands), carried);
    });
    using R = std::remove_const_t<decltype(last)>;
    if constexpr (carries_alone<C, R>) return last;
    else return a_loop_carries_values_of_the_same_types<C, R>{};
  }
};

template <int Most, class Condition, class F> struct WhileLoop {
  [[no_unique_address]] Condition condition;
  [[no_unique_address]] F f;

  template <class C> constexpr auto operator()(const C& first) const {
    return traced(as_symbols<void>(builder_of_value(first), first));
  }

 private:
  template <class C> constexpr auto traced(const C& first) const {
    using Goes = decltype(condition(first));
    using Next = decltype(f(first));
    if constexpr (!std::is_same_v<Goes, Sym<bool>> && !std::is_same_v<Goes, graph::Value>) {
      return while_loop_needs_a_condition_that_is_one_bool<Goes>{};
    } else if constexpr (!carries_alone<C, Next>) {
      return a_loop_carries_values_of_the_same_types<C, Next>{};
    } else {
      const Goes begins = condition(first);
      if constexpr (std::is_same_v<Goes, graph::Value>)
        if (begins.dtype() != Dtype::boolean || begins.extents().rank != 0)
          while_loop_needs_one_bool(begins.dtype(), begins.extents());
      LoopTrace trace(*begins.graph);
      List<int> operands, outputs;
      const C carried = carried_of(trace, first, operands);
      carried_of(trace, begins, operands);
      const C next = f(carried);
      add_symbols(next, outputs);
      add_symbols(condition(next), outputs);
      return last_of(trace.loop(operands, outputs, {.count = Most, .carries = operands.size(), .conditional = true}),
                     first);
    }
  }
};

}  // namespace internals::transform

/// A function of one step for one step after another: `auto [last, ys] = scan(f, first, xs)` is
///
///   carried = first;  for (t = 0; t < T; ++t) { auto [next, y] = f(carried, xs[t]); carried = next; ys[t] = y; }
///   last = carried;
///
/// `first` and y are a symbol or a tuple, pair or array of them, `first` also a struct of them; xs is a symbol with T
/// as its first axis, an int or an upto, or a tuple of those. A function that returns the next carried value alone
/// makes a scan that returns the last one alone. The step is compiled once, however many there are; what f captures
/// (weights, layers) and computes of captures alone is computed once. Gradients store the carried values before each
/// step and compute each step again. Backwards in time: flip<0> of xs and ys. In a training step dropout in f draws the
/// same numbers in all steps; buffers that f updates are a compile error. JAX: jax.lax.scan; PyTorch has a
/// Python loop.
template <class F, class C, class X> constexpr auto scan(F f, const C& first, const X& xs) {
  using internals::transform::Scan;
  if constexpr (internals::transform::has_symbols<C>() || internals::transform::has_symbols<X>())
    return Scan<F>{f}(first, xs);
  else return run_function(Scan<F>{f}, first, xs);
}
/// The same for N steps of a function of the carried value alone.
template <auto N, class F, class C> constexpr auto scan(F f, const C& first) {
  using Scan = internals::transform::RepeatedScan<N, F>;
  if constexpr (internals::transform::has_symbols<C>()) return Scan{f}(first);
  else return run_function(Scan{f}, first);
}

/// `carried = first; for (i = 0; i < N; ++i) carried = f(i, carried);`, where i is an int32 of rank 0: see scan. N is
/// an int or an upto. JAX: jax.lax.fori_loop.
template <auto N, class F, class C> constexpr auto for_loop(F f, const C& first) {
  using Loop = internals::transform::ForLoop<N, F>;
  if constexpr (internals::transform::has_symbols<C>()) return Loop{f}(first);
  else return run_function(Loop{f}, first);
}

/// `carried = first; while (condition(carried)) carried = f(carried);`, for at most Most steps: see scan. The condition
/// is a bool of rank 0. Derivatives in forward mode only. JAX: jax.lax.while_loop.
template <int Most = 0x7fffffff, class Condition, class F, class C>
constexpr auto while_loop(Condition condition, F f, const C& first) {
  using Loop = internals::transform::WhileLoop<Most, Condition, F>;
  if constexpr (internals::transform::has_symbols<C>()) return Loop{condition, f}(first);
  else return run_function(Loop{condition, f}, first);
}

}  // namespace sinter
