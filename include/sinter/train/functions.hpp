// Functions of models as programs: gradients, directional derivatives and results that are models.
#pragma once
#include "../transform/arguments.hpp"
#include "inference.hpp"

namespace sinter::inline SINTER_ABI {

template <class Argument> struct a_function_of_models_takes_tensors_write_eval_of_the_expression;

namespace internals::train {

template <class X> struct ModelOf;
template <class X> struct ModelOf<Model<X>> { using factory = X; };
template <class X>
concept IsModel = requires { typename ModelOf<X>::factory; };

/// What a function of models is traced with: modules and symbols.
template <class A> struct Traced { using type = graph::symbols_of<A>; };
template <class X> struct Traced<Model<X>> { using type = graph::net_of<X>; };

template <class A> constexpr typename Traced<A>::type new_argument(graph::Builder& g) {
  if constexpr (IsModel<A>) {
    using X = typename ModelOf<A>::factory;
    auto net = graph::NetOf<X>::make();
    train::bind(g, net, whole_blocks<X>);
    bind_first_states(g, net);
    return net;
  } else {
    return graph::new_input<graph::symbols_of<A>>(g);
  }
}

/// The model for a module in a function's result: of the same factory as one among the arguments.
template <class M, class... A> struct ModelFor { using type = Model<M>; };
template <class M, class First, class... A> struct ModelFor<M, First, A...> : ModelFor<M, A...> {};
template <class M, class X, class... A> requires std::is_same_v<M, graph::net_of<X>>
struct ModelFor<M, Model<X>, A...> {
  using type = Model<X>;
};

/// The parameters of a module by sample: tensors with one more axis, in declaration order.
template <auto Extent, class T, auto... E> Tensor<T, Extent, E...> sample_tensor(const Param<T, E...>&);
template <auto Extent, class M> constexpr auto sample_tensors() {
  if constexpr (graph::is_param_v<M>) {
    if constexpr (is_floating(M::dtype))
      return std::type_identity<std::tuple<decltype(sample_tensor<Extent>(std::declval<M>()))>>{};
    else return std::type_identity<std::tuple<>>{};
  } else if constexpr (graph::is_leaf_v<M> || graph::is_fixed_v<M>) {
    return std::type_identity<std::tuple<>>{};
  } else {
    return []<class... Part>(std::type_identity<std::tuple<Part...>>) {
      return std::type_identity<decltype(std::tuple_cat(
          std::declval<typename decltype(sample_tensors<Extent, std::remove_cvref_t<Part>>())::type>()...))>{};
    }([] {
      if constexpr (graph::is_array_v<M>) return graph::PartsOf<M>{};
      else if constexpr (graph::is_tuple_v<M>) return decltype(graph::fields::types_of(std::declval<const M&>())){};
      else return graph::fields::member_types<M>();
    }());
  }
}

/// What a result of the trace is for the caller.
template <class R, class... A> struct ResultFor { using type = graph::tensors_of<R>; };
template <class R, class... A> requires transform::Module<R> struct ResultFor<R, A...> : ModelFor<R, A...> {};
template <class M, auto Extent, class... A> struct ResultFor<PerSample<M, Extent>, A...> {
  using type = typename decltype(sample_tensors<Extent, M>())::type;
};
template <class... R, class... A> requires(!graph::Tree<std::tuple<R...>>) struct ResultFor<std::tuple<R...>, A...> {
  using type = std::tuple<typename ResultFor<R, A...>::type...>;
};

/// Adds the outputs for a result: a module's parameters by block, in the order of the model's.
template <class R> constexpr void add_outputs(graph::Builder& g, const R& r) {
  const auto add = [&g](const graph::Value& v) { g.outputs.push(v.id); };
  if constexpr (transform::Module<R>) {
    constexpr graph::ParameterBlocks blocks = graph::parameter_blocks<R>;
    R module = r;
    for (std::size_t b = 0; b < blocks.count; ++b) {
      if (!is_floating(blocks[b].dtype) || blocks[b].elements == 0) continue;
      graph::List<int> flat;
      transform::for_each_moved(module, [&](const graph::Leaf& leaf) {
        if (leaf.type->dtype != blocks[b].dtype) return;
        Shape s;
        s.push(int(leaf.type->shape.size()));
        flat.push(graph::cast_to(graph::reshape_to(*leaf.node, s), blocks[b].dtype).id);
      });
      add(graph::concatenate(&g, flat.data(), flat.size(), 0));
    }
  } else if constexpr (graph::Tree<R>) {
    graph::for_each_result(g, r, add);
  } else if constexpr (transform::is_per_sample<R>) {
    auto module = r.module;
    transform::for_each_moved(module, [&](const graph::Leaf& leaf) { add(*leaf.node); });
  } else {
    std::apply([&](const auto&... part) { (add_outputs(g, part), ...); }, r);
  }
}

template <class F, class... A> struct ModelFunctionTrace {
  constexpr graph::Builder operator()() const {
    graph::Builder g;
    const std::tuple<typename Traced<A>::type...> arguments{new_argument<A>(g)...};
    add_outputs(g, graph::spread(graph::function_object<F>(), arguments, std::index_sequence_for<A...>{}));
    return g;
  }
};

template <class R> R new_result() {
  if constexpr (IsModel<R>) return R::zeros();
  else if constexpr (graph::Tree<R>)
    return graph::make_tree<R>([]<class T>(std::type_identity<T>) { return T(uninitialized); });
  else
    return []<class... Part>(std::type_identity<std::tuple<Part...>>) {
      return R{new_result<Part>()...};
    }(std::type_identity<R>{});
}
template <class X, class F> void for_each_block(const Model<X>& model, bool floating, const F& f) {
  static constexpr auto flat = shapes_of(whole_blocks<X>);
  constexpr graph::ParameterBlocks blocks = graph::parameter_blocks<X>;
  for (std::size_t b = 0; b < blocks.count; ++b)
    if (!floating || (is_floating(blocks[b].dtype) && blocks[b].elements > 0))
      f(model.block()->data(b), blocks[b].dtype, flat[b]);
}
template <class R, class F> void describe_result(R& r, const F& add) {
  if constexpr (IsModel<R>)
    for_each_block(r, true, [&](std::byte* data, Dtype d, const Shape& s) {
      eager::Argument a;
      describe_elements(a, data, d, s);
      add(a);
    });
  else if constexpr (graph::Tree<R>)
    graph::for_each_tensor(r, [&](const auto& leaf) { add(eager::describe_leaf(leaf)); });
  else std::apply([&](auto&... part) { (describe_result(part, add), ...); }, r);
}
template <class P, class R> void set_result_lengths(R& r, const eager::Lengths<P>& lengths) {
  if constexpr (graph::Tree<R>) eager::set_lengths<P>(r, lengths);
  else if constexpr (!IsModel<R>) std::apply([&](auto&... part) { (set_result_lengths<P>(part, lengths), ...); }, r);
}
template <class A> consteval int inputs_of() {
  if constexpr (IsModel<A>) return leading<typename ModelOf<A>::factory>;
  else return graph::tensors_in<A>;
}
template <class A> eager::Argument* describe_argument(const A& a, eager::Argument* to) {
  if constexpr (IsModel<A>) return leading_arguments<typename ModelOf<A>::factory>(*a.block(), to);
  else return eager::describe_tree(a, to);
}

template <class Result, class F, class... A> auto run_model_function(std::type_identity<Result>, const A&... a) {
  if constexpr (graph::is_refused_v<Result>) {
    return Result{};
  } else {
    using P = compile::Program<ModelFunctionTrace<F, A...>, backend::Host::Backend>;
    Array<eager::Argument, (0 + ... + inputs_of<A>())> inputs;
    eager::Argument* to = inputs.data();
    ((to = describe_argument(a, to)), ...);
    auto result = new_result<typename ResultFor<Result, A...>::type>();
    Array<eager::Argument, P::outputs> outputs;
    to = outputs.data();
    describe_result(result, [&](const eager::Argument& r) { *to++ = r; });
    const auto lengths = eager::run<P>(inputs, outputs);
    set_result_lengths<P>(result, lengths);
    return result;
  }
}
/// An argument as it is described: an expression's value.
template <class A> decltype(auto) evaluated(const A& a) {
  if constexpr (Expression<A>) return eval(a);
  else return (a);
}

}  // namespace internals::train

/// Calls a captureless function on models and tensors as one program: what it gets for a model is its net. A result
/// that is a net, such as a gradient, is a new Model.
template <class F, class... A> requires(internals::train::IsModel<A> || ...)
auto run_function(F, const A&... a) {
  if constexpr (!std::is_empty_v<F> || !std::is_default_constructible_v<F>)
    return a_traced_function_must_not_capture_pass_values_as_arguments<F>{};
  else
    return [](const auto&... held) {
      return internals::train::run_model_function<
          std::invoke_result_t<F, typename internals::train::Traced<std::remove_cvref_t<decltype(held)>>::type...>, F>(
          {}, held...);
    }(internals::train::evaluated(a)...);
}

}  // namespace sinter
