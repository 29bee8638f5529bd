// Between registers and memory, one element at a time. A backend with vectors adds the same for N elements
// (cpu/access.hpp).
#pragma once
#include <cstddef>
#include <cstdint>

#include "../ops/ops.hpp"

namespace sinter::inline SINTER_ABI::internals::backend {

using ops::Lanes;

/// What an element is that has no position in the table.
template <class T> inline constexpr T nothing = is_floating(dtype_of<T>) ? T(ops::not_a_number<float>) : T(0);

template <class T, int N> [[gnu::always_inline]] constexpr T first(const Lanes<T, N>& x) {
  if constexpr (N == 1) return x.v;
  else return x.first();
}

template <class T, int N> struct Access;

template <class T> struct Access<T, 1> {
  using V = Lanes<T, 1>;
  static constexpr V load(const T* p, int) { return V(*p); }
  static constexpr V load_strided(const T* p, std::ptrdiff_t, int) { return V(*p); }
  static constexpr void store(const V& x, T* p, int) { *p = x.v; }
  static constexpr void store_strided(const V& x, T* p, std::ptrdiff_t, int) { *p = x.v; }
  /// p[position * stride], `nothing` where the position is outside [0, extent).
  template <class Index>
  static constexpr V gather(const T* p, std::int64_t, const Lanes<Index, 1>& position, std::int64_t stride,
                            std::int64_t extent, int) {
    const auto at = std::int64_t(position.v);
    return at >= 0 && at < extent ? V(p[at * stride]) : V(ops::unforeseen(nothing<T>));
  }
  /// The same for adding; what is outside is left out.
  template <class Index>
  static constexpr void add(const V& x, T* p, std::int64_t, const Lanes<Index, 1>& position, std::int64_t stride,
                            std::int64_t extent, int) {
    const auto at = std::int64_t(position.v);
    if (at >= 0 && at < extent) p[at * stride] = T(p[at * stride] + x.v);
  }
  static constexpr V ramp(std::int64_t from, std::int64_t) { return V(T(from)); }
};

}  // namespace sinter::internals::backend
