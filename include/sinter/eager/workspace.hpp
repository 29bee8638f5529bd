// Memory for statements: one growing block per thread, so that a repeated statement allocates nothing.
#pragma once
#include "../tensor/storage.hpp"

namespace sinter::inline SINTER_ABI::internals::eager {

class Workspace {
 public:
  /// At least n bytes, aligned to 64, until the next call on this thread.
  static std::byte* room(std::size_t n) {
    static thread_local Workspace mine;
    if (n > mine.block_.size()) mine.block_ = tensor_detail::AlignedBlock<std::byte>(n);
    return mine.block_.data();
  }

 private:
  tensor_detail::AlignedBlock<std::byte> block_;
};

/// OpenMP threads that eager statements of this thread may use.
inline int& threads() {
  static thread_local int n = 1;
  return n;
}

}  // namespace sinter::internals::eager

namespace sinter::inline SINTER_ABI {
/// Eager statements of this thread may use up to n OpenMP threads; 1 unless set. Programs have their policy's number,
/// `Cpu{.threads = n}`. PyTorch: torch.set_num_threads.
inline void set_num_threads(int n) { internals::eager::threads() = n < 1 ? 1 : n; }
}  // namespace sinter
