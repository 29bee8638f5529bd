// Library functions as expression nodes, and the rule that decides what a call means.
//
// `exp(x)` on a symbol adds a node to the symbol's graph. On a tensor, a parameter or another expression it returns
// `Call<F, …>`, which remembers F and its operands; whoever needs the value (an assignment, a symbol it meets)
// runs the same F on symbols. Composites such as softmax stay one `Call`: expanding them as types would double at
// each nesting.
#pragma once
#include <memory>
#include <tuple>
#include <type_traits>
#include <utility>

#include "../tensor/view.hpp"
#include "sym.hpp"

namespace sinter {

template <class X>
concept Number = std::is_arithmetic_v<std::remove_cvref_t<X>>;

/// Something that stands for a tensor: symbols, tensors, views, parameters, scalars and expressions.
template <class X>
concept Operand = Symbolic<X> || requires { typename std::remove_cvref_t<X>::symbol; };

/// The arguments of a library function: at least one operand, the others operands or plain numbers.
template <class... X>
concept Operands = (Operand<X> || ...) && ((Operand<X> || Number<X>) && ...);

// Undefined on purpose: the names are the errors.
template <class... Operands> struct operands_live_in_different_places;
template <class T> struct a_traced_function_cannot_capture_a_tensor_pass_it_as_an_argument;

namespace graph {

/// An operand that is stored by value and knows how to become a symbol: a parameter, a scalar, an expression.
template <class X>
concept Handle = requires { typename X::is_handle; };

template <class T> constexpr Value number_value(Builder* b, T value) { return {b, b->constant(double(value), dtype_of<T>)}; }

/// A number beside tensors, already of the dtype in which it takes part: an input of an eager program, so that another
/// value needs no other program, and a constant of a traced one.
template <Element T> struct NumberLeaf {
  using is_handle = void;
  using symbol = Sym<T>;
  using place = Anywhere;
  T value;
  constexpr symbol symbolic(Builder* b) const { return symbol(number_value(b, value)); }
};
/// An lvalue tensor: referred to, as a view would.
template <class Tensor> struct Ref {
  using is_handle = void;
  using symbol = typename Tensor::symbol;
  using place = typename Tensor::place;
  const Tensor* tensor;
  constexpr symbol symbolic(Builder*) const { return a_traced_function_cannot_capture_a_tensor_pass_it_as_an_argument<Tensor>{}; }
};
/// An rvalue tensor: owned, and shared between the copies of an expression. That makes `auto` safe.
template <class Tensor> struct Own {
  using is_handle = void;
  using symbol = typename Tensor::symbol;
  using place = typename Tensor::place;
  std::shared_ptr<const Tensor> tensor;
  constexpr symbol symbolic(Builder*) const { return a_traced_function_cannot_capture_a_tensor_pass_it_as_an_argument<Tensor>{}; }
};

/// A view: copied, as cheap as a pointer.
template <class View> struct Held {
  using is_handle = void;
  using symbol = typename View::symbol;
  using place = typename View::place;
  View view;
  constexpr symbol symbolic(Builder*) const { return a_traced_function_cannot_capture_a_tensor_pass_it_as_an_argument<View>{}; }
};
template <class> inline constexpr bool is_view_v = false;
template <class T, auto... E> inline constexpr bool is_view_v<TensorView<T, E...>> = true;

template <class X> struct SymbolType { using type = typename X::symbol; };
template <TypedSymbol X> struct SymbolType<X> { using type = X; };
template <class X> using symbol_of = typename SymbolType<std::remove_cvref_t<X>>::type;

/// The dtype in which a number of type N takes part beside the operands among X.
template <class N, class... X> constexpr Dtype number_dtype() {
  Dtype d = Dtype::boolean;
  ([&] { if constexpr (Operand<X>) d = promote(d, symbol_of<X>::dtype); }(), ...);
  return promote_number(d, std::is_floating_point_v<N> ? Dtype::float64 : std::is_same_v<N, bool> ? Dtype::boolean : Dtype::int64);
}

/// What an expression stores for an argument that stands among arguments of types All.
template <class... All, class X> constexpr auto stored(X&& x) {
  using P = std::remove_cvref_t<X>;
  if constexpr (Number<P>) {
    using T = element_type<number_dtype<P, All...>()>;
    return NumberLeaf<T>{static_cast<T>(x)};
  } else if constexpr (Handle<P>) {
    return P(std::forward<X>(x));
  } else if constexpr (is_view_v<P>) {
    return Held<P>{x};
  } else if constexpr (std::is_lvalue_reference_v<X>) {
    return Ref<P>{&x};
  } else {
    return Own<P>{std::make_shared<const P>(std::move(x))};
  }
}

/// The symbol of an argument inside the graph that `b` builds.
template <class... All, class X> constexpr auto as_symbol(Builder* b, const X& x) {
  if constexpr (Symbolic<X>) return x;
  else return stored<All...>(x).symbolic(b);
}
template <class X> constexpr Value as_value(Builder* b, const X& x) {
  if constexpr (Number<X>) return {b, b->constant(double(x), std::is_floating_point_v<X> ? Dtype::float32 : Dtype::int64)};  // gives way to any tensor
  else return as_symbol(b, x);
}

template <class X, class... Rest> constexpr Builder* builder_of(const X& x, const Rest&... rest) {
  if constexpr (Symbolic<X>) return x.graph;
  else return builder_of(rest...);
}

}  // namespace graph

namespace graph {
template <class S> struct ElementOf {};
template <class S> requires(is_sym_v<S>) struct ElementOf<S> { using type = std::conditional_t<S::shape.rank == 0, typename S::element, void>; };
}  // namespace graph

/// A library function applied to operands none of which is a symbol: an expression, not yet computed.
template <class F, class... Args> struct Call {
  using symbol = decltype(F{}(graph::symbol_of<Args>{}...));
  using place = common_place<typename Args::place...>;
  using is_expression = void;
  using is_handle = void;

  std::tuple<Args...> arguments;

  constexpr symbol symbolic(graph::Builder* b) const {
    return std::apply([b](const auto&... a) { return F{}(a.symbolic(b)...); }, arguments);
  }
  /// The value of an expression of rank 0: `float total = sum(x);`.
  template <class T> requires(std::is_same_v<T, typename graph::ElementOf<symbol>::type>) operator T() const { return eval(*this).data()[0]; }
};

template <class... X>
concept Untyped = (std::is_same_v<std::remove_cvref_t<X>, graph::Value> || ...);

namespace graph {

/// What the numbers among F's arguments X stand beside: these, and what F names.
template <class F, class... X> struct Beside {
  template <class A> static constexpr auto stored(A&& a) {
    if constexpr (requires { typename F::numbers; })
      return graph::stored<typename F::numbers, X...>(std::forward<A>(a));
    else return graph::stored<X...>(std::forward<A>(a));
  }
  template <class A> static constexpr auto symbol(Builder* b, const A& a) {
    if constexpr (Symbolic<A>) return a;
    else return stored(a).symbolic(b);
  }
};

}  // namespace graph

/// Applies the function object F. Every public function of the library is one line that comes here.
template <class F, class... X> constexpr auto call(X&&... x) {
  using Beside = graph::Beside<F, X...>;
  if constexpr ((Symbolic<X> || ...)) {
    return F{}(Beside::symbol(graph::builder_of(x...), x)...);
  } else {
    using Expression = Call<F, decltype(Beside::stored(std::forward<X>(x)))...>;
    if constexpr (std::is_void_v<typename Expression::place>) return operands_live_in_different_places<std::remove_cvref_t<X>...>{};
    else return Expression{{Beside::stored(std::forward<X>(x))...}};
  }
}
/// Untyped operands are checked as the program runs.
template <class F, class... X> requires Untyped<X...> constexpr graph::Value call(X&&... x) {
  return F{}(graph::as_value(graph::builder_of(x...), x)...);
}

namespace graph {
template <class F, class... X> struct ResultType {};
template <class F, class... X> requires Operands<X...> struct ResultType<F, X...> { using type = decltype(call<F>(std::declval<X>()...)); };
template <class F, class... X> requires Operands<X...> && Untyped<X...> struct ResultType<F, X...> { using type = Value; };
}  // namespace graph

/// What `call<F>` returns. The functions of primitives declare it rather than deduce it: derivative rules, instantiated
/// with the description of their primitive, call these very functions.
template <class F, class... X> using Result = typename graph::ResultType<F, X...>::type;

}  // namespace sinter
