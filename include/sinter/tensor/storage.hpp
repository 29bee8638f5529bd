// Memory for elements: 64-byte aligned, inside the object if small, otherwise on the heap.
#pragma once
#include <array>
#include <type_traits>

#include "block.hpp"

namespace sinter::inline SINTER_ABI {

namespace tensor_detail {
struct Uninitialized {};
struct InItsMemory {};
}  // namespace tensor_detail
/// Leaves new elements uninitialised; the caller writes them all: `Tensor<float, 3> x(uninitialized);`. PyTorch:
/// torch.empty.
inline constexpr tensor_detail::Uninitialized uninitialized{};

namespace tensor_detail {

/// Tag: the elements of another tensor, sharing its memory if that is on the heap. For values that do not change.
inline constexpr InItsMemory in_its_memory{};

/// Tensors of up to this many bytes store their elements inside the object. More would overflow stacks.
inline constexpr std::size_t inline_bytes = 1024;

/// Storage of N elements with value semantics: copies copy the elements. After a move a large one is empty, to be
/// assigned to or destroyed.
template <class T, std::size_t N> class Storage {
  static constexpr bool inside = N * sizeof(T) <= inline_bytes;
  struct Inside {
    alignas(64) std::array<T, N> elements;
  };
  using Room = std::conditional_t<inside, Inside, AlignedBlock<T>>;

 public:
  explicit Storage(Uninitialized) {
    if constexpr (!inside) room_ = AlignedBlock<T>(N);
  }
  Storage(Uninitialized, [[maybe_unused]] Pool& pool) {
    if constexpr (!inside) room_ = AlignedBlock<T>(N, pool);
  }
  Storage() : Storage(uninitialized) {
    if (N > 0) std::memset(static_cast<void*>(data()), 0, N * sizeof(T));
  }
  Storage(const Storage& other) { *this = other; }
  Storage(InItsMemory, const Storage& other) {
    if constexpr (inside) copy(other);
    else room_ = other.room_.shared();
  }
  Storage(Storage&& other) noexcept { take(other); }
  Storage& operator=(const Storage& other) {
    if (this == &other) return *this;
    if (other.data() == nullptr) {
      room_ = Room{};
    } else {
      renew();
      copy(other);
    }
    return *this;
  }
  Storage& operator=(Storage&& other) noexcept {
    take(other);
    return *this;
  }

  /// New memory for a storage that was moved from.
  void renew() {
    if constexpr (!inside)
      if (room_.data() == nullptr) room_ = AlignedBlock<T>(N);
  }

  T* data() {
    if constexpr (inside) return room_.elements.data();
    else return room_.data();
  }
  const T* data() const { return const_cast<Storage*>(this)->data(); }

 private:
  void copy(const Storage& other) {
    if (N > 0) std::memcpy(static_cast<void*>(data()), other.data(), N * sizeof(T));
  }
  void take(Storage& other) noexcept {
    if constexpr (!inside) std::swap(room_, other.room_);
    else if (this != &other) copy(other);
  }

  Room room_;
};

}  // namespace tensor_detail
}  // namespace sinter
