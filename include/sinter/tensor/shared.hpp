// A tensor that several values share.
#pragma once
#include <atomic>
#include <utility>

#include "language.hpp"

namespace sinter::inline SINTER_ABI::tensor_detail {

/// Like std::shared_ptr<const T>, but an empty one may exist in constant evaluation.
template <class T> class SharedTensor {
 public:
  constexpr SharedTensor() = default;
  explicit SharedTensor(T&& tensor) : held_(new Counted{std::move(tensor)}) {}
  constexpr SharedTensor(const SharedTensor& other) : held_(other.held_) {
    if (held_ != nullptr) held_->owners.fetch_add(1, std::memory_order_relaxed);
  }
  constexpr SharedTensor(SharedTensor&& other) noexcept : held_(std::exchange(other.held_, nullptr)) {}
  constexpr SharedTensor& operator=(SharedTensor other) noexcept {
    std::swap(held_, other.held_);
    return *this;
  }
  constexpr ~SharedTensor() {
    if (held_ != nullptr && held_->owners.fetch_sub(1, std::memory_order_acq_rel) == 1) delete held_;
  }
  const T& operator*() const { return held_->tensor; }

 private:
  struct Counted {
    T tensor;
    std::atomic<int> owners = 1;
  };
  Counted* held_ = nullptr;
};

}  // namespace sinter::tensor_detail
