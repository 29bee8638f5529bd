// The more accurate, slower forms of functions: for one call, an expression, a function or a whole program.
//
//   tanh(x, accurate)                                             one function
//   y = accurate(tanh(x) * erf(x));                               an expression
//   auto f = accurate([](auto x) { return gelu(x); });            whatever a function calls, traced or on tensors
//   inference<Input>(net, accurate(Cpu{.threads = 2}))            a program; training, likewise
//
// What changes: tanh (2.5 ULP instead of 6.5) and functions composed of it, erf (1.5 instead of 7), and
// `sigmoid(x, tanh_approximation)`, for the gates of recurrent cells (3 ULP instead of an absolute 2e−7). All others
// have one form. PyTorch's functions are of the accurate kind.
#pragma once
#include "../graph/call.hpp"
#include "../graph/trace.hpp"

namespace sinter::inline SINTER_ABI {
namespace ops {

/// F with the accurate forms of the functions that it calls.
template <class F> struct Accurately {
  [[no_unique_address]] F f;

  template <class... X> requires Operands<X...> constexpr auto operator()(X&&... x) const {
    if constexpr ((Symbolic<X> || ...)) return traced(*graph::builder_of(x...), x...);
    else return run_function(*this, std::forward<X>(x)...);
  }

 private:
  constexpr auto traced(graph::Builder& g, const auto&... x) const {
    const bool before = g.accurate;
    g.accurate = true;
    const auto y = f(graph::as_symbol<decltype(x)...>(&g, x)...);
    g.accurate = before;
    return y;
  }
};

/// The expression with its functions in their accurate forms.
template <class X> constexpr const X& accurate_expression(const X& leaf) { return leaf; }
template <class F, class... A> constexpr auto accurate_expression(const Call<F, A...>& call) {
  return call.arguments.spread([](const A&... a) {
    return Call<Accurately<F>, std::remove_cvref_t<decltype(accurate_expression(a))>...>{{{accurate_expression(a)}...}};
  });
}

/// A policy whose programs have the accurate forms of functions.
template <class Policy> struct AccuratePolicy : Policy {
  struct Backend : Policy::Backend {
    static constexpr bool accurate = true;
  };
};

/// What `accurate` is.
struct Accurate {
  template <class F> constexpr auto operator()(const F& f) const {
    if constexpr (requires { typename F::is_expression; }) return accurate_expression(f);
    else if constexpr (requires { typename F::Backend; }) return AccuratePolicy<F>{f};
    else return Accurately<F>{f};
  }
};

}  // namespace ops

/// Asks for accurate forms: an argument of functions, or called with an
/// expression, a captureless function, or the policy of a program.
inline constexpr ops::Accurate accurate{};

}  // namespace sinter
