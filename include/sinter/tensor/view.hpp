// Views of host memory: tensors over memory that they do not own, at run-time strides. device_view.hpp has those of
// other places.
#pragma once
#include "tensor.hpp"

namespace sinter::inline SINTER_ABI {

/// Like std::span: copying copies the reference, a const view still writes its elements. `TensorView<const float, 3,
/// 4>` reads only. The memory must outlive the view.
template <class T, auto... E> class BasicView<Host, T, E...> {
 public:
  using element = std::remove_const_t<T>;
  using Copy = Tensor<element, E...>;  ///< the tensor that owns a copy of the elements
  using symbol = Sym<element, E...>;
  using place = Host;
  static constexpr Shape shape = shape_of<E...>;
  static constexpr Dtype dtype = dtype_of<element>;
  static constexpr int rank = shape.rank;
  using Strides = std::array<std::ptrdiff_t, std::size_t(rank)>;

  /// Row-major elements from `data` on.
  explicit BasicView(T* data) : BasicView(data, tensor_detail::row_major_strides<E...>()) {}
  /// Element (i, j, …) is data[i * strides[0] + j * strides[1] + …].
  BasicView(T* data, const Strides& strides) : data_(data), strides_(strides) {}
  /// All of a tensor.
  BasicView(Tensor<element, E...>& tensor) : BasicView(tensor.data()) { take_lengths(tensor); }
  BasicView(const Tensor<element, E...>& tensor) requires std::is_const_v<T> : BasicView(tensor.data()) {
    take_lengths(tensor);
  }
  BasicView(const Tensor<element, E...>&&) = delete;  // the view would outlive the tensor: name it first

  BasicView(const BasicView&) = default;
  /// Writes the elements, as if through a temporary.
  template <class X> requires(!std::is_const_v<T> && (Expression<X> || requires { typename X::symbol; }))
  const BasicView& operator=(const X& x) const {
    if constexpr (std::is_same_v<typename X::symbol, symbol>) evaluate_into(*this, x);
    else tensor_detail::WrongAssignment<symbol, typename X::symbol>::report();
    return *this;
  }
  const BasicView& operator=(const BasicView& x) const requires(!std::is_const_v<T>) {
    evaluate_into(*this, x);
    return *this;
  }

  T* data() const { return data_; }
  const Strides& strides() const { return strides_; }
  static constexpr std::ptrdiff_t size() { return shape.size(); }
  static constexpr int extent(int axis) { return shape[axis]; }
  bool is_row_major() const {
    std::ptrdiff_t stride = 1;
    for (int i = rank - 1; i >= 0; --i) {
      if (shape[i] != 1 && strides_[std::size_t(i)] != stride) return false;
      stride *= shape[i];
    }
    return true;
  }

  std::int64_t length(int dimension) const { return lengths_.get(dimension); }
  template <char Symbol> std::int64_t length() const {
    if constexpr (tensor_detail::Lengths<E...>::find(Symbol) >= 0) return lengths_.get(Symbol);
    else return tensor_has_no_length_of_this_symbol<symbol, Symbol>{};
  }
  template <Upto Extent> std::int64_t length() const {
    return lengths_.get(tensor_detail::known_length<symbol, Extent>);
  }
  template <Upto Extent> void set_length(std::int64_t n) {
    lengths_.set(tensor_detail::known_length<symbol, Extent>, n);
  }
  template <char Symbol> void set_length(std::int64_t n) {
    if constexpr (tensor_detail::Lengths<E...>::find(Symbol) >= 0) lengths_.set(Symbol, n);
    else tensor_has_no_length_of_this_symbol<symbol, Symbol>{};
  }
  void set_length(int dimension, std::int64_t n) { lengths_.set(dimension, n); }
  std::int64_t length_of_axis(int axis) const {
    return shape.symbol(axis) != 0 ? lengths_.get(shape.symbol(axis)) : shape[axis];
  }

  /// One element or a part, as for a tensor. Throws `Error` when an index is out of range.
  template <class... Index>
  requires(tensor_detail::is_index_v<Index>&&...) decltype(auto) operator()(Index... index) const {
    if constexpr (sizeof...(Index) > std::size_t(rank)) {
      return more_indices_than_axes<symbol, Index...>{};
    } else if constexpr (!tensor_detail::ranges_fit<E...>(static_cast<void (*)(Index...)>(nullptr))) {
      return a_bounded_axis_takes_an_index_or_a_whole_range<symbol, Index...>{};
    } else if constexpr (sizeof...(Index) == std::size_t(rank) && !tensor_detail::any_range_v<Index...>) {
      std::ptrdiff_t at = 0;
      int axis = 0;
      (step(at, axis, std::int64_t(index)), ...);
      return (data_[at]);
    } else {
      return tensor_detail::part<Host, T, E...>(*this, data_, strides_, lengths_, index...);
    }
  }
  decltype(auto) operator[](std::int64_t i) const { return (*this)(i); }
  operator element() const requires(rank == 0) { return *data_; }

 private:
  void step(std::ptrdiff_t& at, int& axis, std::int64_t index) const {
    at += strides_[std::size_t(axis)] * tensor_detail::position(*this, axis, index);
    ++axis;
  }
  void take_lengths(const auto& tensor) {
    for (int i = 0; i < rank; ++i)
      if (shape.symbol(i) != 0) lengths_.set(shape.symbol(i), tensor.length(shape.symbol(i)));
  }

  T* data_;
  Strides strides_{};
  [[no_unique_address]] tensor_detail::Lengths<E...> lengths_;
};

}  // namespace sinter
