// A net with memory.
#pragma once
#include <memory>

#include "../eager/evaluate.hpp"
#include "../nn/init.hpp"
#include "../tensor/random.hpp"

namespace sinter::inline SINTER_ABI {

// Undefined on purpose: the names are the errors.
template <class Net> struct hyperparameters_belong_to_the_type_write_Model_net_of_a_factory_lambda;
template <class Net, class Number> struct a_model_takes_a_Seed_write_Seed_of_the_number;
template <class Net, class... Inputs> struct a_model_is_run_by_a_program_write_inference_of_Input_and_call_that;

namespace internals::train {
template <class T>
SINTER_OUTLINE void fill(T* out, std::size_t n, const Initializer& init, const Philox& random) {
  for (std::size_t k = 0; k < n; ++k) {
    switch (init.kind) {
      case Initializer::Kind::constant: out[k] = T(init.a); break;
      case Initializer::Kind::uniform: out[k] = T(init.a + (init.b - init.a) * double(random.uniform(k))); break;
      case Initializer::Kind::normal: out[k] = T(init.a + init.b * double(random.normal(k))); break;
    }
  }
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
    tensor_detail::AlignedBlock<std::byte> buffers{graph::buffer_bytes<X>()};
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
    copy(other);
  }
  Model(Model&&) = default;
  /// Copies parameters, buffers and scalars; steps and inference programs made from this model use the copied ones.
  Model& operator=(const Model& other) {
    if (block_ == nullptr) {
      block_ = std::make_shared<Block>();
      bind();
    }
    if (this != &other) copy(other);
    return *this;
  }

  /// A model is run by a program made from it.
  template <class... Inputs> auto operator()(const Inputs&...) const {
    return a_model_is_run_by_a_program_write_inference_of_Input_and_call_that<Net, Inputs...>{};
  }

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

  /// Calls f(name, number of trained elements) for parameters, buffers and scalars.
  template <class F> void for_each_leaf(F&& f) const {
    graph::for_each_named_leaf(net_, [&](const std::string& name, const auto& leaf) {
      if constexpr (graph::is_param_v<std::remove_cvref_t<decltype(leaf)>>) f(name, leaf.size());
      else f(name, std::ptrdiff_t(0));
    });
  }

  /// Sets everything to its initial value. The n-th element of the k-th parameter depends on seed, k and n alone.
  void initialize(Seed seed) {
    std::uint64_t stream = 0;
    graph::for_each_leaf(net_, [&](const auto& leaf) {
      using Leaf = std::remove_cvref_t<decltype(leaf)>;
      if constexpr (graph::is_param_v<Leaf>)
        internals::train::fill(leaf.data(), std::size_t(leaf.size()), leaf.initializer, Philox(seed, stream++));
      else if constexpr (graph::is_buffer_v<Leaf>)
        std::fill(leaf.data(), leaf.data() + leaf.size(), typename Leaf::element(leaf.initializer.a));
    });
    const Net starting = graph::NetOf<X>::make();
    float* scalar = data() + blocks[0].elements;
    graph::for_each_leaf(starting, [&](const auto& leaf) {
      if constexpr (std::is_same_v<std::remove_cvref_t<decltype(leaf)>, Scalar>) *scalar++ = leaf.value();
    });
  }

 private:
  static constexpr std::size_t elements = blocks[0].elements + graph::count_scalars<X>();

  void bind() {
    float* scalar = block_->data() + blocks[0].elements;
    internals::PerDtype<std::byte*> at{};
    for (std::size_t i = 0; i < blocks.count; ++i) at[blocks[i].dtype] = block_->data(i);
    std::byte* buffer = block_->buffers.data();
    graph::for_each_leaf(net_, [&](auto& leaf) {
      using Leaf = std::remove_cvref_t<decltype(leaf)>;
      if constexpr (graph::is_param_v<Leaf>) {
        using T = typename Leaf::element;
        std::byte*& next = at[dtype_of<T>];
        leaf.bind(reinterpret_cast<T*>(next), &block_->changes);
        next += leaf.size() * std::ptrdiff_t(sizeof(T));
      } else if constexpr (graph::is_buffer_v<Leaf>) {
        leaf.bind(reinterpret_cast<typename Leaf::element*>(buffer), &block_->changes);
        buffer += graph::aligned_bytes<Leaf>;
      } else if constexpr (!graph::is_state_v<Leaf>) {
        leaf.bind(scalar++, &block_->changes);
      }
    });
  }
  void copy(const Model& other) {
    std::copy(std::as_const(other).data(), std::as_const(other).data() + elements, data());
    if (block_->others.size() > 0)
      std::memcpy(block_->others.data(), other.block_->others.data(), block_->others.size());
    if (block_->buffers.size() > 0)
      std::memcpy(block_->buffers.data(), other.block_->buffers.data(), block_->buffers.size());
  }

  std::shared_ptr<Block> block_;
  Net net_;
};
template <class F> Model(F, Seed) -> Model<F>;

}  // namespace sinter
