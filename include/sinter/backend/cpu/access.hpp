// Between registers and memory: whole, partial and strided loads and stores of lanes, and reductions over lanes.
#pragma once

#include "../../tensor/array.hpp"
#include "../access.hpp"
#include "functions.hpp"

namespace sinter::inline SINTER_ABI::cpu {

using namespace internals::backend;
using internals::Array;
using internals::PlainArray;

/// n ≤ N elements from p on; the lanes after them hold zeros. n = N is a plain load.
template <class T, int N> [[gnu::always_inline]] constexpr Lanes<T, N> load(const T* p, int n) {
  if constexpr (N == 1) {
    return Lanes<T, 1>(*p);
  } else {
    if (n >= N) return Lanes<T, N>::load(p);
#if SINTER_SIMD && defined(__AVX512F__)
    if constexpr (std::is_same_v<T, float> && N == lanes) {
      Lanes<T, N> r;
      // a masked load gets no store forwarding
      if (__builtin_constant_p(n) && n == 8) r.v[0] = _mm512_zextps256_ps512(_mm256_loadu_ps(p));
      else r.v[0] = _mm512_maskz_loadu_ps(static_cast<__mmask16>((1u << n) - 1u), p);
      return r;
    }
#if defined(__AVX512VL__)
    if constexpr (std::is_same_v<T, float> && N < lanes) {
      Lanes<T, N> r;
      if constexpr (N == 8) r.v[0] = _mm256_maskz_loadu_ps(static_cast<__mmask8>((1u << n) - 1u), p);
      else r.v[0] = _mm_maskz_loadu_ps(static_cast<__mmask8>((1u << n) - 1u), p);
      return r;
    }
#endif
#endif
    alignas(64) T room[std::size_t(N)]{};
    for (int i = 0; i < n; ++i) room[i] = p[i];
    return Lanes<T, N>::load(room);
  }
}

/// Writes the first n ≤ N lanes.
template <class T, int N> [[gnu::always_inline]] constexpr void store(const Lanes<T, N>& x, T* p, int n) {
  if constexpr (N == 1) {
    *p = x.v;
  } else {
    if (n >= N) return x.store(p);
#if SINTER_SIMD && defined(__AVX512F__)
    if constexpr (std::is_same_v<T, float> && N == lanes)
      return _mm512_mask_storeu_ps(p, static_cast<__mmask16>((1u << n) - 1u), x.v[0]);
#if defined(__AVX512VL__)
    if constexpr (std::is_same_v<T, float> && N == 8)
      return _mm256_mask_storeu_ps(p, static_cast<__mmask8>((1u << n) - 1u), x.v[0]);
    if constexpr (std::is_same_v<T, float> && N == 4)
      return _mm_mask_storeu_ps(p, static_cast<__mmask8>((1u << n) - 1u), x.v[0]);
#endif
#endif
    alignas(64) T room[std::size_t(N)];
    x.store(room);
    for (int i = 0; i < n; ++i) p[i] = room[i];
  }
}

/// n strided elements.
template <class T, int N>
[[gnu::always_inline]] constexpr Lanes<T, N> gather(const T* p, std::ptrdiff_t stride, int n) {
  if constexpr (N == 1) {
    return Lanes<T, 1>(*p);
  } else {
#if SINTER_SIMD && defined(__AVX512F__)
    if constexpr (std::is_same_v<T, float> && N == lanes)
      if (stride == 2) {  // every other of two registers; memory past the last element is not accessed
        Lanes<T, N> r;
        const std::uint32_t touched = n >= N ? 0x7fffffffu : (1u << (2 * n - 1)) - 1u;
        const __m512i even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
        r.v[0] = _mm512_permutex2var_ps(_mm512_maskz_loadu_ps(static_cast<__mmask16>(touched), p), even,
                                        _mm512_maskz_loadu_ps(static_cast<__mmask16>(touched >> 16), p + 16));
        return r;
      }
#endif
    alignas(64) T room[std::size_t(N)]{};
    for (int i = 0; i < n; ++i) room[i] = p[i * stride];
    return Lanes<T, N>::load(room);
  }
}
template <class T, int N>
[[gnu::always_inline]] constexpr void scatter(const Lanes<T, N>& x, T* p, std::ptrdiff_t stride, int n) {
  if constexpr (N == 1) {
    *p = x.v;
  } else {
#if SINTER_SIMD && defined(__AVX512F__)
    if constexpr (std::is_same_v<T, float> && N == lanes)
      if (stride == 2) {
        const std::uint32_t written = 0x55555555u & (n >= N ? 0x7fffffffu : (1u << (2 * n - 1)) - 1u);
        const __m512i low = _mm512_setr_epi32(0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7);
        _mm512_mask_storeu_ps(p, static_cast<__mmask16>(written), _mm512_permutexvar_ps(low, x.v[0]));
        _mm512_mask_storeu_ps(p + 16, static_cast<__mmask16>(written >> 16),
                              _mm512_permutexvar_ps(_mm512_add_epi32(low, _mm512_set1_epi32(8)), x.v[0]));
        return;
      }
#endif
    alignas(64) T room[std::size_t(N)];
    x.store(room);
    for (int i = 0; i < n; ++i) p[i * stride] = room[i];
  }
}

/// Lane i of n: p[i * lane_stride + position[i] * stride] where 0 ≤ position[i] < extent, `nothing` elsewhere.
template <class T, int N, class Index>
[[gnu::always_inline]] constexpr Lanes<T, N> gather_positions(const T* p, std::int64_t lane_stride,
                                                           const Lanes<Index, N>& position, std::int64_t stride,
                                                           std::int64_t extent, int n) {
  if constexpr (N == 1) {
    const auto at = std::int64_t(position.v);
    return at >= 0 && at < extent ? Lanes<T, 1>(p[at * stride]) : Lanes<T, 1>(ops::unforeseen(nothing<T>));
  } else {
    alignas(64) Index at[std::size_t(N)];
    alignas(64) T room[std::size_t(N)]{};
    position.store(at);
    for (int i = 0; i < n; ++i)
      room[i] = at[i] >= 0 && std::int64_t(at[i]) < extent ? p[i * lane_stride + std::int64_t(at[i]) * stride]
                                                           : ops::unforeseen(nothing<T>);
    return Lanes<T, N>::load(room);
  }
}
/// The same for adding, in the order of the lanes; indices out of range are ignored.
template <class T, int N, class Index>
[[gnu::always_inline]] constexpr void add_positions(const Lanes<T, N>& x, T* p, std::int64_t lane_stride,
                                                    const Lanes<Index, N>& position, std::int64_t stride,
                                                    std::int64_t extent, int n) {
  if constexpr (N == 1) {
    const auto at = std::int64_t(position.v);
    if (at >= 0 && at < extent) p[at * stride] = T(p[at * stride] + x.v);
  } else {
    alignas(64) Index at[std::size_t(N)];
    alignas(64) T room[std::size_t(N)];
    position.store(at);
    x.store(room);
    for (int i = 0; i < n; ++i)
      if (at[i] >= 0 && std::int64_t(at[i]) < extent) p[i * lane_stride + std::int64_t(at[i]) * stride] += room[i];
  }
}

/// from, from + step, from + 2 step, … as int32.
template <int N> [[gnu::always_inline]] constexpr Lanes<std::int32_t, N> ramp(std::int64_t from, std::int64_t step) {
  alignas(64) std::int32_t room[std::size_t(N)];
  for (int i = 0; i < N; ++i) room[i] = std::int32_t(from + i * step);
  if constexpr (N == 1) return room[0];
  else return Lanes<std::int32_t, N>::load(room);
}

#if SINTER_SIMD && !defined(__CUDACC__)
/// Folds the first 2 · Width lanes of a register, the lower half with the upper.
template <class R, int Width, class T, int N> [[gnu::always_inline]] inline T fold_halves(const Lanes<T, N>& x) {
  if constexpr (Width == 0) return x.first();
  else return fold_halves<R, Width / 2>(R::combine(x, lanes_from<Width>(x)));
}
inline constexpr bool folds_in_registers = true;
#else
template <class R, int Width, class T, int N> T fold_halves(const Lanes<T, N>& x);
inline constexpr bool folds_in_registers = false;
#endif
/// Folds the lanes of a register into one value with the reduction R, always in the same order.
template <class R, class T, int N> [[gnu::always_inline]] inline T fold_lanes(const Lanes<T, N>& x) {
  if constexpr (N == 1) {
    return x.v;
  } else if constexpr (folds_in_registers && sizeof(T) == 4) {
    return fold_halves<R, N / 2>(x);
  } else {
    alignas(64) T room[std::size_t(N)];
    x.store(room);
    for (int width = N / 2; width > 0; width /= 2)
      for (int i = 0; i < width; ++i) room[i] = R::combine(Lanes<T, 1>(room[i]), Lanes<T, 1>(room[i + width])).v;
    return room[0];
  }
}

}  // namespace sinter::cpu

