// jit: a function of tensors as one compiled program.
#pragma once
#include "arguments.hpp"

namespace sinter::inline SINTER_ABI {
namespace internals::transform {

template <class F> struct Jit {
  [[no_unique_address]] F f;

  template <class... X> requires Arguments<X...> constexpr auto operator()(X&&... x) const {
    if constexpr (is_traced<X...>) return f(argument_of<X...>(graph_of_any(x...), x)...);
    else return run_function(f, std::forward<X>(x)...);
  }
};

}  // namespace internals::transform

/// A captureless function of tensors as one program: `jit(f)(x, y)` traces f at compile time, so that values used more
/// than once are computed once, fused with the rest and kept in cache; the results are new tensors, a tuple for
/// several. A plain call `f(x, y)` works on expressions and evaluates long ones in parts. `grad(f)`, `jvp(f)`
/// and `vmap(f)` are one program by themselves. PyTorch: torch.compile(f, fullgraph=True); JAX: jax.jit.
template <class F> constexpr auto jit(F f) { return internals::transform::Jit<F>{f}; }

}  // namespace sinter
