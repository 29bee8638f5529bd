// Repeats the part of a graph that a checkpoint marks, for its backward pass (ops/checkpoint.hpp).
#pragma once
#include "../ops/ops.hpp"

namespace sinter::inline SINTER_ABI::internals::transform {

using graph::Builder;
using graph::List;
using graph::Node;
using graph::Value;

/// The nodes [first, last) that repeat a part of a graph, in order; `result` repeats the checkpoint's result.
struct Repetition {
  int first = 0, last = 0, result = -1;
};

class Rematerializer {
 public:
  constexpr Rematerializer(Builder& g, int checkpoint, int cotangent, const List<char>& kept)
      : g_(g),
        begin_(g.operands(checkpoint)[1]),
        result_(g.operands(checkpoint)[0]),
        cotangent_(cotangent),
        kept_(kept) {}

  constexpr Repetition run() {
    mark();
    Repetition r{g_.size(), 0, 0};
    for (int i = 0; i <= result_; ++i)  // inputs first, then the nodes inside, in their order
      if (role_[i] == input) now_[i] = late(i);
    for (int i = begin_; i <= result_; ++i)
      if (role_[i] == inside) now_[i] = repeat(i);
    r.last = g_.size();
    r.result = now_[result_];
    return r;
  }

 private:
  enum Role : char { outside, input, inside };

  constexpr bool is_inside(int i) const { return i >= begin_ && (i >= kept_.size() || kept_[i] == 0); }
  constexpr void mark() {
    now_.resize(result_ + 1, -1);
    role_.resize(result_ + 1, outside);
    role_[result_] = is_inside(result_) ? inside : input;
    for (int i = result_; i >= begin_; --i) {
      if (role_[i] != inside) continue;
      for (int k = 0; k < g_[i].operands; ++k) {
        const int o = g_.operands(i)[k];
        role_[o] = is_inside(o) ? inside : input;
      }
    }
  }
  /// Constants, iotas and lengths need no copy.
  constexpr int late(int i) {
    const graph::Kind kind = g_[i].op->kind;
    if (kind == graph::Kind::constant || kind == graph::Kind::generate || ops::broadcast_scalar(g_, i) >= 0) return i;
    const std::array<int, 2> operands{i, cotangent_};
    return g_.insert(graph::primitive<ops::Later>, g_[i].dtype, g_[i].shape, operands.data(), 2);
  }
  constexpr int repeat(int i) {
    const Node n = g_[i];
    List<int> operands;
    List<std::int64_t> attributes;
    for (int k = 0; k < n.operands; ++k) operands.push(now_[g_.operands(i)[k]]);
    for (int k = 0; k < n.attributes; ++k) attributes.push(g_.attributes(i)[k]);
    return g_.insert(*n.op, n.dtype, n.shape, operands.data(), n.operands, attributes.data(), n.attributes);
  }

  Builder& g_;
  int begin_, result_, cotangent_;
  const List<char>& kept_;
  List<int> now_;    ///< the node that repeats each
  List<char> role_;
};


/// Appends the repetition of what `checkpoint` marks, to run once `cotangent` is computed. Nodes in `kept` are not
/// repeated.
constexpr Repetition rematerialize(Builder& g, int checkpoint, int cotangent, const List<char>& kept) {
  Rematerializer pass(g, checkpoint, cotangent, kept);
  return pass.run();
}

}  // namespace sinter::internals::transform