namespace sinter::inline SINTER_ABI::internals::backend {

/// N elements at a time.
template <class T, int N> requires(N > 1) struct Access<T, N> {
  using V = Lanes<T, N>;
  [[gnu::always_inline]] static constexpr V load(const T* p, int n) { return cpu::load<T, N>(p, n); }
  [[gnu::always_inline]] static constexpr V load_strided(const T* p, std::ptrdiff_t stride, int n) {
    return cpu::gather<T, N>(p, stride, n);
  }
  [[gnu::always_inline]] static constexpr void store(const V& x, T* p, int n) { cpu::store(x, p, n); }
  [[gnu::always_inline]] static constexpr void store_strided(const V& x, T* p, std::ptrdiff_t stride, int n) {
    cpu::scatter(x, p, stride, n);
  }
  template <class Index> [[gnu::always_inline]] static constexpr V gather(const T* p, std::int64_t lane_stride,
                                                                          const Lanes<Index, N>& position,
                                                                          std::int64_t stride, std::int64_t extent,
                                                                          int n) {
    return cpu::gather_positions<T, N>(p, lane_stride, position, stride, extent, n);
  }
  template <class Index>
  [[gnu::always_inline]] static constexpr void add(const V& x, T* p, std::int64_t lane_stride,
                                                   const Lanes<Index, N>& position, std::int64_t stride,
                                                   std::int64_t extent, int n) {
    cpu::add_positions<T, N>(x, p, lane_stride, position, stride, extent, n);
  }
  [[gnu::always_inline]] static constexpr V ramp(std::int64_t from, std::int64_t step) {
    return cpu::ramp<N>(from, step);
  }
};

}  // namespace sinter::internals::backend
