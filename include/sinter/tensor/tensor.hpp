// Tensor: owns its elements; its shape is part of its type.
#pragma once
#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <type_traits>

#include "dtype.hpp"
#include "error.hpp"
#include "extents.hpp"
#include "place.hpp"
#include "range.hpp"
#include "storage.hpp"

namespace sinter::inline SINTER_ABI {

template <Element T, auto... E> struct Sym;
/// A tensor that does not own its elements, in the memory of a place. `TensorView<float, 3, 4>` is its usual alias.
template <class Place, class T, auto... E> class BasicView;

/// A view of host memory, like std::span: `TensorView<const float, 3, 4>` reads only. view.hpp.
template <class T, auto... E> using TensorView = BasicView<Host, T, E...>;
/// A view of memory of another place, `TensorViewOn<Cuda, float, 3, 4>`: device_view.hpp.
template <class Place, class T, auto... E> using TensorViewOn = BasicView<Place, T, E...>;

/// The one tensor type: element type, memory space, layout, extents. `Tensor<float, 32, 784>` is its usual alias.
template <class T, class Place, class Layout, auto... E> class BasicTensor;

/// A tensor in host memory, row-major: `Tensor<float, 32, 784>`, `Tensor<int,
/// upto<128, 'B'>>`, `Tensor<float>` (a scalar).
template <Element T, auto... E> using Tensor = BasicTensor<T, Host, RowMajor, E...>;
/// A tensor in another memory space, `TensorOn<Cuda, float, 32, 784>`: transfer.hpp.
template <class Place, Element T, auto... E> using TensorOn = BasicTensor<T, Place, RowMajor, E...>;

// Undefined on purpose: the names are the errors.
template <class To, class From> struct assigned_shapes_differ;
template <class To, class From> struct assigned_dtypes_differ_write_cast;
template <class T, class... Values> struct a_tensor_of_several_axes_takes_a_list_of_lists_or_reshape_of_another;
template <class T, class... Indices> struct more_indices_than_axes;
template <class T, class... Indices> struct a_bounded_axis_takes_an_index_or_a_whole_range;
template <class T, auto Symbol> struct tensor_has_no_length_of_this_symbol;

/// An expression over tensors that has not been evaluated: graph/call.hpp.
template <class X>
concept Expression = requires { typename X::symbol; typename X::is_expression; };

namespace tensor_detail {

template <class T, int Rank> struct Nested { using type = std::initializer_list<typename Nested<T, Rank - 1>::type>; };
template <class T> struct Nested<T, 0> { using type = T; };

/// The error of an assignment between tensors of other types: of another shape, or only of another dtype.
template <class To, class From> struct WrongAssignment {
  static auto report() { return assigned_shapes_differ<To, From>{}; }
};
template <class T, class U, auto... E> struct WrongAssignment<Sym<T, E...>, Sym<U, E...>> {
  static auto report() { return assigned_dtypes_differ_write_cast<Sym<T, E...>, Sym<U, E...>>{}; }
};

[[noreturn]] SINTER_COLD inline void wrong_range(bool bounded, std::int64_t expected, std::size_t found) {
  throw_error(
      ErrorCode::shape, "elements of a range",
      (bounded ? "expected at most " : "expected ") + std::to_string(expected) + ", found " + std::to_string(found));
}
[[noreturn]] SINTER_COLD inline void index_out_of_range(int axis, std::int64_t index, std::int64_t length,
                                                        std::int64_t capacity) {
  throw_error(ErrorCode::argument, "index of axis " + std::to_string(axis),
              "expected " + std::to_string(-length) + " … " + std::to_string(capacity - 1) + ", found " +
                  std::to_string(index));
}
/// The position that an index selects: a negative one counts from the end of the axis, as it is now.
template <class X> inline std::int64_t position(const X& x, int axis, std::int64_t index) {
  if (std::uint64_t(index) < std::uint64_t(X::shape[axis])) return index;
  const std::int64_t length = x.length_of_axis(axis);
  if (index >= 0 || index < -length) index_out_of_range(axis, index, length, X::shape[axis]);
  return index + length;
}
[[noreturn]] SINTER_COLD inline void wrong_length(int symbol, std::int64_t length, std::int64_t capacity) {
  throw_error(ErrorCode::length, "length " + name_of_dimension(symbol),
              "expected 0 … " + std::to_string(capacity) + ", found " + std::to_string(length),
              "a bounded extent holds no more than its capacity");
}
[[noreturn]] SINTER_COLD inline void no_such_length(int symbol) {
  throw_error(ErrorCode::length, "length " + name_of_dimension(symbol),
              "expected a symbol of one of the tensor's extents, found none of this name");
}
[[noreturn]] SINTER_COLD inline void wrong_list(int axis, std::size_t found, std::int64_t expected) {
  throw_error(ErrorCode::shape, "list for axis " + std::to_string(axis),
              "expected " + std::to_string(expected) + " elements, found " + std::to_string(found));
}

/// The symbolic dimension of an extent that a tensor has.
template <class S> consteval bool has_symbol(int symbol) {
  for (int i = 0; i < S::shape.rank; ++i)
    if (S::shape.symbol(i) == symbol) return true;
  return false;
}
template <class S, Upto Extent> inline constexpr int known_length = [] {
  if constexpr (has_symbol<S>(length_of(Extent))) return length_of(Extent);
  else return tensor_has_no_length_of_this_symbol<S, Extent>{};
}();

/// The run-time lengths of bounded extents; empty if there are none.
template <auto... E> class Lengths {
  static constexpr Shape shape = shape_of<E...>;

 public:
  /// Index of the first axis with this symbolic dimension, −1 if there is none.
  static constexpr int find(int symbol) {
    for (int i = 0; i < shape.rank; ++i)
      if (shape.symbol(i) == symbol) return i;
    return -1;
  }
  /// Throw `Error` for a symbolic dimension that no extent has, and for a length above its capacity.
  constexpr std::int64_t get(int symbol) const {
    if (find(symbol) < 0) no_such_length(symbol);
    return length_[std::size_t(find(symbol))];
  }
  constexpr void set(int symbol, std::int64_t n) {
    if (find(symbol) < 0) no_such_length(symbol);
    for (int i = 0; i < shape.rank; ++i)
      if (shape.symbol(i) == symbol && (n < 0 || n > shape[i])) wrong_length(symbol, n, shape[i]);
    for (int i = 0; i < shape.rank; ++i)
      if (shape.symbol(i) == symbol) length_[std::size_t(i)] = n;
  }

 private:
  std::array<std::int64_t, sizeof...(E)> length_{capacity_of(E)...};
};
template <auto... E> requires(!shape_of<E...>.bounded()) class Lengths<E...> {
 public:
  static constexpr int find(int) { return -1; }
  static std::int64_t get(int symbol) { no_such_length(symbol); }
  static void set(int symbol, std::int64_t) { no_such_length(symbol); }
};

}  // namespace tensor_detail

template <class T, class Layout, auto... E> class BasicTensor<T, Host, Layout, E...> {
 public:
  using element = T;
  using symbol = Sym<T, E...>;
  using place = Host;
  using layout = Layout;
  static constexpr Shape shape = shape_of<E...>;
  static constexpr Dtype dtype = dtype_of<T>;
  static constexpr int rank = shape.rank;

  /// All zeros; bounded extents at their full length.
  BasicTensor() = default;
  explicit BasicTensor(tensor_detail::Uninitialized tag) : storage_(tag) {}
  /// Uninitialised; if it is large, in memory of a pool, to which it returns.
  BasicTensor(tensor_detail::Uninitialized tag, tensor_detail::Pool& pool) : storage_(tag, pool) {}
  BasicTensor(tensor_detail::InItsMemory tag, const BasicTensor& other)
      : storage_(tag, other.storage_), lengths_(other.lengths_) {}

  /// From nested lists, `Tensor<float, 2, 2> a{{1, 2}, {3, 4}};`. Throws
  /// `Error` if a list has another length than its axis.
  BasicTensor(typename tensor_detail::Nested<T, rank>::type values) requires(rank > 0) : storage_(uninitialized) {
    T* out = data();
    fill_from<0>(values, out);
  }
  template <class... V> requires(rank > 1 && sizeof...(V) > 1 && (std::is_arithmetic_v<V> && ...))
  BasicTensor(V...) {
    using Refused = a_tensor_of_several_axes_takes_a_list_of_lists_or_reshape_of_another<symbol, V...>;
    static_assert(tensor_detail::ErrorNamed<Refused>::absent);
  }
  /// From the elements of a contiguous range, in row-major order: `std::vector<float> v(6); Tensor<float, 2, 3> a =
  /// v;`. A bounded tensor of rank 1 takes their number as its length. Throws `Error` if there are too few or too
  /// many. PyTorch: torch.tensor(list).reshape(shape).
  template <class R>
  requires(
      !requires { typename R::symbol; } &&
      requires(const R& r) {
        { std::data(r) } -> std::convertible_to<const T*>;
        std::size(r);
      }) BasicTensor(const R& range)
      : storage_(uninitialized) {
    const auto n = std::int64_t(std::size(range));
    constexpr bool takes_length = rank == 1 && shape.bounded();
    if (takes_length ? n > size() : n != size()) tensor_detail::wrong_range(takes_length, size(), std::size_t(n));
    if constexpr (takes_length) set_length(shape.symbol(0), n);
    std::copy_n(std::data(range), n, data());
    std::fill(data() + n, data() + size(), T());
  }
  /// A scalar.
  BasicTensor(T value) requires(rank == 0) : storage_(uninitialized) { *data() = value; }

  /// Computes an expression: `Tensor<float, 32, 10> p = softmax(matmul(x, w) + b);`.
  template <Expression X> BasicTensor(const X& expression) : storage_(uninitialized) {
    if constexpr (std::is_same_v<typename X::symbol, symbol>) evaluate_into(*this, expression);
    else tensor_detail::WrongAssignment<symbol, typename X::symbol>::report();
  }
  template <class U, class L, auto... F> requires(sizeof...(F) > 0 && !std::is_same_v<Sym<U, F...>, symbol>)
  BasicTensor(const BasicTensor<U, Host, L, F...>&) {
    tensor_detail::WrongAssignment<symbol, Sym<U, F...>>::report();
  }
  /// As if through a temporary: the destination may appear in the expression.
  template <Expression X> SINTER_INLINE BasicTensor& operator=(const X& expression) {
    storage_.renew();
    if constexpr (std::is_same_v<typename X::symbol, symbol>) evaluate_into(*this, expression);
    else tensor_detail::WrongAssignment<symbol, typename X::symbol>::report();
    return *this;
  }

  /// Copies the elements of a view of host memory.
  template <class P, class V>
  BasicTensor(const BasicView<P, V, E...>& view) requires std::is_same_v<std::remove_const_t<V>, T>
      : storage_(uninitialized) {
    evaluate_into(*this, view);
  }

  T* data() SINTER_LIFETIMEBOUND { return storage_.data(); }
  const T* data() const SINTER_LIFETIMEBOUND { return storage_.data(); }
  /// Capacity in elements.
  static constexpr std::ptrdiff_t size() { return shape.size(); }
  static constexpr int extent(int axis) { return shape[axis]; }

  /// The run-time length of a symbolic dimension, `x.length<'B'>()`, or of an extent, `x.length<upto<8, 'B'>>()`.
  template <char Symbol> std::int64_t length() const {
    if constexpr (tensor_detail::Lengths<E...>::find(Symbol) >= 0) return lengths_.get(Symbol);
    else return tensor_has_no_length_of_this_symbol<symbol, Symbol>{};
  }
  template <Upto Extent> std::int64_t length() const {
    return lengths_.get(tensor_detail::known_length<symbol, Extent>);
  }
  std::int64_t length(int dimension) const { return lengths_.get(dimension); }
  /// Sets it; elements past the length are ignored, and assignments may change them. Throws `Error` above the capacity.
  template <char Symbol> void set_length(std::int64_t n) {
    if constexpr (tensor_detail::Lengths<E...>::find(Symbol) >= 0) set_length(Symbol, n);
    else tensor_has_no_length_of_this_symbol<symbol, Symbol>{};
  }
  template <Upto Extent> void set_length(std::int64_t n) {
    lengths_.set(tensor_detail::known_length<symbol, Extent>, n);
  }
  void set_length(int dimension, std::int64_t n) { lengths_.set(dimension, n); }
  /// The current length of an axis: the run-time length if bounded, the extent otherwise.
  std::int64_t length_of_axis(int axis) const {
    if constexpr (!shape.bounded()) return shape[axis];
    else return shape.symbol(axis) != 0 ? lengths_.get(shape.symbol(axis)) : shape[axis];
  }

  /// One element, `x(2, 3)`; or a part as a view, `x(2)`, `x(range<>, range<1, 3>)`: axes after the last index stay
  /// whole, and a negative index counts from the end. Throws `Error` when one is out of range. From a temporary,
  /// `make()[2]`, it is a copy. NumPy: x[2, 3], x[2], x[:, 1:3].
  template <class... Index>
  requires(tensor_detail::is_index_v<Index>&&...) decltype(auto) operator()(Index... index) & {
    return at(data(), index...);
  }
  template <class... Index>
  requires(tensor_detail::is_index_v<Index>&&...) decltype(auto) operator()(Index... index) const& {
    return at(data(), index...);
  }
  template <class... Index>
  requires(tensor_detail::is_index_v<Index>&&...) auto operator()(Index... index) const&& {
    return kept(at(data(), index...));
  }
  decltype(auto) operator[](std::int64_t i) & { return at(data(), i); }
  decltype(auto) operator[](std::int64_t i) const& { return at(data(), i); }
  auto operator[](std::int64_t i) const&& { return kept(at(data(), i)); }

  /// The value of a scalar.
  operator T() const requires(rank == 0) { return *data(); }
  /// The value of a tensor of one element. PyTorch: x.item().
  T item() const requires(shape.size() == 1 && !shape.bounded()) { return *data(); }

  void fill(T value) { std::fill(data(), data() + size(), value); }
  T* begin() SINTER_LIFETIMEBOUND { return data(); }
  T* end() SINTER_LIFETIMEBOUND { return data() + size(); }
  const T* begin() const SINTER_LIFETIMEBOUND { return data(); }
  const T* end() const SINTER_LIFETIMEBOUND { return data() + size(); }

 private:
  template <class U, class... Index> decltype(auto) at(U* elements, Index... index) const {
    if constexpr (sizeof...(Index) > std::size_t(rank)) {
      return more_indices_than_axes<symbol, Index...>{};
    } else if constexpr (!tensor_detail::ranges_fit<E...>(static_cast<void (*)(Index...)>(nullptr))) {
      return a_bounded_axis_takes_an_index_or_a_whole_range<symbol, Index...>{};
    } else if constexpr (sizeof...(Index) == std::size_t(rank) && !tensor_detail::any_range_v<Index...>) {
      std::ptrdiff_t offset = 0;
      int axis = 0;
      (step(offset, axis, std::int64_t(index)), ...);
      return (elements[offset]);
    } else {
      constexpr auto strides = tensor_detail::row_major_strides<E...>();
      return tensor_detail::part<Host, U, E...>(*this, elements, strides, lengths_, index...);
    }
  }
  /// A part, or an element, that outlives this tensor.
  template <class Part> static auto kept(const Part& part) {
    if constexpr (requires { part.strides(); }) return typename Part::Copy(part);
    else return part;
  }
  void step(std::ptrdiff_t& at, int& axis, std::int64_t index) const {
    at = at * shape[axis] + tensor_detail::position(*this, axis, index);
    ++axis;
  }
  template <int Axis, class List> static void fill_from(const List& list, T*& out) {
    if (std::int64_t(list.size()) != shape[Axis]) tensor_detail::wrong_list(Axis, list.size(), shape[Axis]);
    for (const auto& item : list) {
      if constexpr (Axis + 1 < rank) fill_from<Axis + 1>(item, out);
      else *out++ = item;
    }
  }

  tensor_detail::Storage<T, std::size_t(shape.size())> storage_;
  [[no_unique_address]] tensor_detail::Lengths<E...> lengths_;
};

}  // namespace sinter
