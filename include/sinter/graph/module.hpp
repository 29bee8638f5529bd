// Modules: plain structs whose members are parameters, other modules, arrays and tuples of them, and fixed numbers.
#pragma once
#include <array>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "fields.hpp"
#include "param.hpp"

namespace sinter::inline SINTER_ABI {

// Undefined on purpose: the names are the errors.
template <class M> struct module_member_must_be_a_parameter_a_module_an_array_a_tuple_or_a_number;
template <class F> struct a_traced_function_must_not_capture_pass_values_as_arguments;

namespace graph {

template <class> inline constexpr bool is_param_v = false;
template <class T, auto... E> inline constexpr bool is_param_v<Param<T, E...>> = true;
template <class> inline constexpr bool is_buffer_v = false;
template <class T, auto... E> inline constexpr bool is_buffer_v<Buffer<T, E...>> = true;
template <class> inline constexpr bool is_state_v = false;
template <class T, auto... E> inline constexpr bool is_state_v<State<T, E...>> = true;
/// What programs see of a module.
template <class T> inline constexpr bool is_leaf_v =
    is_param_v<T> || is_buffer_v<T> || is_state_v<T> || std::is_base_of_v<Scalar, T>;
template <class> inline constexpr bool is_array_v = false;
template <class T, std::size_t N> inline constexpr bool is_array_v<std::array<T, N>> = true;
template <class> inline constexpr bool is_tuple_v = false;
template <class... T> inline constexpr bool is_tuple_v<std::tuple<T...>> = true;
template <class... T> inline constexpr bool is_tuple_v<tensor_detail::PackOf<T...>> = true;

/// A value fixed with the model's type: a hyperparameter.
template <class T> inline constexpr bool is_fixed_v = std::is_arithmetic_v<T> || std::is_enum_v<T>;

/// What is wrong with a module, or void: the first struct in it whose members cannot be found, or the first member that
/// is neither parameter nor number.
template <class M> consteval auto fault_of();
template <class T> struct FaultOf { using type = typename decltype(fault_of<T>())::type; };
template <class... T> struct FaultOf<std::tuple<T...>> {
  using type = void;
};
template <class Index, class... T> struct FaultOf<tensor_detail::PackOf<Index, T...>> : FaultOf<std::tuple<T...>> {};
template <class First, class... Rest> struct FaultOf<std::tuple<First, Rest...>> {
  using type = std::conditional_t<std::is_void_v<typename FaultOf<std::remove_cvref_t<First>>::type>,
                                  typename FaultOf<std::tuple<Rest...>>::type,
                                  typename FaultOf<std::remove_cvref_t<First>>::type>;
};
template <class M> consteval auto fault_of() {
  if constexpr (is_leaf_v<M> || is_fixed_v<M>) {
    return fields::Fault<void>{};
  } else if constexpr (is_array_v<M>) {
    return fields::Fault<typename FaultOf<typename M::value_type>::type>{};
  } else if constexpr (!std::is_class_v<M>) {
    return fields::Fault<module_member_must_be_a_parameter_a_module_an_array_a_tuple_or_a_number<M>>{};
  } else {
    using Own = typename decltype(fields::fault_of_struct<M>())::type;
    if constexpr (!std::is_void_v<Own>) return fields::Fault<Own>{};
    else return fields::Fault<typename FaultOf<typename decltype(fields::member_types<M>())::type>::type>{};
  }
}

/// Calls f(member) for every `Param`, `Buffer`, `State` and `Scalar` below m, in declaration order.
template <class M, class F> constexpr void for_each_leaf(M& m, F&& f) {
  using T = std::remove_const_t<M>;
  if constexpr (is_leaf_v<T>) {
    f(m);
  } else if constexpr (is_array_v<T>) {
    for (auto& item : m) for_each_leaf(item, f);
  } else if constexpr (is_tuple_v<T>) {
    fields::spread([&](auto&... item) { (for_each_leaf(item, f), ...); }, m);
  } else if constexpr (std::is_class_v<T>) {
    for_each_member(m, [&](auto& member) { for_each_leaf(member, f); });
  } else if constexpr (!is_fixed_v<T>) {
    (void)module_member_must_be_a_parameter_a_module_an_array_a_tuple_or_a_number<T>{};
  }
}

/// PyTorch's names of leaves: members joined by dots, array and tuple items by their index: "blocks.2.fc1.weight". They
/// follow from the struct's type. Counts leaves and characters, and writes them where it is told to.
class LeafNameWalk {
 public:
  constexpr LeafNameWalk(char* text, int* end) : text_(text), end_(end) {}
  constexpr int count() const { return count_; }
  constexpr int characters() const { return characters_; }

