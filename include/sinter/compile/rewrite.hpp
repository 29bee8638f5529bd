// Base of the passes that write a new graph: who reads each node, and nodes copied from one graph to the other.
#pragma once
#include "fixed.hpp"

namespace sinter::inline SINTER_ABI::internals::compile {

class Rewrite {
 public:
  constexpr Rewrite(const Builder& g, int parameters) : g_(g), n_(g.size()), parameters_(parameters) {}

 protected:
  constexpr void find_live() {
    live_.resize(n_, 0);
    for (const int o : g_.outputs) live_[o] = 1;
    for (int i = n_ - 1; i >= 0; --i) {
      if (live_.data()[i] == 0) continue;
      const int* o = g_.operands(i);
      for (int k = operands_of(g_, i); k > 0; --k) live_.data()[*o++] = 1;
    }
  }
  /// Every use of a live node, as a list through the operand pool.
  constexpr void find_users() {
    first_use_.resize(n_, -1);
    for (int i = n_ - 1; i >= 0; --i) {
      if (live_[i] == 0) continue;
      const int count = operands_of(g_, i);
      for (int k = 0; k < count; ++k) {
        const int o = g_.operands(i)[k];
        uses_.push({i, first_use_[o]});
        first_use_[o] = uses_.size() - 1;
      }
    }
    is_output_.resize(n_, 0);
    for (const int o : g_.outputs) is_output_[o] = 1;
  }
  /// The node that reads i where it is the only one, and no output shows i; else −1.
  constexpr int only_user(int i) const {
    return is_output_[i] == 0 && first_use_[i] >= 0 && uses_[first_use_[i]].next < 0 ? uses_[first_use_[i]].by : -1;
  }

  constexpr void begin(Builder& to) {
    now_.resize(n_, -1);
    to.share_shapes(g_);
    to.bodies = g_.bodies;
    for (const int i : g_.inputs) now_[i] = to.input(g_[i].dtype, g_.shape(i));
  }
  constexpr void finish(Builder& to) {
    for (const int o : g_.outputs) to.outputs.push(now_[o]);
    to.overwrites = g_.overwrites;
    to.length_rules = g_.length_rules;
  }
  /// Copies a node, and first whatever it names that has not been copied: that may be needed before its turn.
  constexpr int bring(Builder& to, int i) {
    if (now_[i] >= 0) return now_[i];
    List<int> operands;
    int* const at = operands.extend(g_[i].operands);
    for (int k = 0; k < operands.size(); ++k) at[k] = bring(to, g_.operands(i)[k]);
    return now_[i] = copy(to, i, operands);
  }
  /// The operands of node i, those of its body too, where they are now.
  constexpr List<int> operands_now(int i) const {
    List<int> operands;
    int* const at = operands.extend(operands_of(g_, i));
    for (int k = 0; k < operands.size(); ++k) at[k] = now_[g_.operands(i)[k]];
    return operands;
  }
  /// Node i, of the same type, with other operands.
  constexpr int copy(Builder& to, int i, const List<int>& operands) const {
    const graph::Node& n = g_[i];
    return to.insert(*n.op, n.dtype, n.shape, operands.data(), operands.size(), g_.attributes(i), n.attributes);
  }

  struct Use {
    int by = -1, next = -1;
  };

  const Builder& g_;
  int n_, parameters_;
  List<char> live_, is_output_;
  List<Use> uses_;
  List<int> first_use_;
  List<int> now_;  ///< of each node: where it is in the new graph, −1 where it is not yet
};

}  // namespace sinter::internals::compile
