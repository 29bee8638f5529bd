// A progress bar for training.
#pragma once
#include <algorithm>
#include <chrono>
#include <concepts>
#include <cstdio>
#include <string>

#if __has_include(<unistd.h>)
#include <unistd.h>
#endif

#include "../tensor/decimal.hpp"
#include "metrics.hpp"

namespace sinter::inline SINTER_ABI {

/// A progress bar with loss, accuracy, samples per second and time left. On a terminal it redraws one line; to a file
/// it writes one line per epoch.
///
///   Progress progress(epochs, loader.samples());
///   for (…) progress.batch(loss, correct, count);
///   progress.end_epoch();
class Progress {
 public:
  Progress(std::int64_t epochs, std::int64_t samples, std::FILE* out = stdout)
      : epochs_(epochs), samples_(samples), out_(out), start_(Clock::now()), drawn_(start_) {
#if __has_include(<unistd.h>)
    terminal_ = isatty(fileno(out)) != 0;
#endif
  }

  /// Reports a finished batch: its mean loss, how many of its `count` samples were right.
  void batch(std::floating_point auto loss, std::int64_t correct, std::int64_t count) {
    loss_.add(double(loss), count);
    correct_ += correct;
    done_ += count;
    const auto now = Clock::now();
    if (terminal_ && now - drawn_ > std::chrono::milliseconds(50)) {
      drawn_ = now;
      draw();
    }
  }
  void end_epoch() {
    draw();
    std::fputc('\n', out_);
    std::fflush(out_);
    loss_.reset();
    correct_ = 0;
    ++epoch_;
  }

  double mean_loss() const { return loss_.value(); }
  double accuracy() const { return loss_.samples() > 0 ? double(correct_) / double(loss_.samples()) : 0; }

 private:
  using Clock = std::chrono::steady_clock;

  void draw() {
    constexpr int width = 24;
    const double seconds = std::max(1e-9, std::chrono::duration<double>(Clock::now() - start_).count());
    const double rate = double(done_) / seconds, left = rate > 0 ? double(epochs_ * samples_ - done_) / rate : 0;
    const int filled = samples_ > 0 ? int(width * loss_.samples() / samples_) : width;
    std::string bar;
    for (int i = 0; i < width; ++i) bar += i < filled ? "━" : "─";
    std::fprintf(out_, "%sepoch %3lld/%lld %s  loss %s  accuracy %s %%  %s samples/s  %s s left%s",
                 terminal_ ? "\r" : "", static_cast<long long>(epoch_ + 1), static_cast<long long>(epochs_),
                 bar.c_str(), tensor_detail::fixed_text(mean_loss(), 4).c_str(),
                 tensor_detail::fixed_text(100 * accuracy(), 2, 6).c_str(),
                 tensor_detail::fixed_text(rate, 0, 8).c_str(), tensor_detail::fixed_text(left, 1, 4).c_str(),
                 terminal_ ? "\033[K" : "");
    std::fflush(out_);
  }

  std::int64_t epochs_, samples_, epoch_ = 0, correct_ = 0, done_ = 0;
  RunningMean loss_;
  std::FILE* out_;
  bool terminal_ = false;
  Clock::time_point start_, drawn_;
};

}  // namespace sinter
