// Where to look for an entry that may be in a list already, in constant evaluation.
#pragma once
#include "../graph/list.hpp"

namespace sinter::inline SINTER_ABI::internals::compile {

using graph::List;

/// Entries of a list by a hash, the latest first.
class Buckets {
 public:
  constexpr Buckets() { clear(); }
  constexpr void clear() {
    for (int& b : first_) b = -1;
    next_.clear();
  }
  /// −1 for none, as `next`.
  constexpr int first(unsigned hash) const { return first_[hash % count]; }
  constexpr int next(int entry) const { return next_.data()[entry]; }
  constexpr void add(unsigned hash) {
    next_.push(first_[hash % count]);
    first_[hash % count] = next_.size() - 1;
  }

 private:
  static constexpr unsigned count = 64;
  int first_[count]{};
  List<int> next_;
};

}  // namespace sinter::internals::compile
