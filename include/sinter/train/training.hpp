// A training step as one compiled program: forward, backward and optimizer over one block of parameters.
#pragma once
#include "../transform/gradient.hpp"
#include "inference.hpp"

namespace sinter {
namespace train {

template <class X, class Loss, class Optimizer, class Input, class Target> struct TrainingTrace {
  constexpr graph::Builder operator()() const {
    using graph::Value;
    graph::Builder g;
    auto net = graph::NetOf<X>::make();
    const BoundParameters p = bind(g, net, graph::count_parameters<X>());
    using Flat = Sym<float, int(graph::count_parameters<X>())>;
    std::array<Flat, std::size_t(Optimizer::moments)> moments;
    for (Flat& m : moments) m = graph::new_input<Flat>(g);
    Optimizer optimizer{};
    graph::for_each_leaf(optimizer, [&](Scalar& s) { s.bind(Value{&g, g.input(Dtype::float32, Shape{})}); });
    const auto step = graph::new_input<Sym<double>>(g);
    const auto x = graph::new_input<typename Input::symbol>(g);
    const auto y = graph::new_input<typename Target::symbol>(g);

    const auto output = net(x);
    const auto loss = Loss{}(output, y);
    const graph::List<int> gradients = transform::gradient(g, loss.id, p.nodes);
    graph::List<int> flat;
    for (int i = 0; i < gradients.size(); ++i) {
      Shape s;
      s.push(p.size[i]);
      flat.push(graph::reshape_to(Value{&g, gradients[i]}, s).id);
    }
    const Flat gradient(graph::concatenate(&g, flat.data(), flat.size(), 0));
    const auto updated = std::apply([&](auto... m) { return optimizer(Flat(p.block), gradient, step, m...); }, moments);

    g.outputs.push(loss.id);
    g.outputs.push(output.id);
    g.overwrites.push(-1);
    g.overwrites.push(-1);
    int k = 0;  // the block is input 0, the moments come behind it and the net's scalars
    graph::for_each_result(updated, [&](const Value& v) {
      g.outputs.push(v.id);
      g.overwrites.push(k == 0 ? 0 : graph::count_scalars<X>() + k);
      ++k;
    });
    return g;
  }
};

template <class X, class Loss, class Optimizer, class Policy, class Input, class Target> class TrainingStep {
  using Net = graph::net_of<X>;
  using Output = typename eager::TensorFor<std::invoke_result_t<Net, typename Input::symbol>>::type;
  static constexpr int moments = Optimizer::moments;
  static_assert(!graph::is_view_v<Input> && !graph::is_view_v<Target>, "a program's inputs are tensors; fill one from the view: Tensor<float, 2, 3> x = view;");

 public:
  using Program = compile::Program<TrainingTrace<X, Loss, Optimizer, Input, Target>, typename Policy::Backend>;
  /// Known before the program exists: bytes beside parameters and batch, floating-point operations of a full batch, elements.
  static constexpr std::size_t workspace_bytes = Program::workspace_bytes;
  static constexpr double flops = Program::flops;
  static constexpr std::int64_t parameters = Model<X>::parameters;

  struct Result {
    float loss;            ///< before the update
    const Output& output;  ///< the net's output for the batch; valid until the next call
  };

  /// The optimizer's numbers may change between steps.
  Optimizer optimizer;

  TrainingStep(const Model<X>& model, Optimizer o, Policy policy)
      : optimizer(o), block_(model.block()), net_(*model), moments_(std::size_t(parameters * moments)), workspace_(Program::workspace_bytes), policy_(policy) {
    moments_.zero();
  }

  template <Held... Given> requires(!std::is_same_v<Tensors<typename Given::symbol...>, Tensors<typename Input::symbol, typename Target::symbol>>) Result operator()(const Given&...) {
    return program_is_called_with_other_tensors_than_it_was_made_for<Tensors<typename Input::symbol, typename Target::symbol>, Tensors<typename Given::symbol...>>{};
  }
  /// One step on one batch, in place. Allocates nothing. Throws `Error` when run-time lengths disagree; the parameters are
  /// then untouched.
  Result operator()(const Input& x, const Target& y) {
    if (eager::overlap(eager::describe(x), eager::describe(output_)) || eager::overlap(eager::describe(y), eager::describe(output_))) return (*this)(Input(Input(x)), Target(Target(y)));
    const double step = double(steps_ + 1);
    std::array<eager::Argument, std::size_t(1 + graph::count_scalars<X>() + moments + graph::count_scalars<Optimizer>() + 3)> a;
    std::size_t at = leading_arguments<X>(block_->data(), net_, a);
    std::array<eager::Argument, std::size_t(2 + 1 + moments)> r;
    r[0] = eager::describe_number(loss_);
    r[1] = eager::describe(output_);
    r[2] = a[0];
    for (int i = 0; i < moments; ++i) {
      a[at] = a[0];
      a[at].data = reinterpret_cast<std::byte*>(moments_.data() + i * parameters);
      r[std::size_t(3 + i)] = a[at++];
    }
    graph::for_each_leaf(optimizer, [&](const Scalar& s) { a[at++] = eager::argument(s); });
    a[at++] = eager::describe_number(step);
    a[at++] = eager::describe(x);
    a[at++] = eager::describe(y);
    const auto lengths = eager::run_in<Program>(workspace_.data(), a, r, policy_.count);
    eager::set_lengths<Program>(output_, lengths);
    ++steps_;
    return {loss_, output_};
  }

  /// Steps taken so far.
  std::int64_t steps() const { return steps_; }

 private:
  std::shared_ptr<typename Model<X>::Block> block_;
  Net net_;
  AlignedBlock<float> moments_;
  AlignedBlock<std::byte> workspace_;
  Output output_;
  float loss_ = 0;
  std::int64_t steps_ = 0;
  Policy policy_;
};

}  // namespace train

/// A training step for batches of these types; `policy` says what runs it, cpu::Threads or another backend's:
///   auto step = training<Tensor<float, 128, 784>, Tensor<int, 128>>(net, nn::cross_entropy, optim::Adam{});
///   float loss = step(x, y).loss;
template <class Input, class Target, class X, class Loss, class Optimizer, class Policy = cpu::Threads>
auto training(const Model<X>& model, Loss, Optimizer optimizer, Policy policy = {}) {
  return train::TrainingStep<X, Loss, Optimizer, Policy, Input, Target>(model, optimizer, policy);
}
/// The same with the batch types of a loader; the last, smaller batch is included.
///   auto step = training(net, batches, nn::cross_entropy, optim::Adam{.lr = 1e-3f});
template <class X, class Loader, class Loss, class Optimizer, class Policy = cpu::Threads> requires requires { typename Loader::Input; typename Loader::Target; }
auto training(const Model<X>& model, const Loader&, Loss, Optimizer optimizer, Policy policy = {}) {
  return train::TrainingStep<X, Loss, Optimizer, Policy, typename Loader::Input, typename Loader::Target>(model, optimizer, policy);
}

}  // namespace sinter
