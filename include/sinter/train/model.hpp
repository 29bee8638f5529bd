// A net with memory.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "../eager/evaluate.hpp"
#include "../nn/init.hpp"
#include "../tensor/named_tensor.hpp"
#include "../tensor/random.hpp"

namespace sinter::inline SINTER_ABI {

// Undefined on purpose: the names are the errors.
template <class Net> struct hyperparameters_belong_to_the_type_write_Model_net_of_a_factory_lambda;
template <class Net, class Number> struct a_model_takes_a_Seed_write_Seed_of_the_number;

namespace internals::train {

template <class T>
SINTER_OUTLINE void fill(void* elements, std::size_t n, const Initializer& init, const Philox& random) {
  T* const out = static_cast<T*>(elements);
  for (std::size_t k = 0; k < n; ++k) {
    switch (init.kind) {
      case Initializer::Kind::constant: out[k] = T(init.a); break;
      case Initializer::Kind::uniform: out[k] = T(init.a + (init.b - init.a) * double(random.uniform(k))); break;
      case Initializer::Kind::normal: out[k] = T(init.a + init.b * double(random.normal(k))); break;
    }
  }
}
using Fill = void (*)(void*, std::size_t, const Initializer&, const Philox&);
template <class X> consteval bool has_leaves_of(Dtype d) {
  for (const graph::PlacedLeaf& leaf : graph::placed_leaves<X>)
    if (leaf.type.dtype == d) return true;
  return false;
}
/// The functions that fill leaves of a net, for the dtypes that it has.
template <class X> consteval PerDtype<Fill> fills_of() {
  PerDtype<Fill> r{};
  for_each_dtype([&]<Dtype D>() {
    if constexpr (has_leaves_of<X>(D)) r[D] = &fill<element_type<D>>;
  });
  return r;
}
template <class X> inline constexpr PerDtype<Fill> fills = fills_of<X>();

/// Where the leaves of a model are: its parameters by dtype, its buffers, its scalars; or those of a program's states.
struct LeafMemory {
  PerDtype<std::byte*> parameters{};
  std::byte *buffers = nullptr, *states = nullptr;
  float* scalars = nullptr;

