// A training step as one compiled program: forward, backward and optimizer over one block of parameters.
#pragma once
#include "../transform/gradient.hpp"
#include "inference.hpp"

namespace sinter::inline SINTER_ABI {

// Undefined on purpose: the names are the errors.
template <class Loss> struct numbers_of_a_loss_belong_to_its_type_pass_a_captureless_lambda_that_holds_them;
template <class Optimizer> struct a_training_step_needs_an_optimizer_as_optim_Adam;
template <class Loss> struct loss_needs_to_be_one_number_of_floating_point;

namespace internals::train {

template <class X, class Loss, class Optimizer, class Input, class Target, bool Accurate = false> struct TrainingTrace {
  constexpr graph::Builder operator()() const {
    using graph::Value;
    graph::Builder g;
    g.accurate = Accurate;
    auto net = graph::NetOf<X>::make();
    constexpr graph::ParameterBlocks blocks = graph::parameter_blocks<X>;
    const BoundParameters p = bind(g, net, blocks);
    bind_first_states(g, net);
    const int first_moment = g.inputs.size();
    using Flat = Sym<element_type<blocks.trained_as()>, int(blocks.trained())>;
    std::array<Flat, Optimizer::moments> moments;
    for (Flat& m : moments) m = graph::new_input<Flat>(g);
    Optimizer optimizer{};
    for (const graph::Leaf& leaf : graph::leaves_of(optimizer)) leaf.bind(Value{&g, g.input(Dtype::float32, Shape{})});
    const auto step = graph::new_input<Sym<double>>(g);
    g.training = true;
    g.step = graph::new_input<Sym<std::int64_t>>(g).id;
    g.seed = graph::new_input<Sym<std::int64_t>>(g).id;
    const auto x = graph::new_input<typename Input::symbol>(g);
    const auto y = graph::new_input<typename Target::symbol>(g);

    const auto output = net(x);
    const auto loss = Loss{}(output, y);
    const graph::List<int> gradients = transform::gradient(g, loss.id, p.nodes);
    graph::List<int> flat, values;
    for (int i = 0; i < gradients.size(); ++i) {
      Shape s;
      s.push(p.size[i]);
      flat.push(graph::cast_to(graph::reshape_to(Value{&g, gradients[i]}, s), Flat::dtype).id);
    }
    const Flat gradient(graph::concatenate(&g, flat.data(), flat.size(), 0));
    for (std::size_t i = 0; i < blocks.count; ++i)
      if (is_trained(blocks, i)) values.push(graph::cast_to(Value{&g, p.blocks[int(i)]}, Flat::dtype).id);
    const Flat all(graph::concatenate(&g, values.data(), values.size(), 0));
    const auto updated = std::apply([&](auto... m) { return optimizer(all, gradient, step, m...); }, moments);

    g.outputs.push(loss.id);
    g.outputs.push(output.id);
    g.overwrites.push(-1);
    g.overwrites.push(-1);
    int next = -1;
    graph::for_each_result(updated, [&](const Value& v) {
      if (next >= 0) {
        g.outputs.push(v.id);
        g.overwrites.push(next++);
        return;
      }
      int begin = 0;  // the parameters, rounded to the dtypes of their blocks, which are the first inputs
      for (std::size_t i = 0; i < blocks.count; ++i) {
        if (!is_trained(blocks, i)) continue;
        const Value part = graph::slice(v, 0, begin, int(blocks[i].elements));
        g.outputs.push(graph::cast_to(part, blocks[i].dtype).id);
        g.overwrites.push(int(i));
        begin += int(blocks[i].elements);
      }
      next = first_moment;
    });
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
  /// Whether an optimizer moves the i-th block. That of float32 stands for none where there are no others.
  static constexpr bool is_trained(const graph::ParameterBlocks& blocks, std::size_t i) {
    return i == 0 ? blocks[0].elements > 0 || blocks.trained() == 0 : is_floating(blocks[i].dtype);
  }
};

template <class X, class Loss, class Optimizer, backend::Policy Policy, class Input, class Target> class TrainingStep {
  using Net = graph::net_of<X>;
  using Output = graph::tensor_of<std::invoke_result_t<Net, typename Input::symbol>>;
  static constexpr int moments = Optimizer::moments;
  static constexpr graph::ParameterBlocks blocks = graph::parameter_blocks<X>;
  using Trained = element_type<blocks.trained_as()>;
  static_assert(!graph::is_view_v<Input> && !graph::is_view_v<Target>,
                "a program's inputs are tensors; fill one from the view: Tensor<float, 2, 3> x = view;");

 public:
  using Module = X;
  using Program =
      compile::Program<TrainingTrace<X, Loss, Optimizer, Input, Target, is_accurate<typename Policy::Backend>>,
                       typename Policy::Backend>;
  using Preparation = compile::Program<typename Program::Source, typename Policy::Backend, compile::Half::prepare>;
  /// Known at compile time: bytes in addition to parameters and batch, floating-point operations of a full batch,
  /// elements.
  static constexpr std::size_t workspace_bytes = Program::workspace_bytes;
  static constexpr double flops = Program::flops;
  static constexpr std::int64_t parameters = Model<X>::parameters;

  struct Result {
    float loss;     ///< before the update
    Output output;  ///< the net's output for the batch
  };

  /// The optimizer's numbers may change between steps.
  Optimizer optimizer;
  /// The seed of the net's random numbers (dropout): they follow from it and the step's number.
  Seed seed{};

  TrainingStep(const Model<X>& model, Optimizer o, Policy policy)
      : optimizer(o),
        block_(model.block()),
        moments_(blocks.trained() * moments),
        workspace_(Program::workspace_bytes),
        policy_(policy) {
    if constexpr (requires { o.check(); }) o.check();
    moments_.zero();
  }

  TrainingStep(TrainingStep&&) noexcept = default;
  TrainingStep& operator=(TrainingStep&&) noexcept = default;
  TrainingStep(const TrainingStep&) { (void)a_program_cannot_be_copied_move_it_or_make_another<TrainingStep>{}; }
  TrainingStep& operator=(const TrainingStep&) {
    return (void)a_program_cannot_be_copied_move_it_or_make_another<TrainingStep>{}, *this;
  }

  template <Held... Given>
  requires RefusedCall<graph::Tensors<typename Input::symbol, typename Target::symbol>, Given...>
  auto operator()(const Given&... x) {
    return report_call(graph::Tensors<typename Input::symbol, typename Target::symbol>{}, x...);
  }
  /// One step on one batch, in place. Allocates nothing in a steady state. Throws `Error` when run-time lengths
  /// disagree; the parameters are then untouched.
  Result operator()(const Input& x, const Target& y) { return observed(compile::unobserved, x, y); }
  /// The same, with an observer called around every step (train/profile.hpp).
  template <class Observer> Result observed(Observer& observer, const Input& x, const Target& y) {
    Result result{0, Output(uninitialized, results_)};
    const double step = double(steps_ + 1);
    const auto number = std::int64_t(steps_ + 1), seed_bits = std::int64_t(seed.value);
    Array<eager::Argument, leading<X> + moments + graph::count_leaves<Optimizer>(graph::LeafKind::scalar) + 5> a;
    int at = leading_arguments<X>(*block_, a);
    static constexpr Shape flat = [] {
      Shape s;
      s.push(int(blocks.trained()));
      return s;
    }();
    for (int i = 0; i < moments; ++i)
      describe_elements(a[at++], reinterpret_cast<std::byte*>(moments_.data() + i * blocks.trained()),
                        dtype_of<Trained>, flat);
    graph::for_each_leaf(optimizer, [&](const Scalar& s) { a[at++] = eager::argument(s); });
    a[at++] = eager::describe_number(step);
    a[at++] = eager::describe_number(number);
    a[at++] = eager::describe_number(seed_bits);
    a[at++] = eager::describe(x);
    a[at++] = eager::describe(y);
#ifdef SINTER_CHECKS
    if constexpr (Program::expectations > 0) eager::look<typename Program::Source, Program::expectations>(a);
#endif
    Array<eager::Argument, Program::outputs> r;
    r[0] = eager::describe_number(result.loss);
    r[1] = eager::describe(result.output);
    for (int k = 2; k < Program::outputs; ++k) r[k] = a[Program::takes_over[k]];
    const auto lengths = eager::run_in<Program>(workspace_.data(), a, r, policy_, observer);
    eager::set_lengths<Program>(result.output, lengths);
    ++steps_;
    block_->changes.add();
    return result;
  }

  /// Steps taken so far.
  std::int64_t steps() const { return steps_; }
  const Policy& policy() const { return policy_; }

 private:
  std::shared_ptr<typename Model<X>::Block> block_;
  tensor_detail::AlignedBlock<Trained> moments_;
  typename Policy::Backend::Memory workspace_;
  tensor_detail::Pool results_;
  std::int64_t steps_ = 0;
  Policy policy_;
};

/// The same for a net, a loss and batches. A step is traced with the loss's type alone.
template <class X, class Loss, class Optimizer, class Input, class Target> consteval auto fault_of_training() {
  constexpr auto fault = fault_of_trace<X, Input>();
  if constexpr (fault.exists) {
    return fault;
  } else if constexpr (!std::is_empty_v<Loss>) {
    return graph::fields::Fault<numbers_of_a_loss_belong_to_its_type_pass_a_captureless_lambda_that_holds_them<Loss>>{};
  } else if constexpr (!requires { Optimizer::moments; }) {
    return graph::fields::Fault<a_training_step_needs_an_optimizer_as_optim_Adam<Optimizer>>{};
  } else {
    return fault;
  }
}
/// The step of a net whose loss is a Value; none where that is not one.
template <class Input, class Target, class Loss, class Value, class X, class Optimizer, class Policy>
auto make_step(std::type_identity<Value>, const Model<X>& model, Optimizer optimizer, Policy policy) {
  if constexpr (graph::is_refused_v<Value>) return Value{};
  else if constexpr (!is_sym_v<Value>) return loss_needs_to_be_one_number_of_floating_point<Value>{};
  else if constexpr (Value::shape.size() != 1 || !is_floating(Value::dtype))
    return loss_needs_to_be_one_number_of_floating_point<Value>{};
  else return TrainingStep<X, Loss, Optimizer, Policy, Input, Target>(model, optimizer, policy);
}

}  // namespace internals::train

/// A training step for batches of these types; `policy` says what runs it, as of `inference`:
///   auto step = training<Tensor<float, 128, 784>, Tensor<int, 128>>(net, nn::cross_entropy, optim::Adam{});
///   float loss = step(x, y).loss;
template <class Input, class Target, class X, class Loss, class Optimizer, class Policy = internals::backend::Host>
auto training(const Model<X>& model, Loss, Optimizer optimizer, Policy policy = {}) {
  constexpr auto fault = internals::train::fault_of_training<X, Loss, Optimizer, Input, Target>();
  if constexpr (fault.exists) return graph::fields::report(fault);
  else
    return internals::train::make_step<Input, Target, Loss>(
        std::type_identity<decltype(Loss{}(std::declval<const graph::net_of<X>&>()(typename Input::symbol{}),
                                           typename Target::symbol{}))>{},
        model, optimizer, policy);
}
/// The same with the batch types of a loader; the last, smaller batch is included.
///   auto step = training(net, batches, nn::cross_entropy, optim::Adam{.lr = 1e-3f});
/// (Its first parameter keeps types that were meant for the other overload
/// away: clang would look at a Model of one of them.)
template <int = 0, class X, class Loader, class Loss, class Optimizer, class Policy = internals::backend::Host>
requires requires {
  typename Loader::Input;
  typename Loader::Target;
}
auto training(const Model<X>& model, const Loader&, Loss loss, Optimizer optimizer, Policy policy = {}) {
  return training<typename Loader::Input, typename Loader::Target>(model, loss, optimizer, policy);
}

}  // namespace sinter
