// Inner values of traced functions by name, and gradients with respect to them.
//
//   const auto h = named<"features">(relu(conv(x)));                    // in a net's forward pass: a name, no work
//
//   const auto run = jit([](const auto& net, const auto& x) {           // where they are wanted
//     const auto scores = net(x);
//     const auto h = named_value<"features", float, 8, 64>(scores);
//     return std::tuple{scores, h, gradient_of(amax(scores), h)};
//   });
#pragma once
#include "arguments.hpp"

namespace sinter::inline SINTER_ABI {

// Undefined on purpose: the names are the errors.
template <class Result> struct gradient_of_needs_one_number_of_floating_point_of_a_traced_function;
template <class... Arguments> struct gradient_of_needs_values_of_floating_point;

namespace internals::transform {

/// A string as a template argument.
template <std::size_t N> struct Text {
  char text[N]{};
  consteval Text(const char (&s)[N]) {
    for (std::size_t i = 0; i < N; ++i) text[i] = s[i];
  }
  constexpr std::string_view view() const { return {text, N - 1}; }
};

// Not constexpr: the compiler names them.
template <Text Name> [[noreturn]] SINTER_COLD void no_value_of_this_name_in_this_traced_function() {
  throw_error(ErrorCode::argument, "named_value",
              "expected a value named " + std::string(Name.view()) + ", found none");
}
template <Text Name, class Expected>
[[noreturn]] SINTER_COLD void the_value_of_this_name_has_another_dtype_or_shape(Dtype found, const Shape& shape) {
  throw_error(ErrorCode::argument, "named_value",
              "expected " + std::string(name_of(Expected::dtype)) + " " + to_string(Expected::shape) + ", found " +
                  std::string(name_of(found)) + " " + to_string(shape));
}

template <class Y, class... X> constexpr auto gradients_of(const Y& y, const X&... x) {
  if constexpr (!(all_floating<X>() && ...)) {
    return gradient_of_needs_values_of_floating_point<X...>{};
  } else {
    List<int> with_respect_to;
    (list_nodes(x, with_respect_to), ...);
    const List<int> g = gradient(*y.graph, y.id, with_respect_to);
    int k = 0;
    const std::tuple<X...> gradients{with_nodes(x, y.graph, g, k)...};
    if constexpr (sizeof...(X) == 1) return std::get<0>(gradients);
    else return gradients;
  }
}

}  // namespace internals::transform

/// Gives a traced value a name under which `named_value` finds it. It is the value itself, in statements too, and costs
/// nothing where nobody asks. PyTorch: what a forward hook of a module would see.
template <internals::transform::Text Name, Operand X> constexpr decltype(auto) named(X&& x) {
  if constexpr (Symbolic<X>) {
    const std::remove_cvref_t<X> own(ops::own_node(x));
    own.graph->named.push({Name.view().data(), int(Name.view().size()), own.id});
    return own;
  } else {
    return std::forward<X>(x);
  }
}

/// The value that was named last so, of the traced function that made `of`: `named_value<"features", float, 8,
/// 64>(scores)`. Loops, `vmap` and `checkpoint` trace functions of their own, whose inner values are not found.
/// torchvision: create_feature_extractor(net, {"features": …}).
template <internals::transform::Text Name, Element T, auto... E, Symbolic Of>
constexpr Sym<T, E...> named_value(const Of& of) {
  const graph::Builder& g = *of.graph;
  for (int i = g.named.size(); i-- > 0;) {
    if (std::string_view(g.named[i].name, std::size_t(g.named[i].length)) != Name.view()) continue;
    const int id = g.named[i].value;
    if (g[id].dtype != dtype_of<T> || !(g.shape(id) == shape_of<E...>))
      internals::transform::the_value_of_this_name_has_another_dtype_or_shape<Name, Sym<T, E...>>(g[id].dtype,
                                                                                                 g.shape(id));
    return Sym<T, E...>(graph::Value{of.graph, id});
  }
  internals::transform::no_value_of_this_name_in_this_traced_function<Name>();
}

/// The gradient of a traced number with respect to values that it was computed from: inputs, parameters,
/// `named_value`s, modules; a tuple for several. Zeros for those that it does not depend on. PyTorch:
/// torch.autograd.grad(y, x, create_graph=True, allow_unused=True).
template <class Y, class... X> constexpr auto gradient_of(const Y& y, const X&... x) {
  using namespace internals::transform;
  if constexpr (!is_sym_v<Y>) {
    return gradient_of_needs_one_number_of_floating_point_of_a_traced_function<Y>{};
  } else if constexpr (Y::shape.size() != 1 || !is_floating(Y::dtype)) {
    return gradient_of_needs_one_number_of_floating_point_of_a_traced_function<Y>{};
  } else {
    return gradients_of(y, argument_of<Y>(y.graph, x)...);
  }
}

}  // namespace sinter
