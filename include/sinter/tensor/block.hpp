// Blocks of memory for elements: 64-byte aligned, reference-counted, and reused if they come from a pool.
#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <utility>
#include <vector>

#include "language.hpp"

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace sinter::inline SINTER_ABI::tensor_detail {

/// Requests large pages if a block is long enough to hold some: a pass over it then takes one TLB entry per 2 MiB
/// instead of one per 4 KiB, and the hardware prefetches further. Only speed depends on the answer.
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

/// The header of a block; the elements follow it.
class alignas(64) BlockHead {
 public:
  /// Elements begin 64 bytes after the start of a pair of cache lines. The two lines of a step through a panel are then
  /// in two pairs, and the prefetcher, which completes pairs, fetches the next step's. With elements at the start of a
  /// pair, reading weights from memory takes 5 % longer.
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
  void give_back() {
    if (!is_pooled_) {
      if (owners_.load(std::memory_order_acquire) == 1 || owners_.fetch_sub(1, std::memory_order_acq_rel) == 1)
        destroy();
    } else if (owners_.fetch_sub(1, std::memory_order_acq_rel) == outlived + 1) {
      destroy();  // the pool and all other owners are gone; otherwise the block may already be in use again
    }
  }

 private:
  friend class Pool;
  static constexpr int outlived = 1 << 30;  ///< added to the owners when the pool is destroyed

  void destroy() { ::operator delete(this, alignment); }

  std::atomic<int> owners_ = 1;  ///< 0 while a block is free in its pool
  bool is_pooled_ = false;
  std::size_t bytes_ = 0;
};
static_assert(sizeof(BlockHead) == 64);

/// Blocks for the results of a program: one that a tensor releases, on any thread, is reused for a later result, so
/// that in a steady state nothing is allocated. Taking and releasing take no lock. Blocks may outlive the pool. Only
/// one thread at a time may take.
class Pool {
 public:
  Pool() = default;
  Pool(Pool&& other) noexcept : blocks_(std::exchange(other.blocks_, {})), next_(std::exchange(other.next_, 0)) {}
  Pool& operator=(Pool&& other) noexcept {
    std::swap(blocks_, other.blocks_);
    std::swap(next_, other.next_);
    return *this;
  }
  ~Pool() {
    for (BlockHead* const b : blocks_)
      if (b->owners_.fetch_add(BlockHead::outlived, std::memory_order_acq_rel) == 0) b->destroy();
  }

  BlockHead* take(std::size_t bytes) {
    // With thousands of results in use only some blocks are checked, from where the last one was found: released ones
    // are found in their turn.
    const std::size_t asked = std::min<std::size_t>(blocks_.size(), 64);
    for (std::size_t i = 0; i < asked; ++i) {
      if (next_ >= blocks_.size()) next_ = 0;
      BlockHead* const b = blocks_[next_];
      if (b->bytes_ == bytes && b->owners_.load(std::memory_order_acquire) == 0) {
        b->owners_.store(1, std::memory_order_relaxed);
        return b;
      }
      ++next_;
    }
    if (blocks_.size() == blocks_.capacity()) blocks_.reserve(2 * blocks_.size() + 4);  // first, because it may throw
    BlockHead* const made = BlockHead::make(bytes);
    made->is_pooled_ = true;
    blocks_.push_back(made);
    return made;
  }

 private:
  std::vector<BlockHead*> blocks_;
  std::size_t next_ = 0;
};

/// Memory for n elements on the heap, or in a block of a pool.
template <class T> class AlignedBlock {
 public:
  AlignedBlock() = default;
  explicit AlignedBlock(std::size_t n) : AlignedBlock(n > 0 ? BlockHead::make(n * sizeof(T)) : nullptr, n) {}
  AlignedBlock(std::size_t n, Pool& pool) : AlignedBlock(n > 0 ? pool.take(n * sizeof(T)) : nullptr, n) {}
  AlignedBlock(AlignedBlock&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  AlignedBlock& operator=(AlignedBlock&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~AlignedBlock() {
    if (data_ != nullptr) head()->give_back();
  }
  /// Another owner of the same memory.
  AlignedBlock shared() const { return {data_ != nullptr ? head()->share() : nullptr, size_}; }
  T* data() const { return data_; }
  std::size_t size() const { return size_; }
  void zero() {
    if (size_ > 0) std::memset(static_cast<void*>(data_), 0, size_ * sizeof(T));
  }

 private:
  AlignedBlock(BlockHead* head, std::size_t n)
      : data_(head != nullptr ? static_cast<T*>(head->memory()) : nullptr), size_(n) {}
  BlockHead* head() const { return static_cast<BlockHead*>(static_cast<void*>(data_)) - 1; }

  T* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace sinter::tensor_detail
