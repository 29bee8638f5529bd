// Blocks of memory for elements: 64-byte aligned, counted by their owners, and perhaps used again and again.
#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <utility>
#include <vector>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace sinter::tensor_detail {

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

class Pool;

/// The head of a block; the elements follow it.
class alignas(64) BlockHead {
 public:
  /// Elements begin 64 bytes after a pair of cache lines: of panels of two lines a step each then lies in two pairs, and
  /// the prefetcher, which completes pairs, fetches the next step's. Where elements begin with a pair, weights that are
  /// read from memory take 5 % longer.
  static constexpr std::align_val_t alignment{128};

  static BlockHead* make(std::size_t bytes) {
    auto* const block = new (::operator new(sizeof(BlockHead) + bytes, alignment)) BlockHead;
    block->bytes_ = bytes;
    ask_for_large_pages(block, sizeof(BlockHead) + bytes);
    return block;
  }
  void* memory() { return this + 1; }

  BlockHead* share() {
    owners_.fetch_add(1, std::memory_order_relaxed);
    return this;
  }
  void give_back();

 private:
  friend class Pool;
  struct Shelf;

  std::atomic<int> owners_ = 1;
  std::size_t bytes_ = 0;
  Shelf* shelf_ = nullptr;  ///< of the pool to which it belongs
};
static_assert(sizeof(BlockHead) == 64);

/// All blocks of a pool; they go with the last that uses them, the pool or a block.
struct BlockHead::Shelf {
  std::vector<BlockHead*> blocks;
  std::atomic<int> users = 1;

  Shelf() = default;
  Shelf(const Shelf&) = delete;
  Shelf& operator=(const Shelf&) = delete;
  ~Shelf() {
    for (BlockHead* const b : blocks) ::operator delete(b, alignment);
  }
  void leave() {
    if (users.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
  }
};

inline void BlockHead::give_back() {
  // Read first what another thread may use, or free, from the moment at which nobody owns the block.
  Shelf* const shelf = shelf_;
  const bool last = owners_.load(std::memory_order_acquire) == 1 || owners_.fetch_sub(1, std::memory_order_acq_rel) == 1;
  if (!last) return;
  if (shelf == nullptr) return ::operator delete(this, alignment);
  owners_.store(0, std::memory_order_release);
  shelf->leave();
}

/// Blocks for the results of a program: one that a tensor gives back, on whatever thread it dies, serves a later result, so that once there are as many as are in use at
/// a time nothing is allocated. Taking a block and giving it back takes no lock. Blocks may outlive the pool. One thread at a time takes.
class Pool {
 public:
  Pool() = default;
  Pool(Pool&& other) noexcept : shelf_(std::exchange(other.shelf_, nullptr)) {}
  Pool& operator=(Pool&& other) noexcept {
    std::swap(shelf_, other.shelf_);
    return *this;
  }
  ~Pool() {
    if (shelf_ != nullptr) shelf_->leave();
  }

  BlockHead* take(std::size_t bytes) {
    if (shelf_ == nullptr) shelf_ = new BlockHead::Shelf;
    for (BlockHead* const b : shelf_->blocks)
      if (b->bytes_ == bytes && b->owners_.load(std::memory_order_acquire) == 0) {
        b->owners_.store(1, std::memory_order_relaxed);
        shelf_->users.fetch_add(1, std::memory_order_relaxed);
        return b;
      }
    shelf_->blocks.push_back(nullptr);  // room for it first
    BlockHead* const made = shelf_->blocks.back() = BlockHead::make(bytes);
    made->shelf_ = shelf_;
    shelf_->users.fetch_add(1, std::memory_order_relaxed);
    return made;
  }

 private:
  BlockHead::Shelf* shelf_ = nullptr;
};

/// Room for n elements on the heap, perhaps in a block of a pool.
template <class T> class AlignedBlock {
 public:
  AlignedBlock() = default;
  explicit AlignedBlock(std::size_t n) : AlignedBlock(n > 0 ? BlockHead::make(n * sizeof(T)) : nullptr, n) {}
  AlignedBlock(std::size_t n, Pool& pool) : AlignedBlock(n > 0 ? pool.take(n * sizeof(T)) : nullptr, n) {}
  AlignedBlock(AlignedBlock&& other) noexcept : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  AlignedBlock& operator=(AlignedBlock&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~AlignedBlock() {
    if (data_ != nullptr) head()->give_back();
  }
  /// The same memory, which both then own.
  AlignedBlock shared() const { return {data_ != nullptr ? head()->share() : nullptr, size_}; }
  T* data() const { return data_; }
  std::size_t size() const { return size_; }
  void zero() {
    if (size_ > 0) std::memset(static_cast<void*>(data_), 0, size_ * sizeof(T));
  }

 private:
  AlignedBlock(BlockHead* head, std::size_t n) : data_(head != nullptr ? static_cast<T*>(head->memory()) : nullptr), size_(n) {}
  BlockHead* head() const { return static_cast<BlockHead*>(static_cast<void*>(data_)) - 1; }

  T* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace sinter::tensor_detail
