// Splitting a range among threads.
#pragma once
#include <algorithm>
#include <cstdint>

#include "../../tensor/attributes.hpp"
#include "team.hpp"

namespace sinter::inline SINTER_ABI::cpu {

/// A function f(from, to) by its address, so that what follows is compiled once.
struct RangeFunction {
  void (*call)(const void* f, std::int64_t from, std::int64_t to);
  const void* f;
  void operator()(std::int64_t from, std::int64_t to) const { call(f, from, to); }
};
/// Shares [0, n) among `threads` threads.
SINTER_OUTLINE inline void share([[maybe_unused]] std::int64_t n, [[maybe_unused]] std::int64_t grain,
                                 [[maybe_unused]] int threads, [[maybe_unused]] RangeFunction f) {
#if defined(_OPENMP)
  const std::int64_t chunks = std::min<std::int64_t>(threads, (n + grain - 1) / grain);
  const std::int64_t size = ((n + chunks - 1) / chunks + grain - 1) / grain * grain;
  const auto chunk = [&](std::int64_t i) {
    if (i * size < n) f(i * size, std::min(n, (i + 1) * size));
  };
  if (Team* const team = Team::mine()) return team->share(chunks, chunk);
  const auto mode = DenormalMode::now();
#pragma omp parallel for schedule(static) num_threads(int(chunks))
  for (std::int64_t i = 0; i < chunks; ++i) {
    const DenormalMode callers(mode);
    chunk(i);
  }
#endif
}

/// Calls f(from, to) so that [0, n) is covered, by up to `threads` threads: the team of the program that runs, or
/// OpenMP's for this once. Borders are multiples of `grain`; a range of less than `least` stays on the caller's thread.
/// Callers make sure that no result depends on the borders.
template <class F> inline void split(std::int64_t n, [[maybe_unused]] std::int64_t grain,
                                     [[maybe_unused]] std::int64_t least, [[maybe_unused]] int threads, const F& f) {
#if defined(_OPENMP)
  if (threads > 1 && n >= least && n > grain && has_threads())
    return share(n, grain, threads, {[](const void* g, std::int64_t from, std::int64_t to) {
                                       (*static_cast<const F*>(g))(from, to);
                                     },
                                     &f});
#endif
  f(std::int64_t(0), n);
}

/// The least number of units of work, each of this many nanoseconds, that is worth waking other threads for: several
/// times what that costs.
inline std::int64_t worth_a_team(double nanoseconds) {
  constexpr double least = 2000;
  return nanoseconds * 2 >= least ? 2 : std::int64_t(least / std::max(nanoseconds, 1e-3));
}

/// How a step runs: `Split` among threads, its body a separate function into which everything is inlined, users'
/// primitives too; or `Alone` on the caller's thread and inlined there, as the steps of small programs are.
struct Split {
  template <class F> static void run(std::int64_t n, std::int64_t grain, std::int64_t least, int threads, const F& f) {
    const auto body = [&f](std::int64_t from, std::int64_t to) SINTER_KERNEL { f(from, to); };
    split(n, grain, least, threads, body);
  }
};
struct Alone {
  template <class F>
  SINTER_IN_KERNEL static void run(std::int64_t n, std::int64_t, std::int64_t, int, const F& f) {
    f(std::int64_t(0), n);
  }
};

}  // namespace sinter::cpu
