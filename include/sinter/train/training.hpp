// A training step as one compiled program: forward, backward and optimizer over one block of parameters.
#pragma once
#include "../optim/average.hpp"
#include "inference.hpp"
#include "runs.hpp"
#include "trained.hpp"

namespace sinter::inline SINTER_ABI {

// Undefined on purpose: the names are the errors.
template <class Loss> struct numbers_of_a_loss_belong_to_its_type_pass_a_captureless_lambda_that_holds_them;
template <class Optimizer> struct a_training_step_needs_an_optimizer_as_optim_Adam;
template <class Loss> struct loss_needs_to_be_one_number_of_floating_point;
template <class F, class Net, class... Inputs> struct the_trained_function_cannot_be_called_with_the_net_and_its_inputs;
template <class Optimizer> struct an_optimizer_moves_at_least_one_parameter;
template <class Gradients, class Net> struct gradients_of_a_training_step_are_those_of_its_net;

namespace internals::train {

template <class X, class F, class... Inputs> using ResultOf =
    decltype(F{}(std::declval<graph::net_of<X>&>(), std::declval<const graph::symbols_of<Inputs>&>()...));

/// The gradient of some parameters as one vector.
constexpr graph::Value flat_gradient(graph::Builder& g, const BoundParameters& p, const graph::List<int>& gradients,
                                     int run, Dtype dtype) {
  graph::List<int> flat;
  for (int i = 0; i < gradients.size(); ++i) {
    if (p.run[i] != run) continue;
    Shape s;
    s.push(p.size[i]);
    flat.push(graph::cast_to(graph::reshape_to(graph::Value{&g, gradients[i]}, s), dtype).id);
  }
  return graph::concatenate(&g, flat.data(), flat.size(), 0);
}

template <class X, class F, class Optimizer, bool Accurate, class... Inputs> struct TrainingTrace {
  constexpr graph::Builder operator()() const {
    using graph::Value;
    graph::Builder g;
    g.accurate = Accurate;
    auto net = graph::NetOf<X>::make();
    const BoundParameters p = train::bind(g, net, runs);
    bind_first_states(g, net);
    std::array<std::array<int, moved.run.size()>, std::size_t(Optimizer::moments)> moments{};
    for (auto& of_runs : moments)
      for (std::size_t r = 0; r < moved.run.size(); ++r) {
        Shape flat;
        flat.push(int(runs[moved.run[r]].elements));
        of_runs[r] = g.input(moved.dtype, flat);
      }
    Optimizer optimizer{};
    for (const graph::Leaf& leaf : graph::leaves_of(optimizer)) leaf.bind(Value{&g, g.input(Dtype::float32, Shape{})});
    const auto step = graph::new_input<Sym<double>>(g);
    g.training = true;
    g.step = graph::new_input<Sym<std::int64_t>>(g).id;
    g.seed = graph::new_input<Sym<std::int64_t>>(g).id;
    const std::tuple<graph::symbols_of<Inputs>...> inputs{graph::new_input<graph::symbols_of<Inputs>>(g)...};

    const auto returned = call(net, inputs, std::index_sequence_for<Inputs...>{});
    graph::for_each_result(g, with_loss(returned), [&](const Value& v) {
      g.outputs.push(v.id);
      g.overwrites.push(-1);
    });
    graph::List<int> gradients;
    if constexpr (has_gradients<std::remove_const_t<decltype(returned)>>) {
      auto given = returned.gradients;
      int i = 0;
      for (const graph::Leaf& leaf : graph::leaves_of(given)) {
        const graph::LeafType& type = *leaf.type;
        if (type.kind != graph::LeafKind::parameter) continue;
        if (p.is_moved[i++] != 0) gradients.push(leaf.node->id);
      }
    } else {
      gradients = transform::gradient(g, g.outputs[0], p.nodes);
    }
    [&]<std::size_t... R>(std::index_sequence<R...>) {
      const auto parts = std::make_tuple(part<R>(g, p, gradients, moments)...);
      const auto updated = optim::update(optimizer, step, parts);
      (overwrite(g, std::get<R>(updated), int(moved.run[R]), moments, R), ...);
    }(std::make_index_sequence<moved.run.size()>{});
    for (const graph::Builder::Update& u : g.updates) {
      int buffer = 0;
      while (buffer < g.inputs.size() && g.inputs[buffer] != u.buffer) ++buffer;
      if (buffer == g.inputs.size()) continue;  // a state, which starts from its initial value
      g.outputs.push(u.value);
      g.overwrites.push(buffer);
    }
    return g;
  }

 private:
  static constexpr const auto& runs = runs_of<X, Optimizer>;
  static constexpr const auto& moved = moved_runs<X, Optimizer>;
  template <std::size_t R> using Flat = Sym<element_type<moved.dtype>, int(runs[moved.run[R]].elements)>;

  template <class Net, class Given, std::size_t... K>
  static constexpr auto call(Net& net, const Given& inputs, std::index_sequence<K...>) {
    return F{}(net, std::get<K>(inputs)...);
  }
  template <std::size_t R>
  static constexpr auto part(graph::Builder& g, const BoundParameters& p, const graph::List<int>& gradients,
                             const auto& moments) {
    constexpr std::size_t run = moved.run[R];
    const Flat<R> value(graph::cast_to(graph::Value{&g, p.runs[int(run)]}, moved.dtype));
    const Flat<R> gradient(flat_gradient(g, p, gradients, int(run), moved.dtype));
    return [&]<std::size_t... K>(std::index_sequence<K...>) {
      const auto state = std::make_tuple(Flat<R>(graph::Value{&g, moments[K][R]})...);
      return optim::part<runs[run].group>(value, gradient, state);
    }(std::make_index_sequence<std::size_t(Optimizer::moments)>{});
  }
  /// Writes the new value of a run, rounded to its dtype, and its new moments over the old ones.
  static constexpr void overwrite(graph::Builder& g, const auto& updated, int run, const auto& moments, std::size_t r) {
    int k = -1;
    graph::for_each_result(g, updated, [&](const graph::Value& v) {
      const int input = k < 0 ? g.inputs[run] : moments[std::size_t(k)][r];
      int at = 0;
      while (g.inputs[at] != input) ++at;
      g.outputs.push(k < 0 ? graph::cast_to(v, runs[std::size_t(run)].dtype).id : v.id);
      g.overwrites.push(at);
      ++k;
    });
  }
};

template <class X, class F, class Optimizer, backend::Policy Policy, class... Inputs> class TrainingStep {
  static constexpr int moments = Optimizer::moments;
  static constexpr const auto& runs = runs_of<X, Optimizer>;
  static constexpr const auto& moved = moved_runs<X, Optimizer>;
  static constexpr int scalars = graph::count_leaves<Optimizer>(graph::LeafKind::scalar);
  using Moved = element_type<moved.dtype>;
  using MadeFor = graph::Tensors<graph::symbols_of<Inputs>...>;
  static_assert((... && !graph::is_view_v<Inputs>),
                "a program's inputs are tensors; fill one from the view: Tensor<float, 2, 3> x = view;");

 public:
  using Module = X;
  using Program =
      compile::Program<TrainingTrace<X, F, Optimizer, is_accurate<typename Policy::Backend>, Inputs...>,
                       typename Policy::Backend>;
  using Preparation = compile::Program<typename Program::Source, typename Policy::Backend, compile::Half::prepare>;
  /// Known at compile time: bytes in addition to parameters and batch, floating-point operations of a full batch,
  /// elements.
  static constexpr std::size_t workspace_bytes = Program::workspace_bytes;
  static constexpr double flops = Program::flops;
  static constexpr std::int64_t parameters = Model<X>::parameters;

  /// What the function returns: its numbers as such, of which the loss is the first, and its tensors.
  using Result = graph::map_of<decltype(with_loss(std::declval<ResultOf<X, F, Inputs...>>())), ToResult>;

  using Net = graph::net_of<X>;
  using Takes = void(Inputs...);
  /// The loss of a result: its first number.
  static auto loss_of(const Result& r) { return std::get<0>(graph::flat(r)); }

  /// The optimizer's numbers may change between steps.
  Optimizer optimizer;
  /// The seed of the net's random numbers (dropout): they follow from it and the step's number.
  Seed seed{};

  TrainingStep(const Model<X>& model, Optimizer o, Policy policy)
      : optimizer(o),
        block_(model.block()),
        moments_(std::size_t(moved.elements * moments)),
        workspace_(Program::workspace_bytes),
        policy_(policy) {
    if constexpr (requires { o.check(); }) o.check();
    moments_.zero();
    if constexpr (optim::average_of<Optimizer> >= 0)
      for_each_average([](auto& average, const auto& parameter) { average = Moved(parameter); });
  }

  TrainingStep(TrainingStep&&) noexcept = default;
  TrainingStep& operator=(TrainingStep&&) noexcept = default;
  TrainingStep(const TrainingStep&) { (void)a_program_cannot_be_copied_move_it_or_make_another<TrainingStep>{}; }
  TrainingStep& operator=(const TrainingStep&) {
    return (void)a_program_cannot_be_copied_move_it_or_make_another<TrainingStep>{}, *this;
  }

  template <Held... Given> requires RefusedCall<MadeFor, Given...> auto operator()(const Given&... x) {
    return report_call(MadeFor{}, x...);
  }
  /// One step on one batch, in place. Allocates nothing in a steady state. Throws `Error` when run-time lengths
  /// disagree; the parameters are then untouched.
  Result operator()(const Inputs&... x) { return observed(compile::unobserved, x...); }
  /// The same, with an observer called around every step (train/profile.hpp).
  template <class Observer> Result observed(Observer& observer, const Inputs&... x) {
    Result result = graph::make_tree<Result>(InPool{pool_});
    const double step = double(steps_ + 1);
    const auto number = std::int64_t(steps_ + 1), seed_bits = std::int64_t(seed.value);
    Array<eager::Argument, inputs> a;
    eager::Argument* to = describe_parameters(a.data());
    follow_schedules(optimizer, steps_);
    graph::for_each_leaf(optimizer, [&](const Scalar& s) { *to++ = eager::argument(s); });
    *to++ = eager::describe_number(step);
    *to++ = eager::describe_number(number);
    *to++ = eager::describe_number(seed_bits);
    ((to = eager::describe_tree(x, to)), ...);
#ifdef SINTER_CHECKS
    if constexpr (Program::expectations > 0) eager::look<typename Program::Source, Program::expectations>(a);
#endif
    Array<eager::Argument, Program::outputs> r;
    eager::describe_tree(result, r.data());
    for (int k = graph::tensors_in<Result>; k < Program::outputs; ++k) r[k] = a[Program::takes_over[k]];
    const auto lengths = eager::run_in<Program>(workspace_.data(), a, r, policy_, observer);
    eager::set_lengths<Program>(result, lengths);
    ++steps_;
    block_->changes.add();
    return result;
  }

  /// Steps taken so far.
  std::int64_t steps() const { return steps_; }
  /// All that the next step depends on, under names: the net's parameters and buffers ("model.fc1.weight"), the
  /// optimizer's numbers ("optimizer.lr") and moments, the number of steps, and the seed. The elements are the step's
  /// own: what they are set to counts. io/checkpoint.hpp saves and restores them. PyTorch: the state dicts of model and
  /// optimizer.
  std::vector<NamedTensor<std::byte>> state_dict() {
    std::vector<NamedTensor<std::byte>> r = internals::train::state_dict<std::byte>(
        graph::placed_leaves<X>, graph::leaf_names<graph::net_of<X>>(), Model<X>::memory_of(*block_));
    block_->changes.add();
    for (NamedTensor<std::byte>& t : r) t.name.insert(0, "model.");
    add_optimizer_state(r, optimizer, moments_.data(), moments, moved.elements, steps_);
    r.push_back({"seed", dtype_of<std::uint64_t>, {}, true, reinterpret_cast<std::byte*>(&seed.value)});
    return r;
  }
  /// A model with the average of the parameters that `optim::ema` or `optim::swa` keeps, and what else the net has as
  /// it is now.
  Model<X> averaged() const requires(optim::average_of<Optimizer> >= 0) {
    Model<X> r = Model<X>::copy_of(*block_);
    for_each_average([](const auto& average, auto& parameter) {
      parameter = ops::converted<std::remove_reference_t<decltype(parameter)>>(average);
    }, r.block().get());
    return r;
  }
  const Policy& policy() const { return policy_; }

 private:
  static constexpr int inputs = leading<X> - int(graph::parameter_blocks<X>.count) + int(runs.size()) +
                                moments * int(moved.run.size()) + scalars + 3 + (0 + ... + graph::tensors_in<Inputs>);

  /// Describes the net and the moments; returns their end.
  eager::Argument* describe_parameters(eager::Argument* to) const {
    static constexpr auto flat = shapes_of(runs);
    to = leading_arguments<X>(*block_, runs, flat, to);
    for (int k = 0; k < moments; ++k)
      for (std::size_t r = 0; r < moved.run.size(); ++r)
        describe_elements(*to++, reinterpret_cast<std::byte*>(moments_.data() + k * moved.elements + moved.begin[r]),
                          moved.dtype, flat[moved.run[r]]);
    return to;
  }

  /// Calls visit(average, parameter) for each element that the optimizer averages, and a block's parameter.
  template <class Visit>
  void for_each_average(const Visit& visit, typename Model<X>::Block* block = nullptr) const {
    Moved* const average = moments_.data() + optim::average_of<Optimizer> * moved.elements;
    for (std::size_t k = 0; k < moved.run.size(); ++k) {
      const ParameterRun& run = runs[moved.run[k]];
      with_element_type(run.dtype, [&]<class T>(T) {
        T* const p = reinterpret_cast<T*>((block != nullptr ? block : block_.get())->data(run.block)) + run.begin;
        for (std::int64_t i = 0; i < run.elements; ++i) visit(average[moved.begin[k] + i], p[i]);
      });
    }
  }

  std::shared_ptr<typename Model<X>::Block> block_;
  tensor_detail::AlignedBlock<Moved> moments_;  ///< by moment, by run
  typename Policy::Backend::Memory workspace_;
  tensor_detail::Pool pool_;
  std::int64_t steps_ = 0;
  Policy policy_;
};

template <class O>
concept OptimizerLike = requires { O::moments; };

/// What is wrong with training a net by a function: an error, or void. A step is traced with the function's type alone.
template <class X, class F, class Optimizer, class... Inputs> consteval auto fault_of_training() {
  using Net = graph::net_of<X>;
  using Fault = typename graph::FaultOf<Net>::type;
  if constexpr (!std::is_void_v<Fault>) {
    return graph::fields::Fault<Fault>{};
  } else if constexpr (!std::is_empty_v<F>) {
    return graph::fields::Fault<numbers_of_a_loss_belong_to_its_type_pass_a_captureless_lambda_that_holds_them<F>>{};
  } else if constexpr (!OptimizerLike<Optimizer>) {
    return graph::fields::Fault<a_training_step_needs_an_optimizer_as_optim_Adam<Optimizer>>{};
  } else {
    constexpr auto choice = fault_of_choices<X, Optimizer>();
    if constexpr (choice.exists) return choice;
    else if constexpr (graph::parameter_blocks<X>.trained() > 0 && moved_runs<X, Optimizer>.run.size() == 0)
      return graph::fields::Fault<an_optimizer_moves_at_least_one_parameter<Optimizer>>{};
    else return choice;
  }
}
/// What is wrong with the result of such a function: an error, or void.
template <class X, class Result> consteval auto fault_of_result() {
  using graph::fields::Fault;
  if constexpr (has_gradients<Result>) {
    using Gradients = decltype(Result::gradients);
    if constexpr (std::is_same_v<Gradients, graph::net_of<X>>) return Fault<void>{};
    else return Fault<gradients_of_a_training_step_are_those_of_its_net<Gradients, graph::net_of<X>>>{};
  } else if constexpr (!graph::TracedResult<Result>) {
    return Fault<loss_needs_to_be_one_number_of_floating_point<Result>>{};
  } else {
    using Loss = std::tuple_element_t<0, graph::Flat<graph::symbols_of<Result>>>;
    if constexpr (graph::is_refused_v<Loss>) return Fault<Loss>{};
    else if constexpr (Loss::shape.size() == 1 && is_floating(Loss::dtype)) return Fault<void>{};
    else return Fault<loss_needs_to_be_one_number_of_floating_point<Loss>>{};
  }
}

template <class... Inputs, class X, class F, class Optimizer, class Policy>
auto training_of(const Model<X>& model, Optimizer optimizer, F, Policy policy) {
  constexpr auto fault = fault_of_training<X, F, Optimizer, Inputs...>();
  if constexpr (fault.exists) {
    return graph::fields::report(fault);
  } else {
    using Result = ResultOf<X, F, Inputs...>;
    if constexpr (graph::is_refused_v<Result> || !is_complete<Result>) {
      return graph::Refused<Sym<float>>{};
    } else {
      constexpr auto of_result = fault_of_result<X, Result>();
      if constexpr (of_result.exists) return graph::fields::report(of_result);
      else return TrainingStep<X, F, Optimizer, Policy, Inputs...>(model, optimizer, policy);
    }
  }
}

/// A loader of inputs and targets.
template <class L>
concept PairLoader = requires {
  typename L::Input;
  typename L::Target;
};
/// A loader of records.
template <class L> concept RecordLoader = !PairLoader<L> && requires { typename L::Sample; };

}  // namespace internals::train

/// A training step for batches of these types; `policy` says what runs it, as of `inference`:
///   auto step = training<Tensor<float, 128, 784>, Tensor<int, 128>>(net, nn::cross_entropy, optim::Adam{});
///   float loss = step(x, y).loss;
template <class Input, class Target, class X, class Loss, class Optimizer, class Policy = internals::backend::Host>
requires(!internals::train::OptimizerLike<Loss>)
auto training(const Model<X>& model, [[maybe_unused]] Loss loss, Optimizer optimizer, Policy policy = {}) {
  if constexpr (!std::is_empty_v<Loss>)
    return numbers_of_a_loss_belong_to_its_type_pass_a_captureless_lambda_that_holds_them<Loss>{};
  else
    return internals::train::training_of<Input, Target>(model, optimizer, internals::train::OfOutput<Loss>{}, policy);
}
/// The same with the batch types of a loader; the last, smaller batch is included.
///   auto step = training(net, batches, nn::cross_entropy, optim::Adam{.lr = 1e-3f});
/// (Its first parameter keeps types that were meant for the other overload
/// away: clang would look at a Model of one of them.)
template <int = 0, class X, internals::train::PairLoader Loader, class Loss, class Optimizer,
          class Policy = internals::backend::Host>
requires(!internals::train::OptimizerLike<Loss>)
auto training(const Model<X>& model, const Loader&, Loss loss, Optimizer optimizer, Policy policy = {}) {
  return training<typename Loader::Input, typename Loader::Target>(model, loss, optimizer, policy);
}

/// A training step of any function of the net and a batch: it returns the loss, or a tuple or struct whose first member
/// is the loss, all of which the step hands out.
///
///   auto step = training<Image, Image>(net, optim::Adam{}, [](auto& net, const auto& x, const auto& y) {
///     const auto [mean, log_var, image] = net(x);
///     const auto kl = …;
///     return std::tuple{nn::mse_loss(image, y) + kl, kl};
///   });
///   const auto [loss, kl] = step(x, y);
///
/// The inputs are tensors, numbers, and tuples and structs of them (graph/tree.hpp). The function captures nothing.
template <class... Inputs, class X, internals::train::OptimizerLike Optimizer, class F,
          class Policy = internals::backend::Host>
requires(sizeof...(Inputs) > 0)
auto training(const Model<X>& model, Optimizer optimizer, F function, Policy policy = {}) {
  return internals::train::training_of<Inputs...>(model, optimizer, function, policy);
}
/// The same with the batch types of a loader: `training(net, batches, optim::Adam{}, [](auto& net, const auto& x, const
/// auto& y) { … })`.
template <int = 0, class X, internals::train::PairLoader Loader, internals::train::OptimizerLike Optimizer, class F,
          class Policy = internals::backend::Host>
auto training(const Model<X>& model, const Loader&, Optimizer optimizer, F function, Policy policy = {}) {
  return training<typename Loader::Input, typename Loader::Target>(model, optimizer, function, policy);
}
/// The same with batches of records: `[](auto& net, const auto& batch) { … batch.image … }`, then `step(batch)`.
template <int = 0, class X, internals::train::RecordLoader Loader, internals::train::OptimizerLike Optimizer, class F,
          class Policy = internals::backend::Host>
auto training(const Model<X>& model, const Loader&, Optimizer optimizer, F function, Policy policy = {}) {
  return training<typename Loader::Sample>(model, optimizer, function, policy);
}

/// The same for tensors of these types: `training(net, std::tie(x, y), optim::Adam{}, …)`.
template <int = 0, class X, class... T, internals::train::OptimizerLike Optimizer, class F,
          class Policy = internals::backend::Host>
requires(graph::Tree<T> && ...)
auto training(const Model<X>& model, const std::tuple<T...>&, Optimizer optimizer, F function, Policy policy = {}) {
  return training<std::remove_cvref_t<T>...>(model, optimizer, function, policy);
}

}  // namespace sinter
