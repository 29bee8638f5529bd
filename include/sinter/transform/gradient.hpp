// Reverse-mode differentiation: graph in, graph out.
#pragma once
#include "accumulate.hpp"
#include "rematerialize.hpp"

namespace sinter::internals::transform {

using graph::Site;

class ReverseMode {
 public:
  constexpr ReverseMode(Builder& g, int loss, const List<int>& wrt) : g_(g), loss_(loss), wrt_(wrt) {}

  constexpr List<int> run() {
    grow(loss_ + 1);
    int first = loss_;  // nothing before it depends on them
    for (const int w : wrt_)
      if (w <= loss_) depends_[w] = is_wrt_[w] = 1, first = std::min(first, w);
    find_dependent(first, loss_ + 1);
    if (depends_[loss_] != 0)
      cotangent_[loss_] = graph::broadcast_to(Value{&g_, g_.constant(1, g_[loss_].dtype)}, g_.shape(loss_)).id;
    sweep(loss_ + 1, first);
    List<int> result;
    for (const int w : wrt_)
      result.push(w <= loss_ && cotangent_[w] >= 0
                      ? cotangent_[w]
                      : graph::broadcast_to(Value{&g_, g_.constant(0, g_[w].dtype)}, g_.shape(w)).id);
    return result;
  }

 private:
  constexpr void grow(int n) {
    depends_.resize(n, 0);
    is_wrt_.resize(n, 0);
    cotangent_.resize(n, -1);
  }
  /// Which nodes in [from, to) depend on one of wrt.
  constexpr void find_dependent(int from, int to) {
    char* const d = depends_.data();
    const Node* nodes = g_.nodes();
    const int* pool = g_.operand_pool();
    for (int i = from; i < to; ++i) {
      if (d[i] != 0) continue;
      const int last = nodes[i].operand + nodes[i].operands;
      for (int k = nodes[i].operand; k < last; ++k)
        if (d[pool[k]] != 0) d[i] = 1;
    }
  }
  constexpr void give(int node, Value c) {
    int& ct = cotangent_.data()[node];
    ct = ct < 0 ? c.id : accumulate(Value{&g_, ct}, c).id;
  }
  /// Passes cotangents of the nodes in [to, from) on to their operands.
  constexpr void sweep(int from, int to) {
    for (int i = from - 1; i >= to; --i) {
      const int ct = cotangent_.data()[i];
      if (ct < 0 || is_wrt_.data()[i] != 0) continue;
      const graph::Primitive* const op = g_[i].op;
      if (op->vjp == nullptr) continue;
      if (op->identity.repeats) {
        repeat(i, ct);
        continue;
      }
      const int count = g_[i].operands;
      for (int k = 0; k < count; ++k) {
        const int operand = g_.operands(i)[k];
        if (depends_.data()[operand] == 0) continue;
        if (const Value c = op->vjp(Site{&g_, i}, k, Value{&g_, ct}); c.exists()) give(operand, c);
      }
    }
  }
  /// The backward pass of a checkpoint goes through a repetition of it, whose inputs pass their cotangents on to the
  /// original ones.
  constexpr void repeat(int checkpoint, int ct) {
    if (depends_[g_.operands(checkpoint)[0]] == 0) return;
    const Repetition r = rematerialize(g_, checkpoint, ct, is_wrt_);
    grow(r.last);
    find_dependent(r.first, r.last);
    give(r.result, Value{&g_, ct});
    sweep(r.last, r.first);
  }

  Builder& g_;
  int loss_;
  const List<int>& wrt_;
  List<char> depends_, is_wrt_;
  List<int> cotangent_;
};


/// Cotangents of `wrt` for a scalar `loss`, appended to the same graph. Nodes on no path from `wrt` to `loss` cost
/// nothing; a `wrt` that the loss does not depend on gets zeros. What a checkpoint marks is recomputed.
constexpr List<int> gradient(Builder& g, int loss, const List<int>& wrt) {
  ReverseMode pass(g, loss, wrt);
  return pass.run();
}

}  // namespace sinter::internals::transform
