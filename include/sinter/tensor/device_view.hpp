// Views of memory of another place than the host: parts of a `TensorOn<Cuda, …>`, and memory that others own there.
#pragma once
#include "indexing.hpp"
#include "memory.hpp"

namespace sinter::inline SINTER_ABI {

// Undefined on purpose: the names are the errors.
template <class T, class Place> struct elements_of_another_place_are_read_and_written_through_copies_to_Host;
template <class To, class From> struct assigned_places_differ_copy_by_to;

namespace tensor_detail {

/// The part that indices select of a tensor or view of another place.
template <class Place, class T, auto... E, class X, class Strides, class Lengths, class... Index>
auto part_elsewhere(const X& whole, T* data, const Strides& strides, const Lengths& lengths, Index... index) {
  using symbol = typename X::symbol;
  if constexpr (sizeof...(Index) > sizeof...(E))
    return more_indices_than_axes<symbol, Index...>{};
  else if constexpr (!ranges_fit<E...>(static_cast<void (*)(Index...)>(nullptr)))
    return a_bounded_axis_takes_an_index_or_a_whole_range<symbol, Index...>{};
  else if constexpr (sizeof...(Index) == sizeof...(E) && !any_range_v<Index...>)
    return elements_of_another_place_are_read_and_written_through_copies_to_Host<symbol, Place>{};
  else return part<Place, T, E...>(whole, data, strides, lengths, index...);
}

}  // namespace tensor_detail

/// `TensorViewOn<Cuda, float, 3, 4>`, the type of `x(2)` and other parts of a `TensorOn<Cuda, float, 5, 3, 4>`. Copying
/// it copies the reference; the memory must outlive it. Its elements are read by `to<Host>(view)`, and written by
/// assigning a tensor or view of the same place, `view = to<Cuda>(x)`, with one copy for each run of elements that is
/// contiguous in both. Reading one on the host, and assigning a tensor of another place, are compile errors. PyTorch: a
/// view of a CUDA tensor; reading an element is a hidden copy there.
template <class Place, class T, auto... E> class BasicView {
 public:
  using element = std::remove_const_t<T>;
  using Copy = TensorOn<Place, element, E...>;  ///< the tensor that owns a copy of the elements
  using symbol = Sym<element, E...>;
  using place = Place;
  static constexpr Shape shape = shape_of<E...>;
  static constexpr Dtype dtype = dtype_of<element>;
  static constexpr int rank = shape.rank;
  using Strides = std::array<std::ptrdiff_t, std::size_t(rank)>;

  /// Row-major elements from `address` on, which is one of this place.
  explicit BasicView(T* address) : BasicView(address, tensor_detail::row_major_strides<E...>()) {}
  /// Element (i, j, …) is at address + i * strides[0] + j * strides[1] + ….
  BasicView(T* address, const Strides& strides) : address_(address), strides_(strides) {}
  /// All of a tensor.
  BasicView(TensorOn<Place, element, E...>& x) : BasicView(x.address()) { lengths_ = x.lengths(); }
  BasicView(const TensorOn<Place, element, E...>& x) requires std::is_const_v<T> : BasicView(x.address()) {
    lengths_ = x.lengths();
  }
  BasicView(const TensorOn<Place, element, E...>&&) = delete;  // the view would outlive the tensor: name it first

  BasicView(const BasicView&) = default;
  /// Writes the elements, as if through a temporary.
  template <class X> requires(!std::is_const_v<T> && requires { typename X::symbol; typename X::place; })
  const BasicView& operator=(const X& x) const {
    if constexpr (Expression<X>) evaluate_into(*this, x);
    else if constexpr (!std::is_same_v<typename X::symbol, symbol>)
      tensor_detail::WrongAssignment<symbol, typename X::symbol>::report();
    else if constexpr (!std::is_same_v<typename X::place, Place>)
      (void)assigned_places_differ_copy_by_to<Place, typename X::place>{};
    else if constexpr (requires { x.strides(); }) write(Copy(x));
    else if (may_hold(x)) write(Copy(x));
    else write(x);
    return *this;
  }
  const BasicView& operator=(const BasicView& x) const requires(!std::is_const_v<T>) {
    write(Copy(x));
    return *this;
  }

  /// The first element, for code that runs in this place.
  T* address() const { return address_; }
  const Strides& strides() const { return strides_; }
  const tensor_detail::Lengths<E...>& lengths() const { return lengths_; }
  static constexpr std::ptrdiff_t size() { return shape.size(); }
  static constexpr int extent(int axis) { return shape[axis]; }
  std::int64_t length(int dimension) const { return lengths_.get(dimension); }
  void set_length(int dimension, std::int64_t n) { lengths_.set(dimension, n); }
  std::int64_t length_of_axis(int axis) const {
    return shape.symbol(axis) != 0 ? lengths_.get(shape.symbol(axis)) : shape[axis];
  }

  /// A part, as of a view of host memory. Throws `Error` when an index is out of range.
  template <class... Index> requires(tensor_detail::is_index_v<Index>&&...) auto operator()(Index... index) const {
    return tensor_detail::part_elsewhere<Place, T, E...>(*this, address_, strides_, lengths_, index...);
  }
  auto operator[](std::int64_t i) const { return (*this)(i); }

 private:
  /// Whether the view may be part of a tensor.
  bool may_hold(const Copy& x) const { return address_ >= x.address() && address_ < x.address() + Copy::size(); }
  void write(const Copy& x) const {
    tensor_detail::copy_strided<Place>(shape, address_, strides_, x.address(),
                                       tensor_detail::row_major_strides<E...>(), Transfer::within);
  }

  T* address_;
  Strides strides_;
  [[no_unique_address]] tensor_detail::Lengths<E...> lengths_;
};

}  // namespace sinter
