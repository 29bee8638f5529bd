// Calling a model: programs that are kept by thread, model and types of inputs.
#pragma once
#include <list>

#include "inference.hpp"

namespace sinter::inline SINTER_ABI {

template <class Net> struct a_net_with_states_is_run_by_a_program_write_inference;  // undefined: the name is the error

namespace internals::train {

/// A tensor for what is given: views and expressions are copied, numbers stay.
struct ToHeld {
  template <class A> struct Of { using type = graph::tensor_of<symbol_of<A>>; };
  template <class A> requires Element<A> struct Of<A> { using type = A; };
  template <class A> using of = typename Of<A>::type;
};
template <class A> using held_for = graph::map_of<A, ToHeld>;

/// This thread's programs of one net for inputs of some types, one for each model. They do not keep models alive: a
/// program whose model has died is removed at the next call of this kind.
template <class X, class... Inputs> class Programs {
  using Block = typename Model<X>::Block;
  using Program = Inference<X, backend::Host, Inputs...>;
  struct Entry {
    std::weak_ptr<Block> block;
    int threads;
    Program program;
  };

 public:
  static Program& of(const Model<X>& model) {
    static thread_local std::list<Entry> all;
    const Block* const wanted = model.block().get();
    const int threads = eager::threads();
    for (auto e = all.begin(); e != all.end();) {
      if (e->block.expired() || (e->program.runs(wanted) && e->threads != threads)) e = all.erase(e);
      else if (e->program.runs(wanted)) return e->program;
      else ++e;
    }
    all.push_front({model.block(), threads, Program(Model<X>::lent(model), backend::Host{threads})});
    return all.front().program;
  }
};

template <class Result, class X, class... Inputs>
auto call_model(std::type_identity<Result>, const Model<X>& model, const Inputs&... x) {
  if constexpr (graph::is_refused_v<Result>) return Result{};
  else if constexpr (!graph::TracedResult<Result>)
    return the_nets_operator_must_return_a_tensor_made_of_its_inputs<graph::net_of<X>, Result>{};
  else return Programs<X, Inputs...>::of(model)(x...);
}

}  // namespace internals::train

/// What `net(x)` does.
template <class X, class... Given> auto run_model(const Model<X>& model, const Given&... given) {
  using Net = graph::net_of<X>;
  constexpr auto fault = internals::train::fault_of_trace<X, internals::train::held_for<Given>...>();
  if constexpr (fault.exists) return graph::fields::report(fault);
  else if constexpr (graph::count_leaves<X>(graph::LeafKind::state) > 0)
    return a_net_with_states_is_run_by_a_program_write_inference<Net>{};
  else
    return internals::train::call_model<
        decltype(std::declval<const Net&>()(graph::symbols_of<Given>{}...)), X, internals::train::held_for<Given>...>(
        {}, model, given...);
}

}  // namespace sinter
