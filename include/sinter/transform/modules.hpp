// What is done with all parameters of a module while a function is traced: sums of squares, steps of an optimizer by
// hand, copies that no gradient flows through.
#pragma once
#include "arguments.hpp"

namespace sinter::inline SINTER_ABI {

// Undefined on purpose: the name is the error.
template <class Module, class Result> struct tree_map_needs_a_function_that_keeps_dtype_and_shape_of_a_parameter;

/// A loss with gradients that its function computed itself: what a training step moves a net by, in place of the
/// derivatives of the loss. See `with_gradients`.
template <class Result, class Gradients> struct WithGradients {
  Result result;
  Gradients gradients;
};

namespace internals::transform {

/// References to the parameters of floating point of a module, in a std::tuple.
template <class M> constexpr auto moved_parameters(M& m) {
  using T = std::remove_const_t<M>;
  if constexpr (graph::is_param_v<T>) {
    if constexpr (is_floating(T::dtype)) return std::tuple<M&>(m);
    else return std::tuple<>{};
  } else if constexpr (graph::is_leaf_v<T> || graph::is_fixed_v<T>) {
    return std::tuple<>{};
  } else {
    const auto all = [](auto&... part) { return std::tuple_cat(moved_parameters(part)...); };
    if constexpr (graph::is_array_v<T>) return std::apply(all, m);
    else if constexpr (graph::is_tuple_v<T> && requires { m.spread(all); }) return m.spread(all);
    else if constexpr (graph::is_tuple_v<T>) return std::apply(all, m);
    else if constexpr (requires { T::sinter_field_names; }) {
      if constexpr (requires { m.sinter_fields().spread(all); }) return m.sinter_fields().spread(all);
      else return std::apply(all, m.sinter_fields());
    } else return graph::fields::with_members<graph::fields::Members<T>::count>(m, all);
  }
}
template <auto Extent, class T, auto... E> Sym<T, Extent, E...> sample_symbol(const Param<T, E...>&);

}  // namespace internals::transform

/// The parameters of a module as symbols, in declaration order, in a std::tuple; those of a `PerSample` have the batch
/// as first axis. JAX: jax.tree_util.tree_leaves.
template <internals::transform::Module M> constexpr auto tree_leaves(const M& module) {
  graph::Builder* const g = internals::transform::graph_of(module);
  return std::apply([g](const auto&... p) { return std::make_tuple(p.symbolic(g)...); },
                    internals::transform::moved_parameters(module));
}
template <class M, auto Extent> constexpr auto tree_leaves(const PerSample<M, Extent>& all) {
  M module = all.module;
  graph::Builder* const g = internals::transform::graph_of(module);
  return std::apply([g]<class... P>(const P&... p) {
    return std::make_tuple(
        decltype(internals::transform::sample_symbol<Extent>(p))(graph::Value(p.symbolic(g)))...);
  }, internals::transform::moved_parameters(module));
}

/// A module whose parameters are f(parameter of the first, parameter of the second, …): `tree_map([](auto p, auto g) {
/// return p - .1f * g; }, net, grad(loss)(net, x))`. Of a `PerSample` f makes a parameter from those of all samples:
/// `tree_map([](auto g) { return mean<0>(g); }, gradients)`. JAX: jax.tree.map.
template <class F, class First, class... Others>
constexpr auto tree_map(const F& f, const First& first, const Others&... others) {
  using namespace internals::transform;
  auto module = [&] {
    if constexpr (is_per_sample<First>) return first.module;
    else return first;
  }();
  const auto to = moved_parameters(module);
  const auto lists = std::make_tuple(tree_leaves(first), tree_leaves(others)...);
  [&]<std::size_t... Each>(std::index_sequence<Each...>) {
    const auto one = [&]<std::size_t At>(std::integral_constant<std::size_t, At>) {
      const auto made = std::apply([&](const auto&... list) { return f(std::get<At>(list)...); }, lists);
      auto& parameter = std::get<At>(to);
      using Wanted = typename std::remove_cvref_t<decltype(parameter)>::symbol;
      if constexpr (std::is_same_v<std::remove_const_t<decltype(made)>, Wanted>) parameter.bind(made);
      else
        (void)tree_map_needs_a_function_that_keeps_dtype_and_shape_of_a_parameter<
            Wanted, std::remove_const_t<decltype(made)>>{};
    };
    (one(std::integral_constant<std::size_t, Each>{}), ...);
  }(std::make_index_sequence<std::tuple_size_v<std::remove_const_t<decltype(to)>>>{});
  return module;
}

/// √ Σ p² over all parameters of a module, or of each sample's. Optax: optax.global_norm.
template <internals::transform::Module M> constexpr auto global_norm(const M& module) {
  return std::apply([](const auto&... p) { return sqrt((sum(square(p)) + ...)); }, tree_leaves(module));
}
template <class M, auto Extent> constexpr auto global_norm(const PerSample<M, Extent>& all) {
  return std::apply([](const auto&... p) {
    return sqrt((sum<1>(reshape<Extent, -1>(square(p))) + ...));
  }, tree_leaves(all));
}

/// A module with the same values, constant to differentiation. PyTorch: p.detach() of every parameter.
template <internals::transform::Module M> constexpr M stop_gradient(const M& module) {
  return tree_map([](const auto& p) { return stop_gradient(p); }, module);
}

/// What a function for `training` returns that computes the gradients itself: the loss, or a tuple that begins with it,
/// and a module of gradients, in place of the derivatives of the loss:
///
///   const auto each = vmap([](const auto& net, auto x, auto y) {      // of one sample, clipped
///     const auto g = grad(loss)(net, x, y);
///     const auto factor = minimum(1.f, 1.f / global_norm(g));
///     return tree_map([&](auto p) { return p * factor; }, g);
///   }, mapped<1, 2>)(net, x, y);
///   return with_gradients(l, tree_map([](auto g) { return mean<0>(g); }, each));
///
/// PyTorch: p.grad = g before optimizer.step().
template <class Result, internals::transform::Module Gradients>
constexpr WithGradients<Result, Gradients> with_gradients(const Result& result, const Gradients& gradients) {
  return {result, gradients};
}

}  // namespace sinter