  /// What leads to a struct: a member of another.
  struct Path {
    const Path* outer;
    std::string_view name;
  };
  template <class M> constexpr void add(const Path* path) {
    if constexpr (is_leaf_v<M>) {
      push(path);
    } else if constexpr (is_array_v<M>) {
      for (std::size_t i = 0; i < std::tuple_size_v<M>; ++i) add_item<typename M::value_type>(path, i);
    } else if constexpr (is_tuple_v<M>) {
      [&]<class... T>(std::type_identity<std::tuple<T...>>) {
        std::size_t i = 0;
        (add_item<std::remove_cvref_t<T>>(path, i++), ...);
      }(decltype(fields::types_of(std::declval<const M&>())){});
    } else if constexpr (std::is_class_v<M>) {
      [&]<class... T>(std::type_identity<std::tuple<T...>>) {
        const std::string_view* name = fields::MemberNames<M>::name.data();
        (add_member<std::remove_cvref_t<T>>(path, *name++), ...);
      }(fields::member_types<M>());
    }
  }

 private:
  /// A member without a name gets its struct's.
  template <class M> constexpr void add_member(const Path* path, std::string_view name) {
    const Path member{path, name};
    add<M>(name.empty() ? path : &member);
  }
  template <class M> constexpr void add_item(const Path* path, std::size_t index) {
    char digits[20];
    int begin = 20;
    do digits[--begin] = char('0' + index % 10);
    while ((index /= 10) > 0);
    add_member<M>(path, {digits + begin, std::size_t(20 - begin)});
  }
  constexpr void push(const Path* path) {
    if (path != nullptr) write(*path);
    if (end_ != nullptr) end_[count_] = characters_;
    ++count_;
  }
  constexpr void write(const Path& path) {
    if (path.outer != nullptr) {
      write(*path.outer);
      write('.');
    }
    for (const char c : path.name) write(c);
  }
  constexpr void write(char c) {
    if (text_ != nullptr) text_[characters_] = c;
    ++characters_;
  }

  char* text_;
  int* end_;
  int count_ = 0, characters_ = 0;
};
/// The names of a net's leaves, in declaration order.
struct LeafNames {
  const int* end;  ///< of each in the text
  const char* text;

