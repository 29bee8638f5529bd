// Library functions as expression nodes, and the rule that decides what a call means.
//
// `exp(x)` on a symbol adds a node to the symbol's graph. On a tensor, a parameter or another expression it returns
// `Call<F, …>`, which remembers F and its operands; whoever needs the value (an assignment, a symbol among the
// operands) runs the same F on symbols. Composites such as softmax stay one `Call`: expanding them as types would
// double at each nesting.
//
// A type repeats every use of an operand, so an expression whose parts are used more than once would grow exponentially
// with its depth. A long expression is therefore evaluated where it becomes an operand: a named one of more than 8
// leaves, and any of more than 32. Call a function of tensors through `jit` (transform/jit.hpp) to make it one program.
#pragma once
#include <tuple>
#include <type_traits>
#include <utility>

#include "../tensor/pack.hpp"
#include "../tensor/shared.hpp"
#include "../tensor/view.hpp"
#include "refused.hpp"

namespace sinter::inline SINTER_ABI {

namespace graph {
/// A plain number, an operand next to tensors.
template <class X>
concept Number = std::is_arithmetic_v<std::remove_cvref_t<X>>;
}  // namespace graph

/// Anything usable as a tensor: symbols, tensors, views, parameters, scalars and expressions.
template <class X>
concept Operand = Symbolic<X> || requires { typename std::remove_cvref_t<X>::symbol; };

/// The arguments of a library function: at least one operand, the others operands or plain numbers.
template <class... X>
concept Operands = (Operand<X> || ...) && ((Operand<X> || graph::Number<X>) && ...);

// Undefined on purpose: the names are the errors.
template <class... Operands> struct operands_live_in_different_places;
template <class T> struct a_traced_function_cannot_capture_a_tensor_pass_it_as_an_argument;

template <class Symbol> struct truth_of_several_elements_is_ambiguous_use_any_or_all;

template <class F, class... Args> struct Call;

namespace graph {

/// Not constexpr: the compiler names it where a traced function asks for the value of a parameter.
[[noreturn]] SINTER_COLD inline void a_traced_value_has_no_number_use_select() {
  throw_error(ErrorCode::unsupported, "expression of parameters",
              "expected to be computed when the program runs, found its value asked for while a function is traced",
              "use select");
}

/// An operand that is stored by value and knows how to become a symbol: a parameter, a scalar, an expression.
template <class X>
concept Handle = requires { typename X::is_handle; };

template <class T> constexpr Value number_value(Builder* b, T value) {
  return {b, b->constant(double(value), dtype_of<T>)};
}

/// A number among tensors, already converted to the operation's dtype: an input of an eager program, so that another
/// value needs no other program, and a constant of a traced one.
template <Element T> struct NumberLeaf {
  using is_handle = void;
  using symbol = Sym<T>;
  using place = Anywhere;
  T value;
  constexpr symbol symbolic(Builder* b) const { return symbol(number_value(b, value)); }
};
}  // namespace graph

/// A number that keeps its type among tensors, where a plain one takes that of the tensors: `number<int>(-100)`.
/// PyTorch: torch.tensor(-100).
template <Element T> constexpr graph::NumberLeaf<T> number(T value) { return {value}; }

namespace graph {

/// An lvalue tensor: referred to, as a view would. So a function that returns an expression takes its tensors by `const
/// auto&`, or is called through `jit`.
template <class Tensor> struct Ref {
  using is_handle = void;
  using symbol = typename Tensor::symbol;
  using place = typename Tensor::place;
  const Tensor* tensor;
  constexpr symbol symbolic(Builder*) const {
    return a_traced_function_cannot_capture_a_tensor_pass_it_as_an_argument<Tensor>{};
  }
};
/// An rvalue tensor, owned, its memory shared between the copies of an expression: that makes `auto` safe. Also a copy
/// of an lvalue so small that it costs no more than a reference, so that functions may return expressions of their own
/// small variables.
template <class Tensor> struct Own {
  using is_handle = void;
  using symbol = typename Tensor::symbol;
  using place = typename Tensor::place;
  Tensor tensor;

  explicit Own(Tensor&& t) : tensor(std::move(t)) {}
  Own(const Own& other) : tensor(tensor_detail::in_its_memory, other.tensor) {}
  Own(Own&&) = default;
  constexpr symbol symbolic(Builder*) const {
    return a_traced_function_cannot_capture_a_tensor_pass_it_as_an_argument<Tensor>{};
  }
};
inline constexpr std::size_t copied_bytes = 32;
template <class> inline constexpr bool is_small_v = false;
template <class T, auto... E>
inline constexpr bool is_small_v<Tensor<T, E...>> = Tensor<T, E...>::size() * sizeof(T) <= copied_bytes;

/// A view: copied, as cheap as a pointer.
template <class View> struct Held {
  using is_handle = void;
  using symbol = typename View::symbol;
  using place = typename View::place;
  View view;
  constexpr symbol symbolic(Builder*) const {
    return a_traced_function_cannot_capture_a_tensor_pass_it_as_an_argument<View>{};
  }
};
template <class> inline constexpr bool is_view_v = false;
template <class P, class T, auto... E> inline constexpr bool is_view_v<BasicView<P, T, E...>> = true;

template <class X> struct SymbolType { using type = typename X::symbol; };
template <TypedSymbol X> struct SymbolType<X> { using type = X; };

}  // namespace graph

/// The symbol type of an operand: `Sym<float, 3, 4>` of a `Tensor<float, 3, 4>`, a view, a parameter or an expression
/// of these, and of itself. So layers and functions ask for shapes and dtypes: `symbol_of<X>::shape[1]`.
template <class X> using symbol_of = typename graph::SymbolType<std::remove_cvref_t<X>>::type;

/// Extent `Axis` of an operand as it is written in a type, an int or an `Upto`: `reshape<extent_of<X, 0>, 3, -1>(x)`.
template <class X, int Axis> inline constexpr auto extent_of = [] {
  constexpr Shape shape = symbol_of<X>::shape;
  if constexpr (shape.symbol(Axis) != 0) return tensor_detail::upto_of(shape[Axis], shape.symbol(Axis));
  else return shape[Axis];
}();

/// Whether an operand has an axis with the length of this symbol: `if constexpr (has_length<X, 'T'>)`.
template <class X, char Symbol> inline constexpr bool has_length = [] {
  constexpr Shape shape = symbol_of<X>::shape;
  for (int i = 0; i < shape.rank; ++i)
    if (shape.symbol(i) == Symbol) return true;
  return false;
}();

namespace graph {

/// Whether a call with arguments of these types compiles. g++ goes on after the error that the function itself names;
/// the result type of such a call must not be asked for.
template <class F, class... X>
concept CallableWith = requires(const F& f, X... x) { f(static_cast<X&&>(x)...); };

/// The tensor type that holds a symbol's value.
template <class S> struct TensorFor;
template <class T, auto... E> struct TensorFor<Sym<T, E...>> { using type = Tensor<T, E...>; };
template <class S> using tensor_of = typename TensorFor<S>::type;

/// Tensors, parameters and numbers that an expression is made of.
template <class X> struct LeafCount : std::integral_constant<int, 1> {};
template <class F, class... A> struct LeafCount<Call<F, A...>>
    : std::integral_constant<int, (0 + ... + LeafCount<A>::value)> {};

/// The graph in which the parameters of an expression are being traced; none where they are a model's.
template <class X> constexpr Builder* traced_in(const X& leaf) {
  if constexpr (requires { leaf.traced_in(); }) return leaf.traced_in();
  else return nullptr;
}
template <class F, class... A> constexpr Builder* traced_in(const Call<F, A...>& call) {
  return call.arguments.spread([](const A&... a) {
    Builder* graph = nullptr;
    ((graph = graph != nullptr ? graph : sinter::graph::traced_in(a)), ...);
    return graph;
  });
}

/// The value of a long expression of parameters: a node while a function is traced, a tensor elsewhere.
template <class S> class Computed {
 public:
  using is_handle = void;
  using symbol = S;
  using place = Anywhere;

  template <class X> constexpr explicit Computed(const X& x) {
    if (Builder* const g = sinter::graph::traced_in(x); g != nullptr) node_ = x.symbolic(g);
    else tensor_ = tensor_detail::SharedTensor<tensor_of<S>>(eval(x));
  }
  constexpr Builder* traced_in() const { return node_.graph; }
  constexpr symbol symbolic(Builder* b) const {
    return node_.graph == b ? symbol(node_) : symbol(it_was_computed_outside_of_this_trace());
  }
  const tensor_of<S>& tensor() const { return *tensor_; }

 private:
  [[noreturn]] static Value it_was_computed_outside_of_this_trace() {
    throw_error(ErrorCode::argument, "expression of parameters", "it is used in a trace to which it does not belong");
  }

  Value node_;
  tensor_detail::SharedTensor<tensor_of<S>> tensor_;
};

/// Whether an operand of this type is so long that its value is stored instead: see the top of this file.
inline constexpr int most_leaves_of_a_name = 8, most_leaves = 32;
template <class X, bool Named> inline constexpr bool is_long_v = LeafCount<X>::value >
                                                                 (Named ? most_leaves_of_a_name : most_leaves);

/// The dtype to which a number of type N is converted among the operands X.
template <class N, class... X> constexpr Dtype number_dtype() {
  Dtype d = Dtype::boolean;
  ([&] { if constexpr (Operand<X>) d = promote(d, symbol_of<X>::dtype); }(), ...);
  return promote_number(d, std::is_floating_point_v<N> ? Dtype::float64
                           : std::is_same_v<N, bool>   ? Dtype::boolean
                                                       : Dtype::int64);
}

/// What an expression stores for an argument among arguments of types All.
template <class... All, class X> constexpr auto stored(X&& x) {
  using P = std::remove_cvref_t<X>;
  if constexpr (Number<P>) {
    using T = element_type<number_dtype<P, All...>()>;
    return NumberLeaf<T>{static_cast<T>(x)};
  } else if constexpr (is_long_v<P, std::is_lvalue_reference_v<X>>) {
    using S = typename P::symbol;
    if constexpr (std::is_same_v<typename P::place, Anywhere>) return Computed<S>(x);
    else return Own<tensor_of<S>>(eval(x));
  } else if constexpr (Handle<P>) {
    return P(std::forward<X>(x));
  } else if constexpr (is_view_v<P>) {
    return Held<P>{x};
  } else if constexpr (std::is_lvalue_reference_v<X> && is_small_v<P>) {
    return Own<P>(P(x));
  } else if constexpr (std::is_lvalue_reference_v<X>) {
    return Ref<P>{&x};
  } else {
    return Own<P>(P(std::forward<X>(x)));
  }
}

/// The symbol of an argument in the graph that `b` builds.
template <class... All, class X> constexpr auto as_symbol(Builder* b, const X& x) {
  if constexpr (Symbolic<X>) return x;
  else if constexpr (Handle<X>) return x.symbolic(b);
  else return stored<All...>(x).symbolic(b);
}
template <class X> constexpr Value as_value(Builder* b, const X& x) {
  // gives way to any tensor
  if constexpr (Number<X>)
    return {b, b->constant(double(x), std::is_floating_point_v<X> ? Dtype::float32 : Dtype::int64)};
  else return as_symbol(b, x);
}

template <class X, class... Rest> constexpr Builder* builder_of(const X& x, const Rest&... rest) {
  if constexpr (Symbolic<X>) return x.graph;
  else return builder_of(rest...);
}

}  // namespace graph

namespace graph {
template <class S> struct ElementOf {};
template <class S>
requires(is_sym_v<S>) struct ElementOf<S> {
  using type = std::conditional_t<S::shape.rank == 0, typename S::element, void>;
};
}  // namespace graph

/// A library function applied to operands none of which is a symbol: an expression, not yet computed.
template <class F, class... Args> struct Call {
  using symbol = decltype(F{}(symbol_of<Args>{}...));
  using place = place_detail::common_place<typename Args::place...>;
  using is_expression = void;
  using is_handle = void;
  static constexpr Shape shape = symbol::shape;
  static constexpr Dtype dtype = symbol::dtype;

  Pack<Args...> arguments;

  /// A part, as of a tensor: `(x * 2)(range<>, 0)`.
  template <class... Index> requires(sizeof...(Index) > 0 && (tensor_detail::is_index_v<Index> && ...))
  constexpr auto operator()(Index... index) const { return graph::part(*this, index...); }
  constexpr auto operator[](std::int64_t i) const { return graph::part(*this, i); }

  constexpr symbol symbolic(graph::Builder* b) const {
    return arguments.spread([b](const Args&... a) { return F{}(a.symbolic(b)...); });
  }
  /// The value of an expression of rank 0: `float total = sum(x);`.
  template <class T> requires(std::is_same_v<T, typename graph::ElementOf<symbol>::type>) constexpr operator T() const {
    if (std::is_constant_evaluated() || graph::traced_in(*this) != nullptr)
      graph::a_traced_value_has_no_number_use_select();
    return eval(*this).data()[0];
  }
  /// Which branch `if (x > 0)` takes of a tensor of several elements: `any(x > 0)` or `all(x > 0)`.
  template <class T>
  requires(std::is_same_v<T, bool>&& std::is_void_v<typename graph::ElementOf<symbol>::type>) constexpr explicit
  operator T() const {
    return truth_of_several_elements_is_ambiguous_use_any_or_all<
        std::conditional_t<std::is_same_v<T, bool>, symbol, T>>{};
  }
};

namespace graph {
/// Whether one of these is a symbol without a shape in its type.
template <class... X>
concept Untyped = (std::is_same_v<std::remove_cvref_t<X>, Value> || ...);
}  // namespace graph

namespace graph {

/// The operands that decide the element type of the numbers among F's arguments X: these, and what F names.
template <class F, class... X> struct Arguments {
  template <class A> static constexpr auto stored(A&& a) {
    if constexpr (requires { typename F::numbers; })
      return graph::stored<typename F::numbers, X...>(std::forward<A>(a));
    else return graph::stored<X...>(std::forward<A>(a));
  }
  template <class A> static constexpr auto symbol(Builder* b, const A& a) {
    if constexpr (Symbolic<A>) return a;
    else if constexpr (Handle<A>) return a.symbolic(b);
    else return stored(a).symbolic(b);
  }
};

}  // namespace graph

namespace graph {
/// The expression of F and stored arguments, whose symbol is S: what F returns for theirs.
template <class F, class S, class... A> constexpr auto expression(std::type_identity<S>, A&&... a) {
  if constexpr (is_refused_v<S>) return S{};
  else return Call<F, A...>{{{std::move(a)}...}};
}
}  // namespace graph

/// Applies the function object F. Every public function of the library is one line that calls it.
template <class F, class... X> constexpr auto call(X&&... x) {
  using Arguments = graph::Arguments<F, X...>;
  if constexpr ((graph::is_refused_v<std::remove_cvref_t<X>> || ...)) {
    return graph::refused_operand(x...);
  } else if constexpr ((Symbolic<X> || ...)) {
    return F{}(Arguments::symbol(graph::builder_of(x...), x)...);
  } else if constexpr (std::is_void_v<place_detail::common_place<
                           typename decltype(Arguments::stored(std::forward<X>(x)))::place...>>) {
    static_assert(tensor_detail::ErrorNamed<operands_live_in_different_places<std::remove_cvref_t<X>...>>::absent);
    return graph::RefusedFor<symbol_of<decltype(Arguments::stored(std::forward<X>(x)))>...>{};
  } else {  // F is called here alone, so that an error in it is one, with few contexts
    return graph::expression<F>(
        std::type_identity<decltype(F{}(symbol_of<decltype(Arguments::stored(std::forward<X>(x)))>{}...))>{},
        Arguments::stored(std::forward<X>(x))...);
  }
}
/// Untyped operands are checked as the program runs.
template <class F, class... X> requires graph::Untyped<X...> constexpr graph::Value call(X&&... x) {
  return F{}(graph::as_value(graph::builder_of(x...), x)...);
}

namespace graph {

template <class F, class... X> struct ResultType {};
template <class F, class... X>
requires Operands<X...>
struct ResultType<F, X...> {
  using type = decltype(call<F>(std::declval<X>()...));
};
template <class F, class... X>
requires Operands<X...> && Untyped<X...>
struct ResultType<F, X...> {
  using type = Value;
};

/// What `call<F>` returns. The functions of primitives declare it rather than deduce it: derivative rules, instantiated
/// with the description of their primitive, call these very functions.
template <class F, class... X> using Result = typename ResultType<F, X...>::type;

}  // namespace graph

}  // namespace sinter
