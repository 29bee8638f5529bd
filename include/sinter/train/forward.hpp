// A net's forward pass as a compiled program, and the memory that it runs in.
#pragma once
#include <algorithm>

#include "../compile/program.hpp"
#include "bind.hpp"
#include "called.hpp"

namespace sinter::inline SINTER_ABI {

template <class Program> struct a_program_cannot_be_copied_move_it_or_make_another;  // undefined: the name is the error

namespace internals::train {

template <class Backend> inline constexpr bool is_accurate = requires { Backend::accurate; };

/// The number of a bound net's inputs before those of the call: the blocks, then every `Buffer` and `Scalar`.
template <class X> inline constexpr int leading =
    int(graph::parameter_blocks<X>.count) + graph::count_leaves<X>(graph::LeafKind::scalar) +
    graph::count_leaves<X>(graph::LeafKind::buffer);

/// The graph of a net's forward pass; its first inputs are the parameters, buffers and scalars.
template <bool Accurate, class X, class... Inputs> struct InferenceTrace {
  static constexpr int parameters = leading<X>;
  constexpr graph::Builder operator()() const {
    graph::Builder g;
    g.accurate = Accurate;
    auto net = graph::NetOf<X>::make();
    train::bind(g, net, whole_blocks<X>);
    bind_states(g, net);
    const std::tuple<graph::symbols_of<Inputs>...> inputs{graph::new_input<graph::symbols_of<Inputs>>(g)...};
    const auto y = graph::spread(std::as_const(net), inputs, std::index_sequence_for<Inputs...>{});
    graph::for_each_result(g, y, [&](const graph::Value& v) {
      g.outputs.push(v.id);
      g.overwrites.push(-1);
    });
    const int first = leading<X>, last = first + graph::count_leaves<X>(graph::LeafKind::state);
    for (const graph::Builder::Update& u : g.updates)
      for (int i = first; i < last; ++i)
        if (g.inputs[i] == u.buffer) {
          g.outputs.push(u.value);
          g.overwrites.push(i);
        }
    return g;
  }
};

/// Describes elements of a dtype, one after another.
inline void describe_elements(eager::Argument& a, std::byte* data, Dtype d, const Shape& flat) {
  a = eager::describe_memory(data, std::size_t(flat.size() * bytes_of(d)), &flat, bytes_of(d));
  a.length[0] = flat[0];
}
/// Describes a net's states, or its buffers and scalars.
SINTER_OUTLINE inline void describe_leaves(graph::PlacedLeaves leaves, bool states, const LeafMemory& memory,
                                           eager::Argument* to) {
  for (const graph::PlacedLeaf& leaf : leaves) {
    const graph::LeafType& type = leaf.type;
    if (type.kind == graph::LeafKind::parameter || (type.kind == graph::LeafKind::state) != states) continue;
    *to = eager::describe_memory(memory.of(leaf), std::size_t(type.bytes()), &type.shape, int(bytes_of(type.dtype)));
    for (int i = 0; i < type.shape.rank; ++i) to->length[i] = type.shape[i];
    ++to;
  }
}
/// Describes the inputs of a bound net: its runs of parameters, then every `Buffer` and `Scalar`; returns their end.
template <class X>
inline eager::Argument* leading_arguments(const typename Model<X>::Block& block, ParameterRuns runs,
                                          std::span<const Shape> flat, eager::Argument* a) {
  std::size_t k = 0;
  for (const ParameterRun& run : runs) {
    describe_elements(*a++, block.data(run.block) + run.begin * bytes_of(run.dtype), run.dtype, flat[k]);
    ++k;
  }
  constexpr int others = leading<X> - int(graph::parameter_blocks<X>.count);
  if constexpr (others > 0) {
    LeafMemory memory;
    memory.buffers = block.buffers.data();
    memory.scalars = block.data() + graph::parameter_blocks<X>[0].elements;
    describe_leaves(graph::placed_leaves<X>, false, memory, a);
  }
  return a + others;
}
/// The shapes of those inputs.
template <std::size_t N> constexpr std::array<Shape, N> shapes_of(const std::array<ParameterRun, N>& runs) {
  std::array<Shape, N> s{};
  for (std::size_t i = 0; i < N; ++i) s[i].push(int(runs[i].elements));
  return s;
}
template <class X>
inline eager::Argument* leading_arguments(const typename Model<X>::Block& block, eager::Argument* a) {
  static constexpr auto flat = shapes_of(whole_blocks<X>);
  return leading_arguments<X>(block, whole_blocks<X>, flat, a);
}

template <class X, backend::Policy Policy, class... Inputs> class Inference {
 public:
  using Net = graph::net_of<X>;
  using Takes = void(Inputs...);

 private:
  using Output = graph::tensors_of<std::invoke_result_t<Net, graph::symbols_of<Inputs>...>>;
  using MadeFor = graph::Tensors<graph::symbols_of<Inputs>...>;
  static constexpr int given = (0 + ... + graph::tensors_in<Inputs>), results = graph::tensors_in<Output>;

  static_assert((... && !graph::is_view_v<Inputs>), "inputs are tensors, as Tensor<float, 2, 3> x = view; makes one");

  using Memory = typename Policy::Backend::Memory;

 public:
  using Module = X;
  using Trace = InferenceTrace<is_accurate<typename Policy::Backend>, X, Inputs...>;
  using Program = compile::Program<Trace, typename Policy::Backend>;
  /// Computes what depends on parameters alone; runs when they may have changed.
  using Preparation = compile::Program<Trace, typename Policy::Backend, compile::Half::prepare>;
  static constexpr std::size_t workspace_bytes = Program::workspace_bytes;
  static constexpr double flops = Program::flops;
  static constexpr std::size_t prepared_bytes = [] {
    std::size_t n = 0;
    for (const std::int64_t b : Preparation::output_bytes) n += std::size_t(b);
    return n;
  }();

  Inference(const Model<X>& model, Policy policy)
      : Inference(model, policy, new_states()) {
    reset();
  }
  /// Shares the states of another program.
  Inference(const Model<X>& model, Policy policy, std::shared_ptr<typename Policy::Backend::Memory> shared)
      : block_(model.block()),
        workspace_(std::max(Program::workspace_bytes, Preparation::workspace_bytes)),
        prepared_(prepared_bytes),
        states_(std::move(shared)),
        policy_(policy) {
    prepare();
    find_addresses();
  }

  /// Recomputes what depends on parameters alone. Calls do so automatically after a training step, `load`, or an access
  /// through `net->`; call it only after writing through a pointer or view obtained earlier.
  void prepare() {
    prepared_for_ = block_->changes.now();
    if constexpr (Preparation::outputs > 0) {
      Array<eager::Argument, leading<X>> a;
      leading_arguments<X>(*block_, a.data());
      Array<eager::Argument, Preparation::outputs> r;
      describe_prepared(r.data());
      eager::run_in<Preparation>(workspace_.data(), a, r, policy_);
    }
  }

  const auto& states_of_program() const { return states_; }
  /// Resets every `State` of the net to its initial value, also for the programs that share them.
  void reset() {
    if constexpr (states > 0)
      initialize(graph::placed_leaves<X>, memory_of_states(), fills<X>, Seed{});
  }

  Inference(Inference&&) noexcept = default;
  Inference& operator=(Inference&&) noexcept = default;
  Inference(const Inference&) { (void)a_program_cannot_be_copied_move_it_or_make_another<Inference>{}; }
  Inference& operator=(const Inference&) {
    return (void)a_program_cannot_be_copied_move_it_or_make_another<Inference>{}, *this;
  }

  template <Held... Given> requires RefusedCall<MadeFor, Given...> auto operator()(const Given&... x) {
    return report_call(MadeFor{}, x...);
  }
  /// The net's output: a tensor, or a tuple, pair, array or struct of tensors as the net returns them, `const auto
  /// [boxes, scores] = run(image);`. They own their memory. That of large ones comes from this object and returns to
  /// it: in a steady state calls allocate nothing. Throws `Error` when run-time lengths disagree.
  [[gnu::always_inline]] Output operator()(const Inputs&... x) {
#ifndef SINTER_CHECKS
    if constexpr (is_inlined)
      if (is_prepared()) return directly(compile::unobserved, x...);
#endif
    return observed(compile::unobserved, x...);
  }
  /// The same, with an observer called around every step (train/profile.hpp).
  template <class Observer> Output observed(Observer& observer, const Inputs&... x) {
    begin(x...);
    if constexpr (eager::may_run_directly<Program>) return directly(observer, x...);
    Output y = new_output();
    Array<eager::Argument, results> r;
    eager::describe_tree(y, r.data());
    const auto lengths = run(observer, r, x...);
    eager::set_lengths<Program>(y, lengths);
    return y;
  }
  /// The same, written into the caller's tensors and views: the inputs, and then one for each that the net returns:
  /// `run.into(image, boxes, scores);`. It may be an input, or overlap one. PyTorch: the argument out.
  template <class... Given> void into(Given&&... tensors) {
    static_assert((... && Held<std::remove_cvref_t<Given>>), "into takes tensors and views");
    using Expected = decltype(expected_by_into(static_cast<graph::Flat<Output>*>(nullptr)));
    using Found = graph::Tensors<graph::symbols_of<std::remove_cvref_t<Given>>...>;
    if constexpr (!std::is_same_v<Expected, Found>)
      (void)into_takes_the_programs_inputs_and_then_a_tensor_for_each_result<Expected, Found>{};
    else
      [&]<std::size_t... Each, std::size_t... K>(std::index_sequence<Each...>, std::index_sequence<K...>) {
        const std::tuple<Given&...> all(tensors...);
        write(std::tie(std::get<sizeof...(Inputs) + K>(all)...), std::get<Each>(all)...);
      }(std::index_sequence_for<Inputs...>{}, std::make_index_sequence<std::size_t(results)>{});
  }

  /// The same, written into an output as the call returns it.
  void into_tree(Output& to, const Inputs&... x) { write(graph::flat(to), x...); }

  const Policy& policy() const { return policy_; }
  bool runs(const typename Model<X>::Block* block) const { return block_.get() == block; }

 private:
  void begin([[maybe_unused]] const Inputs&... x) {
#ifdef SINTER_CHECKS
    look(x...);
#endif
    if (!is_prepared()) prepare();
  }
  /// Throws `Error` if inputs violate what the net expects of them (ops/expect.hpp).
  void look(const Inputs&... x) {
    static constexpr int expectations = [] {
      const graph::Builder g = Trace{}();
      return g.expectations.size();
    }();
    if constexpr (expectations > 0) {
      Array<eager::Argument, leading<X> + states + given> a;
      leading_arguments<X>(*block_, a.data());
      describe_states(a.data() + leading<X>);
      describe_inputs(a.data() + leading<X> + states, x...);
      eager::look<Trace, expectations>(a);
    }
  }

  static constexpr int states = graph::count_leaves<X>(graph::LeafKind::state);
  static constexpr int inputs = leading<X> + states + given + Preparation::outputs;

  [[gnu::always_inline]] Output new_output() {
    return graph::make_tree<Output>(InPool{pool_});
  }
  /// What `into` is called with.
  template <class... R>
  static graph::Tensors<graph::symbols_of<Inputs>..., typename R::symbol...> expected_by_into(std::tuple<R...>*);
  template <class... R> void write(const std::tuple<R&...>& to, const Inputs&... x) {
    Array<eager::Argument, results> r;
    int n = 0;
    const auto describe = [&]<class T>(T& tensor) {
      if constexpr (!graph::is_view_v<T>)
        if (tensor.data() == nullptr) tensor = T(uninitialized);  // it was moved from
      r[n++] = eager::describe(tensor);
    };
    std::apply([&](R&... tensor) { (describe(tensor), ...); }, to);
    Array<eager::Argument, given> a;
    describe_inputs(a.data(), x...);
    bool direct = true;
    for (int k = 0; k < results; ++k) {
      direct = direct && r[k].row_major && !r[k].keeps_lengths;
      for (int i = 0; i < given; ++i) direct = direct && !eager::overlap(r[k], a[i]);
      for (int i = 0; i < k; ++i) direct = direct && !eager::overlap(r[k], r[i]);
    }
    if (!direct) {
      Output y = (*this)(x...);
      std::apply([&](R&... tensor) {
        [&]<std::size_t... K>(const auto& made, std::index_sequence<K...>) {
          (evaluate_into(tensor, std::get<K>(made)), ...);
        }(graph::flat(y), std::index_sequence_for<R...>{});
      }, to);
      return;
    }
    begin(x...);
    const auto lengths = run(compile::unobserved, r, x...);
    std::apply([&](R&... tensor) { (eager::set_lengths<Program>(tensor, lengths), ...); }, to);
  }
  [[gnu::always_inline]] static eager::Argument* describe_inputs(eager::Argument* to, const Inputs&... x) {
    ((to = eager::describe_tree(x, to)), ...);
    return to;
  }
  /// Runs the program with its results in these places, which overlap no input.
  template <class Observer>
  eager::Lengths<Program> run(Observer& observer, const Array<eager::Argument, results>& to, const Inputs&... x) {
    Array<eager::Argument, inputs> a;
    leading_arguments<X>(*block_, a.data());
    describe_states(a.data() + leading<X>);
    describe_prepared(describe_inputs(a.data() + leading<X> + states, x...));
    Array<eager::Argument, Program::outputs> r;
    for (int k = 0; k < results; ++k) r[k] = to[k];
    for (int k = results; k < Program::outputs; ++k) r[k] = a[Program::takes_over[k]];
    return eager::run_in<Program>(workspace_.data(), a, r, policy_, observer);
  }

  /// Programs of a few dozen nanoseconds are inlined: inputs and results may then stay in registers.
  static constexpr bool is_inlined = eager::may_run_directly<Program> && Program::flops <= 8192;

  [[gnu::always_inline]] bool is_prepared() const {
    return Preparation::outputs == 0 || prepared_for_ == block_->changes.now();
  }
  /// For programs in which only a few addresses differ from call to call.
  template <class Observer> [[gnu::always_inline]] Output directly(Observer& observer, const Inputs&... x) {
    Output y = new_output();
    // a local copy: the compiler then sees which addresses are equal, and keeps values between steps in registers
    auto base = base_;
    std::byte** at = base.data() + 1 + leading<X> + states;
    const auto add = [&at](const auto& tensor) __attribute__((always_inline)) {
      *at++ = eager::describe_leaf(tensor).data;
    };
    (graph::for_each_tensor(x, add), ...);
    at = base.data() + 1 + inputs;
    graph::for_each_tensor(y, add);
    Program::run(Program::RunBy::context(base.data(), nullptr, policy_), observer);
    return y;
  }

  static std::shared_ptr<Memory> new_states() {
    if constexpr (states > 0) return std::make_shared<Memory>(graph::bytes_of_leaves<X>(graph::LeafKind::state));
    else return nullptr;
  }
  LeafMemory memory_of_states() const {
    LeafMemory m;
    if constexpr (states > 0) m.states = states_->data();
    return m;
  }
  void describe_states(eager::Argument* a) const {
    if constexpr (states > 0)
      describe_leaves(graph::placed_leaves<X>, true, memory_of_states(), a);
  }
  void describe_prepared(eager::Argument* a) const {
    static constexpr Shape none{};
    std::byte* at = prepared_.data();
    for (int k = 0; k < Preparation::outputs; ++k) {
      a[k] = eager::describe_memory(at, std::size_t(Preparation::output_bytes[k]), &none, 0);
      at += a[k].bytes;
    }
  }

  /// Sets the addresses that are the same at every call: workspace, parameters, buffers, scalars, states, and prepared
  /// data.
  void find_addresses() {
    Array<eager::Argument, inputs> a{};  // those of the inputs are set by each call
    leading_arguments<X>(*block_, a.data());
    describe_states(a.data() + leading<X>);
    describe_prepared(a.data() + leading<X> + states + given);
    base_[0] = workspace_.data();
    for (int i = 0; i < inputs; ++i) base_[1 + i] = a[i].data;
    for (int k = results; k < Program::outputs; ++k) base_[1 + inputs + k] = a[Program::takes_over[k]].data;
  }

  std::shared_ptr<typename Model<X>::Block> block_;
  Memory workspace_, prepared_;
  std::shared_ptr<Memory> states_;
  Array<std::byte*, 1 + inputs + Program::outputs> base_{};
  std::uint64_t prepared_for_ = 0;
  tensor_detail::Pool pool_;
  Policy policy_;
};

}  // namespace internals::train
}  // namespace sinter
