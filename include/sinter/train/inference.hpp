// A net as a compiled function of its inputs.
#pragma once
#include "forward.hpp"

namespace sinter::inline SINTER_ABI {

// Undefined on purpose: the names are the errors.
template <class Net, class... Inputs> struct the_nets_operator_takes_its_inputs_by_auto_or_const_reference;
template <class Net> struct the_net_has_no_call_operator_name_its_forward_pass_so;
template <class X> struct inference_needs_the_types_of_its_inputs_write_inference_of_Tensor;
template <class Net, class Result> struct the_nets_operator_must_return_a_tensor_made_of_its_inputs;

namespace internals::train {

/// Whether a class has a member operator(), of any kind: with another one inherited its name is ambiguous.
struct Callable {
  void operator()();
};
template <class Net> struct WithCallable : Net, Callable {};
template <class Net>
concept HasCallOperator = std::is_final_v<Net> || !requires { &WithCallable<Net>::operator(); };

/// What is wrong with a net and inputs to trace it with: an error, or void. If the net cannot be called with them the
/// compiler reports why. (clang prints every layer of a concept: it says shorter itself what takes no reference.)
template <class X, class... Inputs> consteval auto fault_of_trace() {
  using Net = graph::net_of<X>;
  using Fault = typename graph::FaultOf<Net>::type;
  if constexpr (!std::is_void_v<Fault>) return graph::fields::Fault<Fault>{};
  else if constexpr (!HasCallOperator<Net>)
    return graph::fields::Fault<the_net_has_no_call_operator_name_its_forward_pass_so<Net>>{};
#if !defined(__clang__)
  else if constexpr (!graph::CallableWith<Net, graph::symbols_of<Inputs>...> &&
                     graph::CallableWith<Net, graph::symbols_of<Inputs>&...>)
    return graph::fields::Fault<
        the_nets_operator_takes_its_inputs_by_auto_or_const_reference<Net, graph::symbols_of<Inputs>...>>{};
#endif
  else return graph::fields::Fault<void>{};
}

/// The program of a net whose call results in a Result; none where that is not one.
template <class X, class... Inputs, class Result, class Policy>
auto make_inference(std::type_identity<Result>, const Model<X>& model, Policy policy, const auto&... states) {
  if constexpr (graph::is_refused_v<Result>) return Result{};
  else if constexpr (!graph::TracedResult<Result>)
    return the_nets_operator_must_return_a_tensor_made_of_its_inputs<graph::net_of<X>, Result>{};
  else return Inference<X, Policy, Inputs...>(model, policy, states...);
}

}  // namespace internals::train

/// The net as a program for inputs of these types: `auto infer = inference<Tensor<float, 1, 784>>(net);`. It shares the
/// model's parameters: later changes of them are seen. PyTorch: model.eval() under torch.inference_mode().
/// `policy` says what runs it: `Cpu{.threads = 4}`, or another backend's, or `accurate` of one.
template <class... Inputs, class X, class Policy = internals::backend::Host>
requires(sizeof...(Inputs) > 0) auto inference(const Model<X>& model, Policy policy = {}) {
  constexpr auto fault = internals::train::fault_of_trace<X, Inputs...>();
  if constexpr (fault.exists) return graph::fields::report(fault);
  else
    return internals::train::make_inference<X, Inputs...>(
        std::type_identity<decltype(std::declval<const graph::net_of<X>&>()(graph::symbols_of<Inputs>{}...))>{}, model,
        policy);
}
/// A program for other inputs that goes on with the states of one that there is: a prompt of twelve tokens at once, and
/// then one token after another.
///
///   auto prefill = inference<Tensor<int, 12>>(net);
///   auto decode = inference<Tensor<int, 1>>(net, prefill);
///
/// Both are used by one thread.
template <class... Inputs, class X, class Policy, class... Others>
requires(sizeof...(Inputs) > 0)
auto inference(const Model<X>& model, const internals::train::Inference<X, Policy, Others...>& program) {
  constexpr auto fault = internals::train::fault_of_trace<X, Inputs...>();
  if constexpr (fault.exists) return graph::fields::report(fault);
  else
    return internals::train::make_inference<X, Inputs...>(
        std::type_identity<decltype(std::declval<const graph::net_of<X>&>()(graph::symbols_of<Inputs>{}...))>{}, model,
        program.policy(), program.states_of_program());
}
template <int = 0, class X> auto inference(const Model<X>&) {
  return inference_needs_the_types_of_its_inputs_write_inference_of_Tensor<X>{};
}
/// The same for the batches of a loader: `auto infer = inference(net, held_out);`.
/// (Its first parameter keeps calls that name their inputs away: no type is an int.)
template <int = 0, class X, class Loader, class Policy = internals::backend::Host>
requires requires {
  typename Loader::Input;
  typename Loader::Target;
}
auto inference(const Model<X>& model, const Loader&, Policy policy = {}) {
  return inference<typename Loader::Input>(model, policy);
}

}  // namespace sinter