  constexpr std::string_view operator[](int i) const {
    const int begin = i > 0 ? end[i - 1] : 0;
    return {text + begin, std::size_t(end[i] - begin)};
  }
};
template <int Leaves, int Characters> struct LeafNameTable {
  internals::Array<int, Leaves> end{};
  internals::Array<char, Characters> text{};
};
template <class M> consteval auto write_leaf_names() {
  constexpr auto size = [] {
    LeafNameWalk walk(nullptr, nullptr);
    walk.add<M>(nullptr);
    return walk;
  }();
  LeafNameTable<size.count(), size.characters()> r;
  LeafNameWalk(r.text.data(), r.end.data()).add<M>(nullptr);
  return r;
}
template <class M> inline constexpr auto leaf_name_table = write_leaf_names<M>();
template <class M> constexpr LeafNames leaf_names() {
  return {leaf_name_table<M>.end.data(), leaf_name_table<M>.text.data()};
}

/// f(name, leaf), one function for all leaves of a type.
template <class F, class L> SINTER_OUTLINE void visit_named(const F& f, std::string_view name, L& leaf) {
  f(std::string(name), leaf);
}
template <class M, class F> void for_each_named_leaf(M& m, const F& f) {
  constexpr LeafNames names = leaf_names<std::remove_const_t<M>>();
  int i = 0;
  for_each_leaf(m, [&](auto& leaf) { visit_named(f, names[i++], leaf); });
}

/// What `Model<X>` is made of: X itself, or what the factory X returns.
template <class X> struct NetOf {
  using type = X;
  static constexpr X make() { return X{}; }
};
template <class X> requires(std::is_empty_v<X> && std::is_invocable_v<X>) struct NetOf<X> {
  using type = std::invoke_result_t<X>;
  static constexpr type make() { return X{}(); }
};
template <class X> using net_of = typename NetOf<X>::type;

/// Counts leaves, and writes them where it is told to. One type for all purposes: a net's structs are walked by one set
/// of functions.
class LeafWalk {
 public:
  template <class M> constexpr LeafWalk(M& module, Leaf* to) : to_(to) { for_each_leaf(module, *this); }
  template <class L> constexpr void operator()(L& leaf) { leaf.show(*this); }
  // Its arguments are in registers: hundreds of structs on the stack take the optimizer seconds.
  SINTER_OUTLINE constexpr void add(const LeafType& type, Value& node, void* pointer, ChangeCount*& changes,
                                    const Initializer& initializer) {
    if (to_ != nullptr) to_[count_] = {&type, &node, pointer, &changes, initializer};
    ++count_;
  }
  constexpr int count() const { return count_; }

 private:
  Leaf* to_;
  int count_ = 0;
};
template <class X> consteval int number_of_leaves() {
  // reports its errors before any other
  if constexpr (std::is_class_v<net_of<X>>) (void)fields::Members<net_of<X>>::count;
  auto net = NetOf<X>::make();
  return LeafWalk(net, nullptr).count();
}
/// The leaves of a module, in declaration order.
template <class M> constexpr internals::Array<Leaf, number_of_leaves<M>()> leaves_of(M& module) {
  internals::Array<Leaf, number_of_leaves<M>()> r{};
  LeafWalk(module, r.data());
  return r;
}

/// The index of a member among those of its struct, −1 for none of them.
template <class M, class T> constexpr int index_of_member(T M::*member) {
  M module{};
  int found = -1, i = 0;
  for_each_member(module, [&]<class Member>(Member& m) {
    if constexpr (std::is_same_v<Member, T>)
      if (&m == &(module.*member)) found = i;
    ++i;
  });
  return found;
}

/// The parameters of one dtype: a net has a block of memory for each, which is an input of its programs.
struct ParameterBlock {
  Dtype dtype = Dtype::float32;
  std::int64_t elements = 0;
  std::size_t begin = 0;  ///< in bytes, among the blocks that are not float32
};
/// The blocks of a net: that of float32, which may be empty, and those of the other dtypes that it has.
struct ParameterBlocks {
  std::array<ParameterBlock, number_of_dtypes> block{};
  std::size_t count = 1, bytes = 0;  ///< bytes: of all that are not float32

  constexpr const ParameterBlock& operator[](std::size_t i) const { return block[i]; }
  constexpr std::int64_t elements() const {
    std::int64_t n = 0;
    for (std::size_t i = 0; i < count; ++i) n += block[i].elements;
    return n;
  }
  /// Elements that optimizers move, and the dtype in which they do.
  constexpr std::int64_t trained() const {
    std::int64_t n = 0;
    for (std::size_t i = 0; i < count; ++i) n += is_floating(block[i].dtype) ? block[i].elements : 0;
    return n;
  }
  constexpr Dtype trained_as() const {
    Dtype d = Dtype::float32;
    for (std::size_t i = 0; i < count; ++i)
      if (is_floating(block[i].dtype) && block[i].elements > 0) d = promote(d, block[i].dtype);
    return d;
  }
};
inline constexpr std::size_t buffer_alignment = 64;
constexpr std::int64_t aligned_for_buffers(std::int64_t bytes) {
  return (bytes + std::int64_t(buffer_alignment) - 1) / std::int64_t(buffer_alignment) *
         std::int64_t(buffer_alignment);
}

/// A leaf of a net, and where its elements are.
struct PlacedLeaf {
  LeafType type;
  Initializer initializer;
  /// In bytes: of a parameter in the block of its dtype, of buffers and states among themselves, each aligned; the
  /// index of a scalar.
  std::int64_t begin = 0;

