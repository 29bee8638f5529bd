// Parameters: leaves of expressions, while tracing and at run time.
//
// A `Param` becomes a symbol in an operation with a `Sym` and a tensor in one with a tensor, also in `w * 0.5f`. So the
// same module struct is default-constructed while tracing and holds views of the model's memory at run time.
#pragma once
#include <atomic>
#include <cstring>
#include <string_view>
#include <tuple>

#include "../tensor/indexing.hpp"
#include "../tensor/initializer.hpp"
#include "call.hpp"

namespace sinter::inline SINTER_ABI {

namespace graph {
/// Counts possible changes to a model's numbers, for programs that keep data prepared from them (packed weights).
/// Threads that share a const model may ask for elements at the same time.
class ChangeCount {
 public:
  void add() { count_.fetch_add(1, std::memory_order_relaxed); }
  std::uint64_t now() const { return count_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> count_{0};
};
}  // namespace graph

template <class T> struct a_parameter_was_used_that_belongs_to_no_model;  // undefined: the name is the error

namespace graph {
[[noreturn]] SINTER_COLD inline void parameter_has_no_memory() {
  throw_error(ErrorCode::argument, "parameter", "it belongs to no model", "make a Model of the struct that holds it");
}
[[noreturn]] SINTER_COLD inline void a_traced_parameter_has_no_elements_use_ranges() {
  throw_error(ErrorCode::argument, "parameter", "an element of it was asked for while a function is traced",
              "write weight(2)(3) or weight(range<2, 3>, range<3, 4>)");
}

/// What a member of a module is to its programs.
enum class LeafKind : unsigned char { parameter, buffer, state, scalar };
struct LeafType {
  LeafKind kind = LeafKind::parameter;
  Dtype dtype = Dtype::float32;
  Shape shape{};

  constexpr std::int64_t bytes() const { return shape.size() * bytes_of(dtype); }
};
/// A `Param`, `Buffer`, `State` or `Scalar`, whatever its type. What walks over a net takes these: the struct is
/// walked once, and what is done with its leaves is compiled once for all nets.
struct Leaf {
  const LeafType* type = nullptr;
  Value* node = nullptr;            ///< while tracing
  void* pointer = nullptr;          ///< the address of its pointer to its elements, a T* of any T
  ChangeCount** changes = nullptr;
  Initializer initializer{};