  /// Null for a block that is not here.
  void* of(const graph::PlacedLeaf& leaf) const {
    using enum graph::LeafKind;
    if (leaf.type.kind == scalar) return scalars + leaf.begin;
    std::byte* const block = leaf.type.kind == parameter ? parameters[leaf.type.dtype]
                             : leaf.type.kind == buffer  ? buffers
                                                         : states;
    return block != nullptr ? block + leaf.begin : nullptr;
  }
};

/// Fills leaves with their initial values; the n-th element of the k-th parameter depends on seed, k and n alone.
/// Without a seed random ones are zeros.
SINTER_OUTLINE inline void initialize(graph::PlacedLeaves leaves, const LeafMemory& memory,
                                      const PerDtype<Fill>& fills, std::optional<Seed> seed) {
  std::uint64_t stream = 0;
  for (const graph::PlacedLeaf& leaf : leaves) {
    Initializer value = leaf.initializer;
    if (leaf.type.kind != graph::LeafKind::parameter) value.kind = Initializer::Kind::constant;
    if (!seed && value.kind != Initializer::Kind::constant) value = {Initializer::Kind::constant, 0, 0};
    const Philox random(seed.value_or(Seed{}), stream);
    stream += leaf.type.kind == graph::LeafKind::parameter;
    if ((leaf.type.kind == graph::LeafKind::state) == (memory.states != nullptr))
      fills[leaf.type.dtype](memory.of(leaf), std::size_t(leaf.type.shape.size()), value, random);
  }
}
template <int N>
inline void bind(const Array<graph::Leaf, N>& net, const graph::PlacedLeaf* placed, const LeafMemory& memory,
                 graph::ChangeCount* changes) {
  for (const graph::Leaf& leaf : net) leaf.bind(memory.of(*placed++), changes);
}

template <class Byte>
SINTER_OUTLINE std::vector<NamedTensor<Byte>> state_dict(graph::PlacedLeaves leaves, graph::LeafNames names,
                                                         const LeafMemory& memory) {
  std::vector<NamedTensor<Byte>> r;
  int i = 0;
  for (const graph::PlacedLeaf& leaf : leaves) {
    const std::string_view name = names[i++];
    if (leaf.is_stored())
      r.push_back({std::string(name), leaf.type.dtype, leaf.type.shape, leaf.type.kind == graph::LeafKind::buffer,
                   static_cast<Byte*>(memory.of(leaf))});
  }
  return r;
}

}  // namespace internals::train

/// Owns the parameters of a net in one aligned block for each of their dtypes, in declaration order, and its buffers.
///
///   Model<Mlp> net(Seed{42});
///   Model net([] { Mlp n; n.drop.p = .3f; return n; }, Seed{42});   // hyperparameters are part of the type
///   net->fc1.weight(0, 3) = 1.f;                                    // parameters are views of the block
///
/// Fixed members cannot be changed through `net->`: the compiled programs would not know. Copying a model copies its
/// parameters; steps and inference programs made from it keep its block alive. PyTorch: an instance of torch.nn.Module.
template <class X> class Model {
 public:
  using Net = graph::net_of<X>;
  static constexpr std::int64_t parameters = graph::count_parameters<X>();
  static constexpr graph::ParameterBlocks blocks = graph::parameter_blocks<X>;
  /// Parameters of float32 and after them scalars, which are not saved or optimised; parameters of other dtypes, by
  /// dtype; then the buffers.
  struct Block {
    tensor_detail::AlignedBlock<float> values{elements};
    tensor_detail::AlignedBlock<std::byte> others{blocks.bytes};
    tensor_detail::AlignedBlock<std::byte> buffers{graph::bytes_of_leaves<X>(graph::LeafKind::buffer)};
    graph::ChangeCount changes;  ///< of the contents
    float* data() const { return values.data(); }
    /// The parameters of a dtype: the i-th of `blocks`.
    std::byte* data(std::size_t i) const {
      return i == 0 ? reinterpret_cast<std::byte*>(data()) : others.data() + blocks[i].begin;
    }
  };

  explicit Model(Seed seed = {}) : net_(graph::NetOf<X>::make()) {
    constexpr auto fault = graph::fields::Fault<typename graph::FaultOf<Net>::type>{};
    if constexpr (fault.exists) {
      (void)graph::fields::report(fault);
    } else {
      block_ = std::make_shared<Block>();
      bind();
      initialize(seed);
    }
  }
  /// Only the factory's type is used; it is called at compile time.
  explicit Model(X, Seed seed) requires(std::is_empty_v<X> && std::is_invocable_v<X>) : Model(seed) {}
  template <class N> requires(std::is_arithmetic_v<N>) explicit Model(N) : Model(Seed{}) {
    static_assert(tensor_detail::ErrorNamed<a_model_takes_a_Seed_write_Seed_of_the_number<Net, N>>::absent);
  }
  Model(const Net&, Seed) requires(std::is_same_v<X, Net>&& std::is_class_v<Net>) {
    (void)hyperparameters_belong_to_the_type_write_Model_net_of_a_factory_lambda<Net>{};
  }

  Model(const Model& other) : block_(std::make_shared<Block>()), net_(other.net_) {
    bind();
    copy(*other.block_);
  }
  Model(Model&&) = default;
  /// Copies parameters, buffers and scalars; steps and inference programs made from this model use the copied ones.
  Model& operator=(const Model& other) {
    if (block_ == nullptr) {
      block_ = std::make_shared<Block>();
      bind();
    }
    if (this != &other) copy(*other.block_);
    return *this;
  }

  // For the library: where the leaves of a block are.
  static internals::train::LeafMemory memory_of(const Block& block) {
    internals::train::LeafMemory m;
    for (std::size_t i = 0; i < blocks.count; ++i) m.parameters[blocks[i].dtype] = block.data(i);
    m.buffers = block.buffers.data();
    m.scalars = block.data() + blocks[0].elements;
    return m;
  }
  // For the library: the same model, which it does not keep alive.
  static Model lent(const Model& model) {
    Model r(std::shared_ptr<Block>(std::shared_ptr<void>(), model.block_.get()));
    return r;
  }
  /// A model with the contents of another one's block.
  static Model copy_of(const Block& block) {
    Model r{Empty{}};
    r.copy(block);
    return r;
  }

  /// A model with the initial values of a new one where those are no random numbers, and zeros elsewhere: to be
  /// overwritten.
  static Model without_random_numbers() {
    Model r{Empty{}};
    internals::train::initialize(graph::placed_leaves<X>, r.memory(), internals::train::fills<X>, std::nullopt);
    return r;
  }
  /// A model whose parameters and buffers are zeros: a direction, or the begin of a sum of gradients.
  static Model zeros() {
    Model r{Empty{}};
    std::fill_n(r.block_->data(), elements, 0.f);
    if (blocks.bytes > 0) std::memset(r.block_->others.data(), 0, blocks.bytes);
    if (r.block_->buffers.size() > 0) std::memset(r.block_->buffers.data(), 0, r.block_->buffers.size());
    return r;
  }

  /// The net's output, by a program for inputs of these types that each thread makes at its first call
  /// (train/call.hpp): `const auto y = net(x);`. PyTorch: model(x) under torch.inference_mode() and model.eval().
  template <graph::Tree... Inputs> auto operator()(const Inputs&... x) const { return run_model(*this, x...); }

  const Net* operator->() const { return &net_; }
  const Net& operator*() const { return net_; }

  /// All parameters of float32, one after another.
  float* data() {
    block_->changes.add();
    return block_->data();
  }
  const float* data() const { return block_->data(); }
  const std::shared_ptr<Block>& block() const { return block_; }

  /// Calls f(name, parameter) for every parameter, in declaration order and under PyTorch's names.
  template <class F> void for_each_parameter(F&& f) const {
    graph::for_each_named_leaf(net_, [&](const std::string& name, const auto& leaf) {
      if constexpr (graph::is_param_v<std::remove_cvref_t<decltype(leaf)>>) f(name, leaf);
    });
  }
  /// The same for parameters and buffers: what a file stores. PyTorch: state_dict.
  template <class F> void for_each_tensor(F&& f) const {
    graph::for_each_named_leaf(net_, [&](const std::string& name, const auto& leaf) {
      using Leaf = std::remove_cvref_t<decltype(leaf)>;
      if constexpr (graph::is_param_v<Leaf> || graph::is_buffer_v<Leaf>) f(name, leaf);
    });
  }

  /// The same as a list, whose elements are the model's own. Programs that prepared data from them take the call for a
  /// change, unless the model is const: ask again after they ran. PyTorch: state_dict.
  std::vector<NamedTensor<std::byte>> state_dict() {
    block_->changes.add();
    return internals::train::state_dict<std::byte>(graph::placed_leaves<X>, graph::leaf_names<Net>(), memory());
  }
  std::vector<NamedTensor<const std::byte>> state_dict() const {
    return internals::train::state_dict<const std::byte>(graph::placed_leaves<X>, graph::leaf_names<Net>(), memory());
  }
  /// Whether a parameter or buffer has this dtype.
  static consteval bool stores(Dtype d) {
    for (const graph::PlacedLeaf& leaf : graph::placed_leaves<X>)
      if (leaf.is_stored() && leaf.type.dtype == d) return true;
    return false;
  }

  /// Calls f(name, number of trained elements) for parameters, buffers, scalars and states.
  template <class F> void for_each_leaf(F&& f) const {
    constexpr graph::LeafNames names = graph::leaf_names<Net>();
    int i = 0;
    for (const graph::PlacedLeaf& leaf : graph::placed_leaves<X>)
      f(std::string(names[i++]),
        leaf.type.kind == graph::LeafKind::parameter ? std::ptrdiff_t(leaf.type.shape.size()) : std::ptrdiff_t(0));
  }

  /// Sets everything to its initial value. The n-th element of the k-th parameter depends on seed, k and n alone.
  void initialize(Seed seed) {
    block_->changes.add();
    internals::train::initialize(graph::placed_leaves<X>, memory(), internals::train::fills<X>, seed);
  }

 private:
  static constexpr std::size_t elements = blocks[0].elements + graph::count_leaves<X>(graph::LeafKind::scalar);

  internals::train::LeafMemory memory() const { return memory_of(*block_); }
  void bind() {
    internals::train::bind(graph::leaves_of(net_), graph::placed_leaves<X>.data(), memory(), &block_->changes);
  }
  struct Empty {};
  /// Without values yet.
  explicit Model(std::shared_ptr<Block> block) : block_(std::move(block)), net_(graph::NetOf<X>::make()) { bind(); }
  explicit Model(Empty) : block_(std::make_shared<Block>()), net_(graph::NetOf<X>::make()) { bind(); }
  void copy(const Block& other) {
    block_->changes.add();
    std::copy(other.data(), other.data() + elements, block_->data());
    if (block_->others.size() > 0) std::memcpy(block_->others.data(), other.others.data(), block_->others.size());
    if (block_->buffers.size() > 0) std::memcpy(block_->buffers.data(), other.buffers.data(), block_->buffers.size());
  }

  std::shared_ptr<Block> block_;
  Net net_;
};
template <class F> Model(F, Seed) -> Model<F>;

}  // namespace sinter
