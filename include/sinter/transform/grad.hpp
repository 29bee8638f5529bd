// grad and value_and_grad: functions in, functions out.
#pragma once
#include "arguments.hpp"

namespace sinter::inline SINTER_ABI {

/// Names the arguments to differentiate with respect to: `wrt<0>`, `wrt<0, 2>`.
template <int... Arguments> struct Wrt {};
/// The arguments to differentiate with respect to, as an argument of `grad`: `wrt<0>`, `wrt<0, 2>`. JAX: argnums.
template <int... Arguments> inline constexpr Wrt<Arguments...> wrt{};
/// Says that a function returns its value and something else, which is passed on: `grad(f, wrt<0>, has_aux)`.
struct HasAux {};
/// An argument of `grad`: f returns a pair of its value and something else. PyTorch: has_aux=True.
inline constexpr HasAux has_aux{};

// Undefined on purpose: the names are the errors.
template <class Result> struct gradient_needs_a_function_with_a_scalar_result;
template <class Argument> struct gradient_needs_arguments_of_floating_point;
template <class Result> struct gradient_needs_a_result_of_floating_point;
template <class Result> struct has_aux_needs_a_function_that_returns_a_pair_of_its_value_and_another;

namespace internals::transform {

/// The function (arguments…) → (value, gradient for each of Wrt), or (value, aux, gradient…).
template <class F, bool Aux, int... Index> struct ValueAndGrad {
  [[no_unique_address]] F f;

  template <class... X> requires Arguments<X...> constexpr auto operator()(X&&... x) const {
    if constexpr (is_traced<X...>) return traced(argument_of<X...>(graph_of_any(x...), x)...);
    else return run_function(*this, std::forward<X>(x)...);
  }

 private:
  template <class... S> constexpr auto traced(const S&... x) const {
    using All = std::tuple<S...>;
    if constexpr (!(all_floating<std::tuple_element_t<std::size_t(Index), All>>() && ...))
      return gradient_needs_arguments_of_floating_point<All>{};
    else return of(separate<F>(x...));
  }
  template <class... S> constexpr auto of(const std::tuple<S...>& arguments) const {
    const auto result = graph::spread(f, arguments, std::index_sequence_for<S...>{});
    using R = std::remove_const_t<decltype(result)>;
    if constexpr (graph::is_refused_v<R>) {
      return result;
    } else if constexpr (!Aux) {
      return pulled(arguments, result);
    } else if constexpr (!requires { std::tuple_size<R>::value; }) {
      return has_aux_needs_a_function_that_returns_a_pair_of_its_value_and_another<R>{};
    } else {
      const auto& [value, aux] = result;
      return pulled(arguments, value, aux);
    }
  }
  template <class... S, class Y, class... More>
  constexpr auto pulled(const std::tuple<S...>& arguments, const Y& y, const More&... aux) const {
    if constexpr (!is_sym_v<Y>) {
      return gradient_needs_a_function_with_a_scalar_result<Y>{};
    } else if constexpr (Y::shape.size() != 1) {
      return gradient_needs_a_function_with_a_scalar_result<Y>{};
    } else if constexpr (!is_floating(Y::dtype)) {
      return gradient_needs_a_result_of_floating_point<Y>{};
    } else {
      List<int> with_respect_to;
      (list_nodes(std::get<Index>(arguments), with_respect_to), ...);
      const List<int> g = gradient(*y.graph, y.id, with_respect_to);
      int k = 0;
      return std::tuple<Y, More..., std::tuple_element_t<std::size_t(Index), std::tuple<S...>>...>{
          y, aux..., with_nodes(std::get<Index>(arguments), y.graph, g, k)...};
    }
  }
};

/// The function (arguments…) → gradient, or a tuple of them; with aux (gradients…, aux).
template <class F, bool Aux, int... Index> struct Grad {
  [[no_unique_address]] F f;

  template <class... X> requires Arguments<X...> constexpr auto operator()(X&&... x) const {
    if constexpr (!is_traced<X...>) return run_function(*this, std::forward<X>(x)...);
    else return without_value(ValueAndGrad<F, Aux, Index...>{f}(std::forward<X>(x)...));
  }

 private:
  template <class R> static constexpr auto without_value(const R& r) {
    if constexpr (graph::is_refused_v<R>) {
      return r;
    } else {
      return std::apply([](const auto&, const auto&... rest) {
        if constexpr (sizeof...(rest) == 1) return (rest, ...);
        else if constexpr (!Aux) return std::tuple{rest...};
        else return with_aux_last(rest...);
      }, r);
    }
  }
  static constexpr auto with_aux_last(const auto& aux, const auto&... gradients) {
    return std::tuple{gradients..., aux};
  }
};

}  // namespace internals::transform

/// The gradient of a scalar function as a function: `grad(f)(x, a)`, by default with respect to the first argument.
/// Works on tensors and inside traced functions, also nested; in traced functions f may capture traced values,
/// parameters and layers, which are constant to it. An argument may be a tree of tensors, or a module: its gradient is
/// a module with the gradients in place of the parameters, so that a net can be differentiated by its own input in its
/// own forward pass, `grad([](auto x, const auto& net) { return sum(net.u(x)); })(x, *this)`. Outside of traced
/// functions a `Model` stands for its net, and the gradient is a Model. With `has_aux` f returns a pair of its value
/// and something else, and so does the gradient. PyTorch: torch.func.grad.
template <class F, int... Index> constexpr auto grad(F f, Wrt<Index...>) {
  return internals::transform::Grad<F, false, Index...>{f};
}
template <class F> constexpr auto grad(F f) { return internals::transform::Grad<F, false, 0>{f}; }
template <class F, int... Index> constexpr auto grad(F f, Wrt<Index...>, HasAux) {
  return internals::transform::Grad<F, true, Index...>{f};
}
template <class F> constexpr auto grad(F f, HasAux) { return internals::transform::Grad<F, true, 0>{f}; }

/// Value and gradients at once: `auto [value, dx] = value_and_grad(f, wrt<0>)(x, 2.f);`, or with `has_aux` `auto
/// [value, aux, dx]`. PyTorch: torch.func.grad_and_value.
template <class F, int... Index> constexpr auto value_and_grad(F f, Wrt<Index...>) {
  return internals::transform::ValueAndGrad<F, false, Index...>{f};
}
template <class F> constexpr auto value_and_grad(F f) { return internals::transform::ValueAndGrad<F, false, 0>{f}; }
template <class F, int... Index> constexpr auto value_and_grad(F f, Wrt<Index...>, HasAux) {
  return internals::transform::ValueAndGrad<F, true, Index...>{f};
}
template <class F> constexpr auto value_and_grad(F f, HasAux) {
  return internals::transform::ValueAndGrad<F, true, 0>{f};
}

}  // namespace sinter
