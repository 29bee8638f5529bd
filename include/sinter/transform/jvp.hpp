// jvp: a function's value and its directional derivative, in one pass forward.
#pragma once
#include "../graph/trace.hpp"
#include "forward.hpp"

namespace sinter {
namespace internals::transform {

/// The function (arguments…, tangents…) → (value, tangent of the value).
template <class F> struct Jvp {
  template <class... X> requires Operands<X...> constexpr auto operator()(X&&... x) const {
    static_assert(sizeof...(X) % 2 == 0, "jvp(f) takes f's arguments and then as many tangents");
    if constexpr ((Symbolic<X> || ...)) return traced(std::make_index_sequence<sizeof...(X) / 2>{}, graph::as_symbol<X...>(graph::builder_of(x...), x)...);
    else return run_function(*this, std::forward<X>(x)...);
  }

 private:
  template <std::size_t... Index, class... S> static constexpr auto traced(std::index_sequence<Index...>, S... x) {
    const std::tuple<S...> all{x...};
    const auto arguments = ops::independent(std::get<Index>(all)...);
    static_assert((std::is_same_v<std::tuple_element_t<Index, std::tuple<S...>>, std::tuple_element_t<Index + sizeof...(Index), std::tuple<S...>>> && ...), "a tangent has dtype and shape of its argument");
    const auto y = graph::function_object<F>()(std::get<Index>(arguments)...);
    List<int> inputs, tangents;
    (inputs.push(std::get<Index>(arguments).id), ...);
    (tangents.push(std::get<Index + sizeof...(Index)>(all).id), ...);
    using Y = std::remove_const_t<decltype(y)>;
    return std::tuple{y, Y(Value{y.graph, push_forward(*y.graph, y.id, inputs, tangents)})};
  }
};

}  // namespace internals::transform

/// `auto [y, dy] = jvp(f)(x, t);`: f(x) and the derivative of f at x in the direction t, of any result. For several arguments
/// `jvp(f)(a, b, ta, tb)`. With `grad` inside it is a Hessian times a vector. PyTorch: torch.func.jvp.
template <class F> constexpr auto jvp(F) { return internals::transform::Jvp<F>{}; }

}  // namespace sinter
