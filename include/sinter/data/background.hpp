// A job done ahead of time on a separate thread.
#pragma once
#include <atomic>
#include <exception>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

#include "../tensor/error.hpp"

namespace sinter::inline SINTER_ABI::data {

/// One thread, which calls a function of its owner on request, and ends with this object.
template <class Owner> class BackgroundThread {
 public:
  /// Throws `Error` (unsupported) when no thread can be started.
  BackgroundThread(Owner* owner, void (Owner::*job)()) : owner_(owner), job_(job) {
    const auto begin = [this] { thread_ = std::thread([this] { run(); }); };
#ifdef __cpp_exceptions
    try {
      begin();
    } catch (const std::system_error& e) {
      throw_error(ErrorCode::unsupported, "background thread", std::string("cannot be started: ") + e.what(),
                  "link with -pthread, or do without prefetching");
    }
#else
    begin();
#endif
  }
  ~BackgroundThread() {
    state_.wait(working);
    set(over);
    thread_.join();
  }
  BackgroundThread(const BackgroundThread&) = delete;
  BackgroundThread& operator=(const BackgroundThread&) = delete;

  /// Starts the job; the one before must be finished.
  void start() { set(working); }
  /// Waits until the job is finished; returns its exception, if it ended with one.
  std::exception_ptr finish() {
    state_.wait(working);
    return std::exchange(error_, nullptr);
  }
  /// The same; rethrows it.
  void wait() {
    if (const std::exception_ptr error = finish()) std::rethrow_exception(error);
  }

 private:
  static constexpr int idle = 0, working = 1, over = 2;

  void set(int state) {
    state_.store(state);
    state_.notify_all();
  }
  void run() {
    for (;;) {
      state_.wait(idle);
      if (state_.load() == over) return;
      error_ = tensor_detail::exception_of([this] { (owner_->*job_)(); });
      set(idle);
    }
  }

  Owner* owner_;
  void (Owner::*job_)();
  std::atomic<int> state_ = idle;
  std::exception_ptr error_;
  std::thread thread_;
};

}  // namespace sinter::data
