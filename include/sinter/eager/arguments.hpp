// What a program needs to know about the tensors that it is called with.
#pragma once
#include <array>
#include <cstdint>
#include <cstring>
#include <new>

#include "../graph/param.hpp"
#include "../graph/tree.hpp"

namespace sinter::inline SINTER_ABI::internals::eager {

/// One tensor in memory, type-erased. Without initialisers: at -O2 an array of them would be filled by a loop.
struct Argument {
  std::byte* data;
  std::size_t bytes;
  const Shape* shape;
  int element_bytes;
  bool row_major;
  bool keeps_lengths;  ///< a view: its lengths belong to the tensor whose memory it shares
  Array<std::int64_t, Shape::max_rank> length;    ///< of each axis, now; set only where the shape is bounded
  Array<std::ptrdiff_t, Shape::max_rank> stride;  ///< in elements; set only where not row-major
};

/// Row-major elements whose shape has no symbols.
[[gnu::always_inline]] inline Argument describe_memory(const void* data, std::size_t bytes, const Shape* shape,
                                                       int element_bytes) {
  Argument a;
  a.data = static_cast<std::byte*>(const_cast<void*>(data));
  a.bytes = bytes;
  a.shape = shape;
  a.element_bytes = element_bytes;
  a.row_major = true;
  a.keeps_lengths = false;
  return a;
}
template <class T> inline Argument describe(const T& tensor) {
  Argument a = describe_memory(tensor.data(), T::shape.size() * sizeof(typename T::element), &T::shape,
                               int(sizeof(typename T::element)));
  if constexpr (T::shape.bounded())
    for (int i = 0; i < T::shape.rank; ++i) a.length[i] = tensor.length_of_axis(i);
  if constexpr (graph::is_view_v<T>) {
    a.row_major = tensor.is_row_major();
    a.keeps_lengths = T::shape.bounded();
    if (!a.row_major || a.keeps_lengths)
      for (int i = 0; i < T::rank; ++i) a.stride[i] = tensor.strides()[std::size_t(i)];
  }
  return a;
}
template <class T> inline Argument describe_number(const T& value) {
  static constexpr Shape scalar{};
  return describe_memory(&value, sizeof(T), &scalar, int(sizeof(T)));
}

// The leaves of an expression.
template <class T> inline Argument argument(const graph::NumberLeaf<T>& n) { return describe_number(n.value); }
template <class T> inline Argument argument(const graph::Ref<T>& r) { return describe(*r.tensor); }
template <class T> inline Argument argument(const graph::Own<T>& o) { return describe(o.tensor); }
template <class V> inline Argument argument(const graph::Held<V>& h) { return describe(h.view); }
template <class S> inline Argument argument(const graph::Computed<S>& c) { return describe(c.tensor()); }
template <class T, auto... E> inline Argument argument(const Param<T, E...>& p) {
  if (p.memory() == nullptr && p.size() > 0) graph::parameter_has_no_memory();
  return describe(TensorView<const T, E...>(p.memory()));
}
template <class L> requires requires { typename L::is_constant; } inline Argument argument(const L&) {
  return describe_memory(L::elements.data(), sizeof L::elements, &L::shape, int(sizeof(typename L::element)));
}
inline Argument argument(const Scalar& s) { return describe_number(s.stored()); }

/// Describes every leaf of an expression, from left to right, and returns the end.
template <class X> [[gnu::always_inline]] inline Argument* describe_leaves(const X& x, Argument* to) {
  ::new (static_cast<void*>(to)) auto(argument(x));  // made in place, where an assignment would copy all of it
  return to + 1;
}
template <class Fn, class... A>
[[gnu::always_inline]] inline Argument* describe_leaves(const Call<Fn, A...>& call, Argument* to) {
  call.arguments.spread([&to](const A&... a) { ((to = describe_leaves(a, to)), ...); });
  return to;
}

/// Describes a leaf of a tree.
template <class T> [[gnu::always_inline]] inline Argument describe_leaf(const T& leaf) {
  if constexpr (Operand<T>) return describe(leaf);
  else return describe_number(leaf);
}
/// Describes every leaf of a tree, in order, and returns the end.
template <class T> [[gnu::always_inline]] inline Argument* describe_tree(const T& tree, Argument* to) {
  graph::for_each_tensor(tree, [&](const auto& tensor) { *to++ = describe_leaf(tensor); });
  return to;
}

/// Copies a strided tensor, up to its lengths, to row-major memory, or back.
inline void copy_strided(const Argument& a, std::byte* row_major, bool to_row_major) {
  const int rank = a.shape->rank;
  const auto length = [&](int i) { return a.shape->symbol(i) != 0 ? a.length[i] : (*a.shape)[i]; };
  for (int i = 0; i < rank; ++i)
    if (length(i) == 0) return;
  Array<int, Shape::max_rank> index{};
  for (bool more = true; more;) {
    std::ptrdiff_t offset = 0, at = 0;
    for (int i = 0; i < rank; ++i) {
      offset += index[i] * a.stride[i];
      at = at * (*a.shape)[i] + index[i];
    }
    std::byte *const element = a.data + offset * a.element_bytes, *const copy = row_major + at * a.element_bytes;
    std::memcpy(to_row_major ? copy : element, to_row_major ? element : copy, std::size_t(a.element_bytes));
    more = false;
    for (int i = rank - 1; i >= 0 && !more; --i) {
      more = ++index[i] < length(i);
      if (!more) index[i] = 0;
    }
  }
}

}  // namespace sinter::internals::eager
