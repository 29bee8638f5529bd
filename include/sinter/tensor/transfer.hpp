// Tensors in memory of another place than the host, and copies between the two.
#pragma once
#include <memory>

#include "tensor.hpp"

namespace sinter {

/// Which way bytes are copied: into a place from the host, out of it, or within it.
enum class Transfer { in, out, within };

/// How a place keeps memory. A backend whose place it is specialises it (`MemoryOf<Cuda>`: backend/cuda/memory.hpp):
///   static std::byte* allocate(std::size_t bytes);                    // throws Error
///   static void release(std::byte* at) noexcept;
///   static void copy(std::byte* to, const std::byte* from, std::size_t bytes, Transfer way);
/// Undefined for places that no header included so far brings.
template <class Place> struct MemoryOf;

/// A tensor in another memory space, `TensorOn<Cuda, float, 32, 784>`: row-major, its memory its own. Its elements are
/// read and written through copies, `to<Host>(x)` and `to<Cuda>(y)`; operands of different places, and statements that
/// would read it from the host, are compile errors.
template <class T, class Place, auto... E> requires(!std::is_same_v<Place, Host>)
class BasicTensor<T, Place, RowMajor, E...> {
 public:
  using element = T;
  using symbol = Sym<T, E...>;
  using place = Place;
  using layout = RowMajor;
  static constexpr Shape shape = shape_of<E...>;
  static constexpr int rank = shape.rank;
  static constexpr std::size_t bytes = std::size_t(shape.size()) * sizeof(T);

  explicit BasicTensor(tensor_detail::Uninitialized)
      : memory_(bytes > 0 ? MemoryOf<Place>::allocate(bytes) : nullptr) {}
  /// All zeros; bounded extents at their full length.
  BasicTensor() : BasicTensor(Tensor<T, E...>()) {}
  /// The elements and lengths of a tensor on the host.
  explicit BasicTensor(const Tensor<T, E...>& x) : BasicTensor(uninitialized) {
    copy(address(), x.data(), Transfer::in);
    take_lengths(x);
  }
  BasicTensor(const BasicTensor& x) : BasicTensor(uninitialized) { *this = x; }
  BasicTensor(BasicTensor&&) noexcept = default;
  BasicTensor& operator=(const BasicTensor& x) {
    if (this == &x) return *this;
    if (memory_ == nullptr) *this = BasicTensor(uninitialized);
    copy(address(), x.address(), Transfer::within);
    lengths_ = x.lengths_;
    return *this;
  }
  BasicTensor& operator=(BasicTensor&&) noexcept = default;

  /// The elements and lengths as a tensor on the host.
  Tensor<T, E...> on_host() const {
    Tensor<T, E...> x(uninitialized);
    copy(x.data(), address(), Transfer::out);
    for (int i = 0; i < rank; ++i)
      if (shape.symbol(i) != 0) x.set_length(shape.symbol(i), length(shape.symbol(i)));
    return x;
  }

  /// The first element, for code that runs in this place.
  T* address() { return reinterpret_cast<T*>(memory_.get()); }
  const T* address() const { return reinterpret_cast<const T*>(memory_.get()); }
  /// Capacity in elements.
  static constexpr std::ptrdiff_t size() { return shape.size(); }
  static constexpr int extent(int axis) { return shape[axis]; }
  std::int64_t length(char symbol) const { return lengths_.get(symbol); }
  void set_length(char symbol, std::int64_t n) { lengths_.set(symbol, n); }

 private:
  struct Release {
    void operator()(std::byte* at) const noexcept { MemoryOf<Place>::release(at); }
  };
  static void copy(T* to, const T* from, Transfer way) {
    if constexpr (bytes > 0)
      MemoryOf<Place>::copy(reinterpret_cast<std::byte*>(to), reinterpret_cast<const std::byte*>(from), bytes, way);
  }
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
  else if constexpr (std::is_same_v<Place, Host>) return x.on_host();
  else return TensorOn<Place, T, E...>(x.on_host());
}

}  // namespace sinter
