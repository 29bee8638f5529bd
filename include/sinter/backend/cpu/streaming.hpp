// Stores that bypass the caches. A result that no cache can hold would otherwise be read from memory before it is
// overwritten, and would evict what the caches hold. Values are the same either way.
#pragma once
#include "body.hpp"

#if __has_include(<unistd.h>)
#include <unistd.h>
#endif

namespace sinter::inline SINTER_ABI::cpu {

#if SINTER_SIMD && defined(__SSE2__)
inline constexpr bool has_streaming_stores = true;
/// Orders such stores before any later signal to other threads.
inline void streaming_fence() { _mm_sfence(); }
#else
inline constexpr bool has_streaming_stores = false;
inline void streaming_fence() {}
#endif

/// Results of this size and more bypass the caches: half of the last-level cache, which other cores use too.
inline std::int64_t streaming_bytes() {
  static const std::int64_t bytes = [] {
    constexpr std::int64_t most = std::int64_t(1) << 24;
#if defined(_SC_LEVEL3_CACHE_SIZE)
    if (const long cache = sysconf(_SC_LEVEL3_CACHE_SIZE); cache > 0) return std::min<std::int64_t>(most, cache / 2);
#endif
    return most;
  }();
  return bytes;
}

/// The pointers through which a kernel stores whole registers, one bit each; none where it loads again what it has
/// stored.
template <class K> constexpr std::uint64_t streamed_pointers() {
  std::uint64_t found = 0;
  if constexpr (has_streaming_stores && K::body.pointers <= 64)
    for (const Micro& m : K::body.micros) {
      if (m.stored >= 0) return 0;
      if (m.what == Micro::What::store && m.level == 2 && m.unit == 1 && bytes_of(m.dtype) >= 4)
        found |= std::uint64_t(1) << m.b;
    }
  return found;
}

/// Whether a kernel's stores should bypass the caches: all of them are large and aligned, and none overwrites what the
/// kernel reads.
template <class K, int L, int P> bool streams(const Arguments<L, P>& a) {
  constexpr std::uint64_t stored = streamed_pointers<K>();
  static constexpr auto size = element_sizes<K>();
  constexpr std::int64_t alignment = lanes * 4;
  for (int p = 0; p < P; ++p) {
    if ((stored >> p & 1) == 0) continue;
    std::int64_t bytes = size[p];
    bool aligned = reinterpret_cast<std::uintptr_t>(a.address[p]) % std::uintptr_t(alignment) == 0;
    for (int i = 0; i < L; ++i) {
      if (a.stride[p][i] != 0) bytes *= a.extent[i];
      aligned = aligned && (i + 1 == L || a.stride[p][i] * size[p] % alignment == 0);
    }
    if (!aligned || bytes < streaming_bytes()) return false;
    for (int q = 0; q < P; ++q)
      if (q != p && a.address[q] == a.address[p]) return false;
  }
  return stored != 0;
}

}  // namespace sinter::cpu
