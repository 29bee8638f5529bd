// The threads of a running program: one OpenMP region for all of its steps.
//
// The caller runs the steps; the others wait for ranges to share, which they take from an address that all of them
// watch. Opening a region for each range costs 0.6 (libgomp) to 0.9 µs (libomp) on two cores of a processor, sharing
// one within the region 0.2 µs, so that steps of a few microseconds are worth sharing. A waiting thread spins for a
// while before it sleeps, as OpenMP's threads do between regions.
#pragma once
#include <atomic>
#include <cstdint>

#include "denormals.hpp"

#if defined(_OPENMP)
#include <omp.h>
#include <pthread.h>
#include <sys/stat.h>

#include <cerrno>
#endif
#if defined(__SSE2__)
#include <xmmintrin.h>
#endif

namespace sinter::inline SINTER_ABI::cpu {

#if defined(_OPENMP) && defined(__GNUC__) && !defined(__clang__)
/// Notes, from the start of a program on, whether this process has been forked from one with several threads. The child
/// does not have them, and libgomp's region waits forever for those of its pool, whoever has started them: the library
/// or a region of the user's own.
class ForkWatch {
 public:
  static bool threads_left_behind() { return left_behind_.load(std::memory_order_relaxed); }

 private:
  static void before_fork() { leaves_threads_ = has_other_threads(); }
  static void in_child() {
    if (leaves_threads_) left_behind_.store(true, std::memory_order_relaxed);
  }
  /// True where it cannot be told.
  static bool has_other_threads() {
#if defined(__linux__)
    struct stat tasks {};  // a directory per thread is a link, as "." and ".." are
    const int error = errno;
    const bool has_one = ::stat("/proc/self/task", &tasks) == 0 && tasks.st_nlink == 3;
    errno = error;
    return !has_one;
#else
    return true;
#endif
  }

  static inline std::atomic<bool> left_behind_{false};
  static inline thread_local bool leaves_threads_ = false;  // the thread that forks is the child's
  static inline const int registered_ = ::pthread_atfork(before_fork, nullptr, in_child);
};
#endif

/// Whether a parallel region would find threads: not in a child of a process with several under libgomp, where programs
/// run on one, with the same results. libomp starts new ones.
inline bool has_threads() {
#if defined(_OPENMP) && defined(__GNUC__) && !defined(__clang__)
  return !ForkWatch::threads_left_behind();
#else
  return true;
#endif
}

class Team {
 public:
  /// Runs f, which does not throw, with a team of up to `threads` threads, which share the ranges of splits within f.
  /// Within another region, without OpenMP or on one thread it is just a call.
  template <class F> static void run(int threads, F&& f) {
#if defined(_OPENMP)
    if (threads > 1 && omp_in_parallel() == 0 && has_threads()) {
      const auto mode = DenormalMode::now();
      Team team(threads);
#pragma omp parallel num_threads(threads)
      {
        if (omp_get_thread_num() == 0) {
          team.members_ = omp_get_num_threads();
          if (team.members_ > 1) mine() = &team;
          f();
          mine() = nullptr;
          team.announce(nullptr);
        } else {
          const DenormalMode callers(mode);
          team.serve(omp_get_thread_num());
        }
      }
      return;
    }
#endif
    (void)threads;
    f();
  }

  /// The team of the program which runs on this thread; none within a share.
  static Team*& mine() {
    static thread_local Team* team = nullptr;
    return team;
  }

  /// Calls job(i) for i in [0, jobs), distributed round-robin over the threads, and returns when all are done.
  template <class F> void share(std::int64_t jobs, const F& job) {
    const auto run = [](const Team& team, int member) {
      for (std::int64_t i = member; i < team.jobs_; i += team.members_) (*static_cast<const F*>(team.job_))(i);
    };
    jobs_ = jobs;
    job_ = &job;
    mine() = nullptr;
    announce(run);
    run(*this, 0);
    const int all = (members_ - 1) * int(round_.load(std::memory_order_relaxed));
    wait(done_, [all](int done) { return done == all; });
    mine() = this;
  }

 private:
  using Share = void (*)(const Team&, int member);

  explicit Team(int threads) : patience_(threads <= processors() ? 20000 : 20) {}
  static int processors() {
#if defined(_OPENMP)
    static const int n = omp_get_num_procs();
    return n;
#else
    return 1;
#endif
  }
  static void pause() {
#if defined(__SSE2__)
    _mm_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
  }
  template <class Done> void wait(const std::atomic<int>& value, Done is_done) const {
    for (int i = patience_;; --i) {
      const int now = value.load(std::memory_order_acquire);
      if (is_done(now)) return;
      if (i > 0) pause();
      else value.wait(now, std::memory_order_acquire);
    }
  }
  /// Makes the others run `next`, or end if there is none.
  void announce(Share next) {
    share_ = next;
    round_.store(round_.load(std::memory_order_relaxed) + 1, std::memory_order_release);
    round_.notify_all();
  }
  void serve(int member) {
    for (int seen = 0;;) {
      wait(round_, [seen](int round) { return round != seen; });
      ++seen;
      if (share_ == nullptr) return;
      share_(*this, member);
      done_.fetch_add(1, std::memory_order_release);
      done_.notify_one();
    }
  }

  // Each in a cache line of its own, against false sharing.
  alignas(64) std::atomic<int> round_{0};
  alignas(64) std::atomic<int> done_{0};
  alignas(64) Share share_ = nullptr;
  const void* job_ = nullptr;
  std::int64_t jobs_ = 0;
  int members_ = 1;
  const int patience_;  ///< how often to spin before sleeping
};

}  // namespace sinter::cpu
