// The limits of the processor: operations per second in registers, bytes per second by working-set size. They bound the
// time of a step (backend/roof.hpp).
#pragma once
#include <array>
#include <chrono>
#include <vector>

#include "../../tensor/storage.hpp"
#include "../roof.hpp"
#include "parallel.hpp"
#include "tile.hpp"

namespace sinter::inline SINTER_ABI::cpu {

enum class Traffic : unsigned char { read, write, triad };

namespace roof_detail {

inline double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}
template <class T> inline constexpr int width = Tile<T>::width;
template <class T> inline void keep(const T& x) { asm volatile("" : : "r"(&x) : "memory"); }

/// Runs f on every thread at once, f(thread), and returns the shortest time of `rounds`.
template <class F> inline double shortest(int threads, int rounds, const F& f) {
  double best = 1e30;
  for (int r = 0; r < rounds; ++r) {
    const double start = now();
    split(threads, 1, 1, threads, [&](std::int64_t from, std::int64_t to) {
      for (std::int64_t t = from; t < to; ++t) f(int(t));
    });
    best = std::min(best, now() - start);
  }
  return best;
}

/// More independent sums than an FMA unit has stages, as many as registers hold.
template <class T> [[gnu::noinline]] inline void multiply_and_add(std::int64_t times) {
  constexpr int chains = lanes > 1 ? 12 : 8;
  using V = Lanes<T, width<T>>;
  Array<V, chains> sum;
  V x(T(0.999)), y(T(0.001));
  asm volatile("" : "+m"(x), "+m"(y));
  for (int i = 0; i < chains; ++i) sum[i] = V(T(i));
  for (std::int64_t k = 0; k < times; ++k) {
#pragma GCC unroll 16
    for (int i = 0; i < chains; ++i) sum[i] = fma(sum[i], x, y);
  }
  for (const V& s : sum) keep(s);
}

[[gnu::noinline]] inline void move(Traffic traffic, float* a, const float* b, const float* c, std::int64_t n) {
  constexpr int W = width<float>;
  using V = Lanes<float, W>;
  if (traffic == Traffic::read) {
    Array<V, 8> sum;
    for (V& s : sum) s = V(0);
    for (std::int64_t i = 0; i + 8 * W <= n; i += 8 * W) {
#pragma GCC unroll 8
      for (int k = 0; k < 8; ++k) sum[k] = sum[k] + load<float, W>(b + i + k * W, W);
    }
    for (const V& s : sum) keep(s);
  } else if (traffic == Traffic::write) {
    const V one(1);
    for (std::int64_t i = 0; i + W <= n; i += W) store(one, a + i, W);
  } else {
    const V half(0.5f);
    for (std::int64_t i = 0; i + W <= n; i += W)
      store(fma(half, load<float, W>(c + i, W), load<float, W>(b + i, W)), a + i, W);
  }
  keep(*a);
}

}  // namespace roof_detail

/// Operations per second of fused multiply-adds on registers, two for each; takes about 20 ms.
template <class T> inline double peak_flops(int threads = 1) {
  constexpr int chains = lanes > 1 ? 12 : 8;
  constexpr std::int64_t times = 400'000;
  const double seconds = roof_detail::shortest(threads, 8, [](int) { roof_detail::multiply_and_add<T>(times); });
  return 2.0 * chains * roof_detail::width<T> * double(times) * threads / seconds;
}

/// Bytes per second of reading, writing, or a[i] = b[i] + x · c[i] on `bytes` of memory in all, shared evenly by the
/// threads; for a triad the bytes that the program names count, not those that a cache fetches before it writes.
/// `least`: how many bytes to move per round.
inline double bandwidth(Traffic traffic, std::size_t bytes, int threads = 1,
                        std::size_t least = std::size_t(32) << 20) {
  constexpr std::int64_t line = 16;
  const int arrays = traffic == Traffic::triad ? 3 : 1;
  const auto n = std::max<std::int64_t>(8 * line, std::int64_t(bytes) / threads / arrays / 4 / (8 * line) * (8 * line));
  std::vector<tensor_detail::AlignedBlock<float>> memory;
  for (int t = 0; t < threads * arrays; ++t) memory.emplace_back(std::size_t(n));
  split(threads, 1, 1, threads, [&](std::int64_t from, std::int64_t to) {  // first touch: a page is local to its thread
    for (std::int64_t t = from * arrays; t < to * arrays; ++t) memory[std::size_t(t)].zero();
  });
  const double moved = double(n) * 4 * arrays * threads;
  const auto times = std::max<std::int64_t>(1, std::int64_t(double(least) / moved));
  const double seconds = roof_detail::shortest(threads, 6, [&](int t) {
    float* const a = memory[std::size_t(t * arrays)].data();
    const float* const b = memory[std::size_t(t * arrays + arrays / 2)].data();
    const float* const c = memory[std::size_t(t * arrays + arrays - 1)].data();
    for (std::int64_t k = 0; k < times; ++k) roof_detail::move(traffic, a, b, c, n);
  });
  return moved * double(times) / seconds;
}

using Roof = internals::backend::Roof;

/// Measures a roof: at each level reading this much memory, or a triad, whichever is faster. Takes about a third of a
/// second.
inline Roof measure_roof(int threads = 1) {
  Roof r{peak_flops<float>(threads), peak_flops<double>(threads), {}};
  constexpr std::array<double, 7> size{16e3, 128e3, 512e3, 2e6, 8e6, 32e6, 128e6};
  for (const double bytes : size)
    r.levels.push_back({bytes, std::max(bandwidth(Traffic::read, std::size_t(bytes), threads, std::size_t(8) << 20),
                                        bandwidth(Traffic::triad, std::size_t(bytes), threads, std::size_t(8) << 20))});
  return r;
}

}  // namespace sinter::cpu
