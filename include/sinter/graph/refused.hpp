// What an operation returns after it has named an error: a type that goes along with everything, so that the compiler
// prints that error and none that follows from it.
#pragma once
#include "../tensor/place.hpp"
#include "sym.hpp"

namespace sinter::inline SINTER_ABI::graph {

/// Stands for a result that cannot be; it has the shape of the operand of highest rank, S. Calls of operations with it
/// return it, programs are not made of it.
template <class S> struct Refused {
  using is_handle = void;
  using symbol = Refused;
  using element = typename S::element;
  using place = Anywhere;
  static constexpr Shape shape = S::shape;
  static constexpr Dtype dtype = S::dtype;

  constexpr Refused symbolic(Builder*) const { return {}; }
  template <class T> constexpr operator T() const;
  constexpr Refused operator()(const auto&...) const { return {}; }
  constexpr Refused operator[](std::int64_t) const { return {}; }
};
template <class> inline constexpr bool is_refused_v = false;
template <class S> inline constexpr bool is_refused_v<Refused<S>> = true;
template <class S> inline constexpr bool is_refused_v<const Refused<S>> = true;

/// The symbol of highest rank, the first of several.
template <class S, class... Rest> struct Widest { using type = S; };
template <class A, class B, class... Rest> struct Widest<A, B, Rest...>
    : Widest<std::conditional_t<(A::shape.rank < B::shape.rank), B, A>, Rest...> {};
/// What an operation on these symbols returns after its error.
template <class... S> using RefusedFor = Refused<typename Widest<S...>::type>;

/// The operand that is refused already.
template <class X, class... Rest> constexpr auto refused_operand(const X& x, const Rest&... rest) {
  if constexpr (is_refused_v<X>) return x;
  else return refused_operand(rest...);
}

}  // namespace sinter::graph
