// Denormal numbers cost a CPU a hundred times what others cost, and training creates them: the moments of a weight that
// gets no gradient shrink forever. Programs that run longer than the switch takes treat them as zero, as XLA does.
// PyTorch: torch.set_flush_denormal(True).
#pragma once
#include "../../tensor/language.hpp"

#include <cstdint>

#if defined(__SSE2__)
#include <xmmintrin.h>
#endif

namespace sinter::inline SINTER_ABI::cpu {

/// How this thread treats denormal numbers while the object lives; its end restores the previous mode.
class DenormalMode {
 public:
#if defined(__SSE2__)
  using Mode = unsigned;
#else
  using Mode = std::uint64_t;
#endif
  explicit DenormalMode(Mode m) : before_(now()) { set(m); }
  ~DenormalMode() { set(before_); }
  DenormalMode(const DenormalMode&) = delete;
  DenormalMode& operator=(const DenormalMode&) = delete;

  static Mode now();
  /// Denormal operands and results are zero.
  static Mode flushing() { return now() | flush; }

 private:
#if defined(__SSE2__)
  static constexpr Mode flush = 0x8040;  // flush to zero, denormals are zero
#elif defined(__aarch64__)
  static constexpr Mode flush = Mode(1) << 24;
#else
  static constexpr Mode flush = 0;
#endif
  static void set(Mode m);

  Mode before_;
};

inline DenormalMode::Mode DenormalMode::now() {
#if defined(__SSE2__)
  return _mm_getcsr();
#elif defined(__aarch64__)
  Mode m;
  __asm__ volatile("mrs %0, fpcr" : "=r"(m));
  return m;
#else
  return 0;
#endif
}
inline void DenormalMode::set([[maybe_unused]] Mode m) {
#if defined(__SSE2__)
  _mm_setcsr(m);
#elif defined(__aarch64__)
  __asm__ volatile("msr fpcr, %0" : : "r"(m));
#endif
}

}  // namespace sinter::cpu
