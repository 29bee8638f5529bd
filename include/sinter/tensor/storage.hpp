// Memory for elements: 64-byte aligned, inside the object when small and on the heap when not.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <type_traits>
#include <utility>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace sinter {

namespace tensor_detail { struct Uninitialized {}; }
/// Leave new elements as they are; the caller writes them all: `Tensor<float, 3> x(uninitialized);`. PyTorch: torch.empty.
inline constexpr tensor_detail::Uninitialized uninitialized{};

namespace tensor_detail {

/// Bytes up to which a tensor keeps its elements inside itself. More would fill stacks.
inline constexpr std::size_t inline_bytes = 1024;

/// Asks for large pages where a block is long enough to hold some: walking through it then looks up one address in 2 MiB instead of one in 4 KiB, and the
/// processor fetches ahead further. Nothing but time depends on the answer.
inline void ask_for_large_pages(void* at, std::size_t bytes) {
#if defined(__linux__) && defined(MADV_HUGEPAGE)
  constexpr std::size_t page = std::size_t(1) << 21;
  const std::size_t before = (page - reinterpret_cast<std::uintptr_t>(at) % page) % page;
  if (bytes >= 2 * page) madvise(static_cast<std::byte*>(at) + before, (bytes - before) / page * page, MADV_HUGEPAGE);
#else
  (void)at, (void)bytes;
#endif
}

/// A heap block aligned for any SIMD register.
template <class T> class AlignedBlock {
 public:
  static constexpr std::align_val_t alignment{64};

  AlignedBlock() = default;
  explicit AlignedBlock(std::size_t n) : data_(n > 0 ? static_cast<T*>(::operator new(n * sizeof(T), alignment)) : nullptr), size_(n) { ask_for_large_pages(data_, n * sizeof(T)); }
  AlignedBlock(AlignedBlock&& other) noexcept : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  AlignedBlock& operator=(AlignedBlock&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~AlignedBlock() {
    if (data_ != nullptr) ::operator delete(data_, alignment);
  }
  T* data() const { return data_; }
  std::size_t size() const { return size_; }
  void zero() {
    if (size_ > 0) std::memset(static_cast<void*>(data_), 0, size_ * sizeof(T));
  }

 private:
  T* data_ = nullptr;
  std::size_t size_ = 0;
};

/// Room for N elements that behaves like a value: copies copy the elements. What a large one was moved from is empty, to be
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
  Storage() : Storage(uninitialized) {
    if (N > 0) std::memset(static_cast<void*>(data()), 0, N * sizeof(T));
  }
  Storage(const Storage& other) { *this = other; }
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

  /// Memory again for a storage that was moved from.
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