  /// Whether files have it.
  constexpr bool is_stored() const { return type.kind == LeafKind::parameter || type.kind == LeafKind::buffer; }
};
using PlacedLeaves = std::span<const PlacedLeaf>;
template <class X> consteval internals::Array<PlacedLeaf, number_of_leaves<X>()> place_leaves() {
  internals::Array<PlacedLeaf, number_of_leaves<X>()> r{};
  internals::PerDtype<std::int64_t> parameters{};
  std::int64_t buffers = 0, states = 0, scalars = 0;
  auto net = NetOf<X>::make();
  PlacedLeaf* to = r.data();
  for (const Leaf& leaf : leaves_of(net)) {
    const LeafType& type = *leaf.type;
    const std::int64_t bytes = type.bytes();
    std::int64_t begin = 0;
    switch (type.kind) {
      case LeafKind::parameter: begin = std::exchange(parameters[type.dtype], parameters[type.dtype] + bytes); break;
      case LeafKind::buffer: begin = std::exchange(buffers, buffers + aligned_for_buffers(bytes)); break;
      case LeafKind::state: begin = std::exchange(states, states + aligned_for_buffers(bytes)); break;
      case LeafKind::scalar: begin = scalars++; break;
    }
    *to++ = {type, leaf.initializer, begin};
  }
  return r;
}
/// The leaves of `Model<X>`, in declaration order.
template <class X> inline constexpr auto placed_leaves = place_leaves<X>();

template <class X> consteval ParameterBlocks blocks_of_parameters() {
  internals::PerDtype<std::int64_t> elements{};
  for (const PlacedLeaf& leaf : placed_leaves<X>)
    if (leaf.type.kind == LeafKind::parameter) elements[leaf.type.dtype] += leaf.type.shape.size();
  ParameterBlocks b;
  b.block[0].elements = elements[Dtype::float32];
  for (int d = 0; d < number_of_dtypes; ++d)
    if (const std::int64_t n = elements[Dtype(d)]; n > 0 && Dtype(d) != Dtype::float32) {
      b.block[b.count++] = {Dtype(d), n, b.bytes};
      b.bytes += std::size_t(aligned_for_buffers(n * bytes_of(Dtype(d))));
    }
  return b;
}
template <class X> inline constexpr ParameterBlocks parameter_blocks = blocks_of_parameters<X>();

/// Elements in all parameters of a net.
template <class X> consteval std::int64_t count_parameters() { return parameter_blocks<X>.elements(); }
/// The number of `Scalar`, `Buffer` or `State` members below a struct: inputs of its programs in addition to the
/// parameters.
template <class X> consteval int count_leaves(LeafKind kind) {
  int n = 0;
  for (const PlacedLeaf& leaf : placed_leaves<X>) n += leaf.type.kind == kind;
  return n;
}
/// Bytes of all buffers or of all states, each aligned for itself.
template <class X> consteval std::size_t bytes_of_leaves(LeafKind kind) {
  std::int64_t n = 0;
  for (const PlacedLeaf& leaf : placed_leaves<X>)
    if (leaf.type.kind == kind) n = leaf.begin + aligned_for_buffers(leaf.type.bytes());
  return std::size_t(n);
}

}  // namespace graph

/// The name of a member, as files and `state_dict` have it: `member_name(&Net::fc1)` is "fc1".
template <class M, class T> constexpr std::string_view member_name(T M::*member) {
  return graph::fields::MemberNames<M>::name[std::size_t(graph::index_of_member(member))];
}

}  // namespace sinter