  constexpr void bind(Value v) const { *node = v; }
  void bind(void* elements, ChangeCount* count) const {
    std::memcpy(pointer, &elements, sizeof elements);
    *changes = count;
  }
};

}  // namespace graph

/// A trainable tensor of a module: `Param<float, Out, In> weight;`. Copying copies the reference; assigning to the
/// parameter of a model, `net->fc1.weight = x;`, writes its elements. PyTorch: torch.nn.Parameter.
template <Element T, auto... E> class Param {
 public:
  using element = T;
  using symbol = Sym<T, E...>;
  using place = Anywhere;
  using is_expression = void;
  using is_handle = void;
  static constexpr Shape shape = shape_of<E...>;
  static constexpr Dtype dtype = dtype_of<T>;

  constexpr Param() = default;
  constexpr Param(Initializer init) : initializer(init) {}
  constexpr Param(const Param&) = default;
  constexpr Param& operator=(const Param&) = default;

  /// Writes the elements.
  template <class X> requires requires { typename X::symbol; } const Param& operator=(const X& x) const {
    view() = x;
    return *this;
  }

  /// The elements. Programs that prepared data from the model's parameters take this for a change: to read a weight
  /// while others run programs, use const_view() or expressions.
  T* data() const {
    if (data_ == nullptr) graph::parameter_has_no_memory();
    changes_->add();
    return data_;
  }
  TensorView<T, E...> view() const { return TensorView<T, E...>(data()); }
  /// The elements, read-only: no program takes this for a change.
  TensorView<const T, E...> const_view() const {
    if (data_ == nullptr) graph::parameter_has_no_memory();
    return TensorView<const T, E...>(data_);
  }
  /// One element of a model's, `net->weight(2, 3)`; or a part, `weight(2)`, `weight(range<>, range<1, 3>)`, which is an
  /// operand like the parameter itself, also while tracing. NumPy: weight[2, 3], weight[2], weight[:, 1:3].
  template <class... Index> requires(tensor_detail::is_index_v<Index> && ...)
  constexpr decltype(auto) operator()(Index... index) const {
    if constexpr (int(sizeof...(Index)) == shape.rank && !tensor_detail::any_range_v<Index...>) {
      if (node_.graph != nullptr) graph::a_traced_parameter_has_no_elements_use_ranges();
      return node_.graph != nullptr ? *data_ : element_at(index...);  // g++ needs one operand that may be constant
    } else {
      return graph::part(*this, index...);
    }
  }
  static constexpr std::ptrdiff_t size() { return shape.size(); }

  // For the library: binds it to a node while tracing; shows it to what walks over a net.
  constexpr void bind(graph::Value node) { node_ = node; }
  constexpr void show(auto& leaves) { show(leaves, leaf_type); }
  const T* memory() const { return data_; }
  constexpr graph::Builder* traced_in() const { return node_.graph; }
  constexpr symbol symbolic(graph::Builder* b) const {
    if (node_.graph != b) not_of_this_trace();
    return symbol(node_);
  }

  Initializer initializer{};
  static constexpr graph::LeafType leaf_type{graph::LeafKind::parameter, dtype, shape};

 protected:
  constexpr void show(auto& leaves, const graph::LeafType& type) {
    leaves.add(type, node_, &data_, changes_, initializer);
  }
  template <class... Index> T& element_at(Index... index) const { return view()(index...); }
  static void not_of_this_trace() {
    throw_error(ErrorCode::argument, "parameter", "it is used in a trace to which it does not belong");
  }

  graph::Value node_;
  T* data_ = nullptr;
  graph::ChangeCount* changes_ = nullptr;
};

/// State of a module that is saved but not trained: `Buffer<float, C> running_mean;`. A training step updates it by
/// `running_mean.update(value)` inside the forward function. PyTorch: register_buffer.
template <Element T, auto... E> class Buffer : public Param<T, E...> {
 public:
  using Param<T, E...>::Param;
  using Param<T, E...>::operator=;
  static constexpr graph::LeafType leaf_type{graph::LeafKind::buffer, Param<T, E...>::dtype, Param<T, E...>::shape};
  constexpr void show(auto& leaves) { Param<T, E...>::show(leaves, leaf_type); }

  /// The value after this step; no gradient flows through it. Of several in one step the last counts. An expression of
  /// parameters and buffers does too: `steps.update(steps + 1)`.
  template <class X>
  requires std::is_same_v<typename X::symbol, Sym<T, E...>> constexpr void update(const X& value) const {
    if (this->node_.graph == nullptr) Param<T, E...>::not_of_this_trace();
    update(value.symbolic(this->node_.graph));
  }
  constexpr void update(const Sym<T, E...>& value) const {
    if (this->node_.graph != value.graph) Param<T, E...>::not_of_this_trace();
    for (graph::Builder::Update& u : value.graph->updates)
      if (u.buffer == this->node_.id) {
        u.value = value.id;
        return;
      }
    value.graph->updates.push({this->node_.id, value.id});
  }
};

/// What a net remembers from one call to the next: `State<float, 1, 16> h;`, read like a parameter and set by
/// `h.update(value)`. It belongs to the program that runs the net, not to the model: two programs of `inference` made
/// from one model share its weights and have separate states, which `reset()` sets back to their start. A training step
/// starts from it each time. It is not saved in files.
template <Element T, auto... E> class State : public Buffer<T, E...> {
 public:
  using Buffer<T, E...>::Buffer;
  static constexpr graph::LeafType leaf_type{graph::LeafKind::state, Param<T, E...>::dtype, Param<T, E...>::shape};
  constexpr void show(auto& leaves) { Param<T, E...>::show(leaves, leaf_type); }
};

/// Replaces a parameter that a module lacks.
struct NoParam {
  constexpr NoParam() = default;
  constexpr NoParam(Initializer) {}

