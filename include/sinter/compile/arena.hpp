// Offsets of buffers in one arena, so that those that live at the same time are disjoint and the arena is hardly larger
// than the most that lives at once.
//
// First fit in the order of first use is enough for most programs, and costs next to nothing. Where it leaves holes,
// buffers are allocated again, the largest first, each at the lowest gap among those alive with it (Pisarchyk and Lee,
// "Efficient memory management for deep neural net inference", 2020); that takes time quadratic in their number, and
// the better of both is kept.
#pragma once
#include <algorithm>
#include <cstdint>

#include "../graph/list.hpp"

namespace sinter::inline SINTER_ABI::internals::compile {

using graph::List;

/// A buffer: its bytes, and the first and the last step that access it.
struct Lifetime {
  std::int64_t bytes = 0;
  int first = 0, last = 0;
};

struct Offsets {
  List<std::int64_t> at;  ///< one per buffer
  std::int64_t end = 0;
};

/// First fit over a list of free gaps.
class Gaps {
 public:
  constexpr Gaps() { gaps_.push({0, std::int64_t(1) << 60}); }
  constexpr std::int64_t take(std::int64_t size) {
    if (size == 0) return 0;
    int i = 0;
    while (gaps_[i].size < size) ++i;
    const std::int64_t at = gaps_[i].at;
    gaps_[i].at += size;
    gaps_[i].size -= size;
    if (gaps_[i].size == 0) gaps_.erase(i);
    end_ = std::max(end_, at + size);
    return at;
  }
  constexpr void give(std::int64_t at, std::int64_t size) {
    if (size == 0) return;
    int i = 0;
    while (gaps_[i].at < at) ++i;
    const bool left = i > 0 && gaps_[i - 1].at + gaps_[i - 1].size == at, right = at + size == gaps_[i].at;
    if (left) {
      gaps_[i - 1].size += size;
      if (right) gaps_[i - 1].size += gaps_[i].size, gaps_.erase(i);
    } else if (right) {
      gaps_[i].at = at;
      gaps_[i].size += size;
    } else {
      gaps_.insert(i, {at, size});
    }
  }
  constexpr std::int64_t end() const { return end_; }

 private:
  struct Gap {
    std::int64_t at = 0, size = 0;
  };
  List<Gap> gaps_;
  std::int64_t end_ = 0;
};

class ArenaPlanner {
 public:
  constexpr ArenaPlanner(const List<Lifetime>& buffers, int steps) : buffers_(buffers), steps_(steps) {}

  constexpr Offsets run() {
    Offsets r = by_birth();
    const std::int64_t least = most_alive();
    if (r.end * 20 <= least * 21 || buffers_.size() > most_placed_by_size) return r;
    Offsets s = by_size();
    return s.end < r.end ? s : r;
  }

 private:
  static constexpr int most_placed_by_size = 1000;

  constexpr Offsets by_birth() const {
    Offsets r;
    std::int64_t* const at = r.at.extend(buffers_.size());
    List<int> dies(steps_, -1), next(buffers_.size(), -1);  // lists of buffers by the step that accesses them last
    Gaps gaps;
    int b = 0;
    for (int step = 0; step < steps_; ++step) {
      for (; b < buffers_.size() && buffers_[b].first == step; ++b) {
        at[b] = gaps.take(buffers_[b].bytes);
        next[b] = dies[buffers_[b].last];
        dies[buffers_[b].last] = b;
      }
      for (int d = dies[step]; d >= 0; d = next[d]) gaps.give(at[d], buffers_[d].bytes);
    }
    r.end = gaps.end();
    return r;
  }

  /// The most bytes alive during one step.
  constexpr std::int64_t most_alive() const {
    List<std::int64_t> change(steps_ + 1, 0);
    std::int64_t* const c = change.data();
    for (const Lifetime& b : buffers_) c[b.first] += b.bytes, c[b.last + 1] -= b.bytes;
    std::int64_t now = 0, most = 0;
    for (int s = 0; s < steps_; ++s) {
      now += c[s];
      if (now > most) most = now;
    }
    return most;
  }

  constexpr Offsets by_size() const {
    Offsets r;
    const int n = buffers_.size();
    std::int64_t* const at = r.at.extend(n);
    const Lifetime* const b = buffers_.data();
    List<int> order, placed;  // placed: by address
    for (int i = 0; i < n; ++i) order.push(i);
    std::sort(order.begin(), order.end(),
              [b](int i, int k) { return b[i].bytes != b[k].bytes ? b[i].bytes > b[k].bytes : i < k; });
    for (const int i : order) {
      const Lifetime x = b[i];
      std::int64_t from = 0;
      const int* const p = placed.data();
      const int count = placed.size();
      int k = 0;
      for (; k < count; ++k) {
        const Lifetime& y = b[p[k]];
        if (x.first > y.last || y.first > x.last) continue;
        if (at[p[k]] - from >= x.bytes) break;
        if (at[p[k]] + y.bytes > from) from = at[p[k]] + y.bytes;
      }
      at[i] = from;
      while (k > 0 && at[p[k - 1]] >= from) --k;  // the gap ends at the k-th; some that x never meets may lie in it
      placed.insert(k, i);
      r.end = std::max(r.end, from + x.bytes);
    }
    return r;
  }

  const List<Lifetime>& buffers_;
  int steps_;
};


/// `buffers` in the order of their first steps, of which there are `steps` in all.
constexpr Offsets assign_offsets(const List<Lifetime>& buffers, int steps) {
  ArenaPlanner pass(buffers, steps);
  return pass.run();
}

}  // namespace sinter::internals::compile
