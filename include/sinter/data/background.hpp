// A job done by a thread of its own, ahead of time.
#pragma once
#include <condition_variable>
#include <exception>
#include <functional>
#include <mutex>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

#include "../tensor/error.hpp"

namespace sinter::data {

/// One thread, which does one job each time that it is asked to, and goes with this object.
class BackgroundThread {
 public:
  /// Throws `Error` (unsupported) when no thread can be started.
  explicit BackgroundThread(std::function<void()> job) : job_(std::move(job)) {
    try {
      thread_ = std::thread([this] { run(); });
    } catch (const std::system_error& e) {
      throw Error(ErrorCode::unsupported, "background thread", std::string("cannot be started: ") + e.what(), "link with -pthread, or do without prefetching");
    }
  }
  ~BackgroundThread() {
    set(State::over);
    thread_.join();
  }
  BackgroundThread(const BackgroundThread&) = delete;
  BackgroundThread& operator=(const BackgroundThread&) = delete;

  /// Begins the job; the one before must be over.
  void start() { set(State::working); }
  /// Waits until the job is over; throws what it threw.
  void wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return state_ != State::working; });
    if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
  }

 private:
  enum class State { idle, working, over };

  void set(State s) {
    {
      const std::lock_guard lock(mutex_);
      state_ = s;
    }
    changed_.notify_all();
  }
  void run() {
    std::unique_lock lock(mutex_);
    for (;;) {
      changed_.wait(lock, [this] { return state_ != State::idle; });
      if (state_ == State::over) return;
      lock.unlock();
      std::exception_ptr error;
      try {
        job_();
      } catch (...) {
        error = std::current_exception();
      }
      lock.lock();
      if (state_ == State::over) return;
      error_ = std::move(error);
      state_ = State::idle;
      changed_.notify_all();
    }
  }

  std::function<void()> job_;
  std::mutex mutex_;
  std::condition_variable changed_;
  State state_ = State::idle;
  std::exception_ptr error_;
  std::thread thread_;
};

}  // namespace sinter::data
