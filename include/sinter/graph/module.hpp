// Modules: plain structs whose members are parameters, other modules, arrays and tuples of them, and fixed numbers.
#pragma once
#include <array>
#include <string>
#include <type_traits>

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
    is_param_v<T> || is_buffer_v<T> || is_state_v<T> || std::is_same_v<T, Scalar>;
template <class> inline constexpr bool is_array_v = false;
template <class T, std::size_t N> inline constexpr bool is_array_v<std::array<T, N>> = true;
template <class> inline constexpr bool is_tuple_v = false;
template <class... T> inline constexpr bool is_tuple_v<std::tuple<T...>> = true;

/// A value fixed with the model's type: a hyperparameter.
template <class T> inline constexpr bool is_fixed_v = std::is_arithmetic_v<T> || std::is_enum_v<T>;

/// What is wrong with a module, or void: the first struct in it whose members cannot be found, or the first member that
/// is neither parameter nor number.
template <class M> consteval auto fault_of();
template <class T> struct FaultOf { using type = typename decltype(fault_of<T>())::type; };
template <class... T> struct FaultOf<std::tuple<T...>> {
  using type = void;
};
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
    std::apply([&](auto&... item) { (for_each_leaf(item, f), ...); }, m);
  } else if constexpr (std::is_class_v<T>) {
    for_each_field(m, [&](std::string_view, auto& member) { for_each_leaf(member, f); });
  } else if constexpr (!is_fixed_v<T>) {
    (void)module_member_must_be_a_parameter_a_module_an_array_a_tuple_or_a_number<T>{};
  }
}

/// The same with PyTorch's names: members joined by dots, array and tuple items by their index: "blocks.2.fc1.weight".
template <class M, class F> void for_each_named_leaf(M& m, F&& f, const std::string& name = {}) {
  using T = std::remove_const_t<M>;
  const auto below = [&](const auto& part) {
    if (part.empty()) return name;  // a member that gets its struct's name
    std::string s(name.empty() ? "" : name + ".");
    return s.append(part);
  };
  if constexpr (is_leaf_v<T>) {
    f(name, m);
  } else if constexpr (is_array_v<T>) {
    std::size_t i = 0;
    for (auto& item : m) for_each_named_leaf(item, f, below(std::to_string(i++)));
  } else if constexpr (is_tuple_v<T>) {
    std::size_t i = 0;
    std::apply([&](auto&... item) { (for_each_named_leaf(item, f, below(std::to_string(i++))), ...); }, m);
  } else if constexpr (std::is_class_v<T>) {
    for_each_field(m, [&](std::string_view part, auto& member) { for_each_named_leaf(member, f, below(part)); });
  }
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
template <class X> consteval ParameterBlocks blocks_of_parameters() {
  // reports its errors before any other
  if constexpr (std::is_class_v<net_of<X>>) (void)fields::Members<net_of<X>>::count;
  internals::PerDtype<std::int64_t> elements{};
  auto net = NetOf<X>::make();
  for_each_leaf(net, [&](auto& leaf) {
    using Leaf = std::remove_cvref_t<decltype(leaf)>;
    if constexpr (is_param_v<Leaf>) elements[dtype_of<typename Leaf::element>] += leaf.size();
  });
  ParameterBlocks b;
  b.block[0].elements = elements[Dtype::float32];
  for (int d = 0; d < number_of_dtypes; ++d)
    if (const std::int64_t n = elements[d]; n > 0 && Dtype(d) != Dtype::float32) {
      b.block[b.count++] = {Dtype(d), n, b.bytes};
      b.bytes += std::size_t((n * bytes_of(Dtype(d)) + 63) / 64 * 64);
    }
  return b;
}
template <class X> inline constexpr ParameterBlocks parameter_blocks = blocks_of_parameters<X>();

/// Elements in all parameters of a net.
template <class X> consteval std::int64_t count_parameters() { return parameter_blocks<X>.elements(); }

/// The sum of f.operator()<Leaf>() over all leaves below a struct.
template <class T, class F> consteval auto sum_over_leaves(F f) {
  decltype(f.template operator()<Scalar>()) n{};
  auto value = NetOf<T>::make();
  for_each_leaf(value, [&](auto& leaf) { n += f.template operator()<std::remove_cvref_t<decltype(leaf)>>(); });
  return n;
}

/// The number of `Scalar`, `Buffer` and `State` members below a struct: inputs of its programs in addition to the
/// parameters.
template <class T> consteval int count_scalars() {
  return sum_over_leaves<T>([]<class Leaf>() { return int(std::is_same_v<Leaf, Scalar>); });
}
template <class T> consteval int count_buffers() {
  return sum_over_leaves<T>([]<class Leaf>() { return int(is_buffer_v<Leaf>); });
}
template <class T> consteval int count_states() {
  return sum_over_leaves<T>([]<class Leaf>() { return int(is_state_v<Leaf>); });
}
/// Bytes of all buffers and of all states, each aligned for itself.
inline constexpr std::size_t buffer_alignment = 64;
template <class Leaf> inline constexpr std::size_t aligned_bytes =
    (Leaf::size() * sizeof(typename Leaf::element) + buffer_alignment - 1) / buffer_alignment * buffer_alignment;
template <class T> consteval std::size_t buffer_bytes() {
  return sum_over_leaves<T>([]<class Leaf>() -> std::size_t {
    if constexpr (is_buffer_v<Leaf>) return aligned_bytes<Leaf>;
    else return 0;
  });
}
template <class T> consteval std::size_t state_bytes() {
  return sum_over_leaves<T>([]<class Leaf>() -> std::size_t {
    if constexpr (is_state_v<Leaf>) return aligned_bytes<Leaf>;
    else return 0;
  });
}

}  // namespace graph
}  // namespace sinter
