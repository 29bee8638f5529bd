// jvp and vjp: a function's value, and its derivative in a direction or the product with a cotangent.
#pragma once
#include "forward.hpp"
#include "grad.hpp"

namespace sinter::inline SINTER_ABI {

// Undefined on purpose: the names are the errors.
template <class Argument> struct tangents_need_arguments_of_floating_point;
template <class Argument, class Tangent> struct a_tangent_has_dtype_and_shape_of_its_argument;
template <class Result, class Cotangent> struct a_cotangent_has_dtype_and_shape_of_its_result;
template <class Result> struct vjp_needs_results_of_floating_point;

namespace internals::transform {

/// The function (arguments…, tangents of those of Wrt…) → (value, tangent of the value); of all, if Wrt names none.
template <class F, int... Index> struct Jvp {
  [[no_unique_address]] F f;

  template <class... X> requires Arguments<X...> constexpr auto operator()(X&&... x) const {
    if constexpr (sizeof...(Index) == 0)
      static_assert(sizeof...(X) % 2 == 0, "jvp(f) takes f's arguments and then as many tangents");
    else
      static_assert(sizeof...(X) > sizeof...(Index), "jvp(f, wrt<…>) takes f's arguments and then a tangent for each");
    if constexpr (!is_traced<X...>) {
      return run_function(*this, std::forward<X>(x)...);
    } else if constexpr (sizeof...(Index) == 0) {
      return all(std::make_integer_sequence<int, int(sizeof...(X) / 2)>{},
                 std::make_tuple(argument_of<X...>(graph_of_any(x...), x)...));
    } else {
      return traced(std::make_index_sequence<sizeof...(X) - sizeof...(Index)>{}, std::integer_sequence<int, Index...>{},
                    std::make_tuple(argument_of<X...>(graph_of_any(x...), x)...));
    }
  }

 private:
  template <int... Each, class All>
  constexpr auto all(std::integer_sequence<int, Each...> wrt_all, const All& x) const {
    return traced(std::make_index_sequence<sizeof...(Each)>{}, wrt_all, x);
  }
  template <std::size_t... A, int... W, class All>
  constexpr auto traced(std::index_sequence<A...>, std::integer_sequence<int, W...>, const All& x) const {
    return of<std::size_t(W)...>(std::make_tuple(std::get<A>(x)...), x, std::make_index_sequence<sizeof...(W)>{});
  }
  template <std::size_t... W, class Given, class All, std::size_t... T>
  constexpr auto of(const Given& given, const All& all, std::index_sequence<T...>) const {
    constexpr std::size_t n = std::tuple_size_v<Given>;
    if constexpr (!(all_floating<std::tuple_element_t<W, Given>>() && ...)) {
      return tangents_need_arguments_of_floating_point<Given>{};
    } else if constexpr (!(std::is_same_v<std::tuple_element_t<W, All>, std::tuple_element_t<n + T, All>> && ...)) {
      return a_tangent_has_dtype_and_shape_of_its_argument<std::tuple<std::tuple_element_t<W, All>...>,
                                                           std::tuple<std::tuple_element_t<n + T, All>...>>{};
    } else {
      const auto arguments = std::apply([](const auto&... x) { return separate<F>(x...); }, given);
      const auto y = std::apply(f, arguments);
      using Y = std::remove_const_t<decltype(y)>;
      if constexpr (graph::is_refused_v<Y>) {
        return y;
      } else {
        List<int> inputs, tangents, outputs;
        (list_nodes(std::get<W>(arguments), inputs), ...);
        (list_nodes(std::get<n + T>(all), tangents), ...);
        list_nodes(y, outputs);
        Builder* const g = std::apply([](const auto&... x) { return graph_of_any(x...); }, arguments);
        const List<int> pushed = push_forward(*g, outputs, inputs, tangents);
        int k = 0;
        return std::tuple<Y, Y>{y, with_nodes(y, g, pushed, k)};
      }
    }
  }
};

/// The function (arguments…, cotangent of the value) → (value, cotangent of each of Wrt).
template <class F, int... Index> struct Vjp {
  [[no_unique_address]] F f;

  template <class... X> requires Arguments<X...> constexpr auto operator()(X&&... x) const {
    static_assert(sizeof...(X) > 1, "vjp(f) takes f's arguments and then a cotangent of its result");
    if constexpr (!is_traced<X...>) return run_function(*this, std::forward<X>(x)...);
    else
      return traced(std::make_index_sequence<sizeof...(X) - 1>{},
                    std::make_tuple(argument_of<X...>(graph_of_any(x...), x)...));
  }

 private:
  template <std::size_t... A, class All> constexpr auto traced(std::index_sequence<A...>, const All& x) const {
    using Cotangent = std::tuple_element_t<sizeof...(A), All>;
    if constexpr (!(all_floating<std::tuple_element_t<std::size_t(Index), All>>() && ...)) {
      return gradient_needs_arguments_of_floating_point<All>{};
    } else {
      const auto arguments = separate<F>(std::get<A>(x)...);
      const auto y = std::apply(f, arguments);
      using Y = std::remove_const_t<decltype(y)>;
      if constexpr (graph::is_refused_v<Y>) {
        return y;
      } else if constexpr (!std::is_same_v<Y, Cotangent>) {
        return a_cotangent_has_dtype_and_shape_of_its_result<Y, Cotangent>{};
      } else if constexpr (!all_floating<Y>()) {
        return vjp_needs_results_of_floating_point<Y>{};
      } else {
        List<int> with_respect_to, outputs, cotangents;
        (list_nodes(std::get<Index>(arguments), with_respect_to), ...);
        list_nodes(y, outputs);
        list_nodes(std::get<sizeof...(A)>(x), cotangents);
        Builder* const g = graph_of_any(std::get<A>(arguments)...);
        ReverseMode pass(*g, with_respect_to);
        const List<int> pulled = pass.run(outputs, cotangents);
        int k = 0;
        return std::tuple<Y, std::tuple_element_t<std::size_t(Index), All>...>{
            y, with_nodes(std::get<Index>(arguments), g, pulled, k)...};
      }
    }
  }
};

}  // namespace internals::transform

/// `auto [y, dy] = jvp(f)(x, t);`: f(x) and the derivative of f at x in the direction t, of any result. For several
/// arguments `jvp(f)(a, b, ta, tb)`, or for some of them `jvp(f, wrt<1>)(a, b, tb)`. With `grad` inside it is a Hessian
/// times a vector: `jvp(grad(loss), wrt<0>)(net, x, v)` with a Model v of the net. PyTorch: torch.func.jvp.
template <class F> constexpr auto jvp(F f) { return internals::transform::Jvp<F>{f}; }
template <class F, int... Index> constexpr auto jvp(F f, Wrt<Index...>) {
  return internals::transform::Jvp<F, Index...>{f};
}

/// `auto [y, dx] = vjp(f)(x, c);`: f(x) and the cotangent of x for the cotangent c of y, by default of the first
/// argument: `vjp(f, wrt<0, 1>)(a, b, c)`. PyTorch: torch.func.vjp, whose second result is a function of c.
template <class F, int... Index> constexpr auto vjp(F f, Wrt<Index...>) {
  return internals::transform::Vjp<F, Index...>{f};
}
template <class F> constexpr auto vjp(F f) { return internals::transform::Vjp<F, 0>{f}; }

}  // namespace sinter