  static constexpr std::string_view sinter_field_names{};
  constexpr auto sinter_fields() const { return std::tie(); }
};
/// An optional parameter of a module, `ParamIf<Options.bias, float, Out> bias{nn::init::zeros()}`; empty if absent.
template <bool Present, Element T, auto... E> using ParamIf = std::conditional_t<Present, Param<T, E...>, NoParam>;

/// A number that may change while a program runs: learning rate, temperature. It is an input of the program, so setting
/// it takes effect at the next call; a plain `float` member is fixed with the model's type. A model's is stored in the
/// model's memory: `net->temperature = 2.f` is seen by every program made from the model.
class Scalar {
 public:
  using element = float;
  using symbol = Sym<float>;
  using place = Anywhere;
  using is_expression = void;
  using is_handle = void;

  constexpr Scalar(float v = 0) : value_(v) {}
  constexpr Scalar(const Scalar&) = default;
  constexpr Scalar& operator=(const Scalar&) = default;
  /// Sets the number of a model.
  const Scalar& operator=(float v) const {
    if (memory_ == nullptr) graph::parameter_has_no_memory();
    *memory_ = v;
    changes_->add();
    return *this;
  }
  constexpr Scalar& operator=(float v) {
    node_ = {};  // of a copy in a traced function
    (memory_ != nullptr ? *memory_ : value_) = v;
    if (memory_ != nullptr) changes_->add();
    return *this;
  }
  /// The number now. While a function is traced there is none yet: a compile error.
  constexpr float value() const {
    if (node_.graph != nullptr) graph::a_traced_value_has_no_number_use_select();
    return stored();
  }
  constexpr const float& stored() const { return memory_ != nullptr ? *memory_ : value_; }

  // For the library: binds it to a node while tracing; shows it to what walks over a net, whose model starts with its
  // value.
  constexpr void bind(graph::Value node) { node_ = node; }
  static constexpr graph::LeafType leaf_type{graph::LeafKind::scalar, Dtype::float32, {}};
  constexpr void show(auto& leaves) {
    leaves.add(leaf_type, node_, &memory_, changes_, {Initializer::Kind::constant, double(value_), 0});
  }
  constexpr graph::Builder* traced_in() const { return node_.graph; }
  constexpr symbol symbolic(graph::Builder* b) const {
    return node_.graph == b ? symbol(node_) : symbol(graph::number_value(b, value_));
  }

 private:
  float value_;
  float* memory_ = nullptr;
  graph::ChangeCount* changes_ = nullptr;
  graph::Value node_;
};

/// A Scalar that may follow a schedule: a function of the number of steps so far, from 0 on. Copies share it.
class Rate : public Scalar {
 public:
  constexpr Rate(float v = 0) : Scalar(v) {}
  template <class F> requires(!std::is_arithmetic_v<F> && std::is_invocable_r_v<float, const F&, std::int64_t>)
  Rate(F schedule) : Scalar(float(schedule(std::int64_t(0)))), schedule_(new Held<F>(std::move(schedule))) {}
  constexpr Rate(const Rate& other) : Scalar(other), schedule_(other.schedule_) {
    if (schedule_ != nullptr) schedule_->owners.fetch_add(1, std::memory_order_relaxed);
  }
  constexpr Rate& operator=(const Rate& other) {
    Rate copy(other);
    Scalar::operator=(static_cast<const Scalar&>(other));
    std::swap(schedule_, copy.schedule_);
    return *this;
  }
  /// A number in place of the schedule.
  constexpr Rate& operator=(float v) { return *this = Rate(v); }
  constexpr ~Rate() {
    if (schedule_ != nullptr) release();
  }

  /// Sets the number to the schedule's at a step, if there is one.
  void set_step(std::int64_t step) {
    if (schedule_ != nullptr) Scalar::operator=(schedule_->at(step));
  }

 private:
  struct Schedule {
    virtual ~Schedule() = default;
    virtual float at(std::int64_t step) const = 0;
    mutable std::atomic<int> owners{1};
  };
  template <class F> struct Held final : Schedule {
    explicit Held(F f) : schedule(std::move(f)) {}
    float at(std::int64_t step) const override { return float(schedule(step)); }
    F schedule;
  };
  void release() {
    if (schedule_->owners.fetch_sub(1, std::memory_order_acq_rel) == 1) delete schedule_;
  }
  const Schedule* schedule_ = nullptr;
};

}  // namespace sinter
