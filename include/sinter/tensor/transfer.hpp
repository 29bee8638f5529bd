// Tensors in memory of another place than the host, and copies between the two.
#pragma once
#include <memory>

#include "device_view.hpp"

namespace sinter::inline SINTER_ABI {

/// A tensor in another memory space, `TensorOn<Cuda, float, 32, 784>`: row-major, its memory its own. Its elements are
/// read and written through copies, `to<Host>(x)` and `to<Cuda>(y)`; operands of different places, and statements that
/// would read it from the host, are compile errors. Its parts, `x(2)`, are views of the same place (device_view.hpp).
template <class T, class Place, auto... E> requires(!std::is_same_v<Place, Host>)
class BasicTensor<T, Place, RowMajor, E...> {
 public:
  using element = T;
  using symbol = Sym<T, E...>;
  using place = Place;
  using layout = RowMajor;
  static constexpr Shape shape = shape_of<E...>;
  static constexpr Dtype dtype = dtype_of<T>;
  static constexpr int rank = shape.rank;
  static constexpr std::size_t bytes = std::size_t(shape.size()) * sizeof(T);

  explicit BasicTensor(tensor_detail::Uninitialized)
      : memory_(bytes > 0 ? MemoryOf<Place>::allocate(bytes) : nullptr) {}
  /// All zeros; bounded extents at their full length.
  BasicTensor() : BasicTensor(Tensor<T, E...>()) {}
  /// The elements and lengths of a tensor on the host.
  explicit BasicTensor(const Tensor<T, E...>& x) : BasicTensor(uninitialized) {
    tensor_detail::copy_elements<Place>(address(), x.data(), size(), Transfer::in);
    take_lengths(x);
  }
  /// The elements and lengths of a view of the same place.
  template <class V> requires std::is_same_v<std::remove_const_t<V>, T>
  explicit BasicTensor(const BasicView<Place, V, E...>& x) : BasicTensor(uninitialized) {
    constexpr auto strides = tensor_detail::row_major_strides<E...>();
    tensor_detail::copy_strided<Place, T>(shape, address(), strides, x.address(), x.strides(), Transfer::within);
    lengths_ = x.lengths();
  }
  BasicTensor(const BasicTensor& x) : BasicTensor(uninitialized) { *this = x; }
  BasicTensor(BasicTensor&&) noexcept = default;
  BasicTensor& operator=(const BasicTensor& x) {
    if (this == &x) return *this;
    if (memory_ == nullptr) *this = BasicTensor(uninitialized);
    tensor_detail::copy_elements<Place>(address(), x.address(), size(), Transfer::within);
    lengths_ = x.lengths_;
    return *this;
  }
  BasicTensor& operator=(BasicTensor&&) noexcept = default;

  /// The first element, for code that runs in this place.
  T* address() { return reinterpret_cast<T*>(memory_.get()); }
  const T* address() const { return reinterpret_cast<const T*>(memory_.get()); }
  /// Capacity in elements.
  static constexpr std::ptrdiff_t size() { return shape.size(); }
  static constexpr int extent(int axis) { return shape[axis]; }
  const tensor_detail::Lengths<E...>& lengths() const { return lengths_; }
  std::int64_t length(int dimension) const { return lengths_.get(dimension); }
  void set_length(int dimension, std::int64_t n) { lengths_.set(dimension, n); }
  std::int64_t length_of_axis(int axis) const {
    return shape.symbol(axis) != 0 ? lengths_.get(shape.symbol(axis)) : shape[axis];
  }

  /// A part as a view of this place, `x(2)`, `x(range<>, range<1, 3>)`, as of a tensor on the host. Throws `Error` when
  /// an index is out of range. From a temporary it is a copy.
  template <class... Index> requires(tensor_detail::is_index_v<Index>&&...) auto operator()(Index... index) & {
    return at(address(), index...);
  }
  template <class... Index> requires(tensor_detail::is_index_v<Index>&&...) auto operator()(Index... index) const& {
    return at(address(), index...);
  }
  template <class... Index> requires(tensor_detail::is_index_v<Index>&&...) auto operator()(Index... index) const&& {
    using Part = decltype(at(address(), index...));
    return typename Part::Copy(at(address(), index...));
  }
  auto operator[](std::int64_t i) & { return at(address(), i); }
  auto operator[](std::int64_t i) const& { return at(address(), i); }
  auto operator[](std::int64_t i) const&& { return std::move(*this)(i); }

 private:
  template <class U, class... Index> auto at(U* elements, Index... index) const {
    constexpr auto strides = tensor_detail::row_major_strides<E...>();
    return tensor_detail::part_elsewhere<Place, U, E...>(*this, elements, strides, lengths_, index...);
  }
  struct Release {
    void operator()(std::byte* at) const noexcept {
      // the constructor says that a place has no memory; once is enough
      if constexpr (requires { sizeof(MemoryOf<Place>); }) MemoryOf<Place>::release(at);
    }
  };
  void take_lengths(const Tensor<T, E...>& x) {
    for (int i = 0; i < rank; ++i)
      if (shape.symbol(i) != 0) lengths_.set(shape.symbol(i), x.length(shape.symbol(i)));
  }

  std::unique_ptr<std::byte, Release> memory_;
  [[no_unique_address]] tensor_detail::Lengths<E...> lengths_;
};

/// A copy of a tensor in another place: `to<Cuda>(x)`, `to<Host>(y)`. PyTorch: x.to("cuda"), y.cpu().
template <class Place, class T, class From, auto... E> auto to(const BasicTensor<T, From, RowMajor, E...>& x) {
  if constexpr (std::is_same_v<Place, From>) return x;
  else if constexpr (std::is_same_v<From, Host>) return TensorOn<Place, T, E...>(x);
  else return to<Place>(TensorViewOn<From, const T, E...>(x));
}
/// The same of a view, `to<Host>(y(2))`: one copy for each run of its elements that is contiguous. PyTorch: y[2].cpu().
template <class Place, class T, class From, auto... E> auto to(const BasicView<From, T, E...>& x) {
  using Element = std::remove_const_t<T>;
  if constexpr (std::is_same_v<Place, From>) {
    return TensorOn<Place, Element, E...>(x);
  } else if constexpr (std::is_same_v<From, Host>) {
    return TensorOn<Place, Element, E...>(Tensor<Element, E...>(x));
  } else {
    Tensor<Element, E...> y(uninitialized);
    constexpr auto strides = tensor_detail::row_major_strides<E...>();
    tensor_detail::copy_strided<From, Element>(x.shape, y.data(), strides, x.address(), x.strides(), Transfer::out);
    for (int i = 0; i < x.rank; ++i)
      if (x.shape.symbol(i) != 0) y.set_length(x.shape.symbol(i), x.length(x.shape.symbol(i)));
    if constexpr (std::is_same_v<Place, Host>) return y;
    else return TensorOn<Place, Element, E...>(y);
  }
}

}  // namespace sinter
