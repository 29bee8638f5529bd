// grad and value_and_grad: functions in, functions out.
#pragma once
#include "../graph/trace.hpp"
#include "gradient.hpp"

namespace sinter::inline SINTER_ABI {

/// Names the arguments to differentiate with respect to: `wrt<0>`, `wrt<0, 2>`.
template <int... Arguments> struct Wrt {};
template <int... Arguments> inline constexpr Wrt<Arguments...> wrt{};

// Undefined on purpose: the names are the errors.
template <class Result> struct gradient_needs_a_function_with_a_scalar_result;
template <class Argument> struct gradient_needs_arguments_of_floating_point;
template <class Result> struct gradient_needs_a_result_of_floating_point;

namespace internals::transform {

/// The function (arguments…) → (value, gradient for each of Wrt).
template <class F, int... Index> struct ValueAndGrad {
  [[no_unique_address]] F f;

  template <class... X> requires Operands<X...> constexpr auto operator()(X&&... x) const {
    if constexpr ((Symbolic<X> || ...)) return traced(graph::as_symbol<X...>(graph::builder_of(x...), x)...);
    else return run_function(*this, std::forward<X>(x)...);
  }

 private:
  template <class... S> constexpr auto traced(S... x) const {
    using All = std::tuple<S...>;
    if constexpr (!(is_floating(std::tuple_element_t<std::size_t(Index), All>::dtype) && ...))
      return gradient_needs_arguments_of_floating_point<All>{};
    else return of(ops::independent<F>(x...));
  }
  template <class... S> constexpr auto of(const std::tuple<S...>& arguments) const {
    const auto y = graph::spread(f, arguments, std::index_sequence_for<S...>{});
    using Y = std::remove_const_t<decltype(y)>;
    if constexpr (graph::is_refused_v<Y>) {
      return y;
    } else if constexpr (!is_sym_v<Y> || Y::shape.size() != 1) {
      return gradient_needs_a_function_with_a_scalar_result<Y>{};
    } else if constexpr (!is_floating(Y::dtype)) {
      return gradient_needs_a_result_of_floating_point<Y>{};
    } else {
      List<int> with_respect_to;
      (with_respect_to.push(std::get<Index>(arguments).id), ...);
      const List<int> g = gradient(*y.graph, y.id, with_respect_to);
      int k = 0;
      return std::tuple{y, next<std::tuple_element_t<std::size_t(Index), std::tuple<S...>>>(y.graph, g, k)...};
    }
  }
  template <class S> static constexpr S next(Builder* b, const List<int>& g, int& k) { return S(Value{b, g[k++]}); }
};

/// The function (arguments…) → gradient, or a tuple of them.
template <class F, int... Index> struct Grad {
  [[no_unique_address]] F f;

  template <class... X> requires Operands<X...> constexpr auto operator()(X&&... x) const {
    if constexpr ((Symbolic<X> || ...))
      return std::apply([](const auto&, const auto&... g) {
        if constexpr (sizeof...(Index) == 1) return (g, ...);
        else return std::tuple{g...};
      }, ValueAndGrad<F, Index...>{f}(std::forward<X>(x)...));
    else return run_function(*this, std::forward<X>(x)...);
  }
};

}  // namespace internals::transform

/// The gradient of a scalar function as a function: `grad(f)(x, a)`, by default with respect to the first argument.
/// Works on tensors and inside traced functions, also nested; in traced functions f may capture traced values,
/// parameters and layers, which are constant to it. PyTorch: torch.func.grad.
template <class F, int... Index> constexpr auto grad(F f, Wrt<Index...>) {
  return internals::transform::Grad<F, Index...>{f};
}
template <class F> constexpr auto grad(F f) { return internals::transform::Grad<F, 0>{f}; }

/// Value and gradients at once: `auto [value, dx] = value_and_grad(f,
/// wrt<0>)(x, 2.f);`. PyTorch: torch.func.grad_and_value.
template <class F, int... Index> constexpr auto value_and_grad(F f, Wrt<Index...>) {
  return internals::transform::ValueAndGrad<F, Index...>{f};
}
template <class F> constexpr auto value_and_grad(F f) { return internals::transform::ValueAndGrad<F, 0>{f}; }

}  // namespace sinter
