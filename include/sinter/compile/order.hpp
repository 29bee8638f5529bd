// The order in which groups run.
//
// Groups run in the order of their last node, after everything they read: close to the order
// in which the graph was written, which keeps values short-lived. Groups that overwrite an
// input (the optimizer's update of the parameters) run after all that still read it: in that
// order they mostly do, and where one would not, they and all that depends on them run last.
#pragma once
#include "grouping.hpp"

namespace sinter::inline SINTER_ABI::internals::compile {

struct Order {
  List<int> groups;  ///< in running order; only those with something to compute
  List<int> head, next;  ///< members of each group, ascending: head[group], next[node]
};

class GroupOrderer {
 public:
  constexpr GroupOrderer(const Simplified& s, const Fusion& f) : s_(s), g_(s.graph), f_(f) {}

  constexpr Order run() {
    const int n = g_.size(), groups = f_.groups.size();
    r_.head.resize(groups, -1);
    r_.next.resize(n, -1);
    List<int> by_last, last(groups, -1);
    List<char> stores(groups, 0);
    for (int i = s_.order.size() - 1; i >= 0; --i) {
      const int v = s_.order[i], group = f_.group[v];
      if (group < 0) continue;
      r_.next[v] = r_.head[group];
      r_.head[group] = v;
      if (last[group] < 0) last[group] = v, by_last.push(group);
      if (f_.stored[v] != 0) stores[group] = 1;
    }
    done_.resize(groups, 0);
    for (int i = by_last.size() - 1; i >= 0; --i)
      if (stores[by_last[i]] != 0) visit(by_last[i]);
    if (overwritten_early()) defer();
    return static_cast<Order&&>(r_);
  }

 private:
  constexpr void visit(int group) {
    if (done_[group] != 0) return;
    done_[group] = 1;
    for (int v = r_.head[group]; v >= 0; v = r_.next[v]) below(v, group);
    r_.groups.push(group);
  }
  constexpr void below(int v, int group) {
    const int* o = g_.operands(v);
    for (int k = g_[v].operands; k > 0; --k) {
      const int b = s_.base[*o++];
      const Kind kind = s_.kind[b];
      if (kind == Kind::assemble) below(b, group);
      else if (!is_computed(kind) || f_.group[b] == group) continue;
      else if (f_.stored[b] == 0) below(b, group);
      else if (done_[f_.group[b]] == 0) visit(f_.group[b]);
    }
  }

  /// Whether a group overwrites an input that a later one reads.
  constexpr bool overwritten_early() {
    if (g_.overwrites.empty()) return false;
    writer_.resize(g_.size(), -1);
    last_read_.resize(g_.size(), -1);
    for (int k = 0; k < g_.overwrites.size(); ++k)
      if (g_.overwrites[k] >= 0) writer_[g_.inputs[g_.overwrites[k]]] = f_.group[s_.outputs[k]];
    List<int> at(f_.groups.size(), -1);
    for (int i = 0; i < r_.groups.size(); ++i) {
      at[r_.groups[i]] = i;
      for (int v = r_.head[r_.groups[i]]; v >= 0; v = r_.next[v]) note_inputs(v, r_.groups[i], i);
    }
    for (int k = 0; k < g_.overwrites.size(); ++k) {
      if (g_.overwrites[k] < 0) continue;
      const int input = g_.inputs[g_.overwrites[k]];
      if (last_read_[input] > at[writer_[input]]) return true;
    }
    return false;
  }
  /// Notes that a group, the i-th to run, reads the inputs below v that another group overwrites.
  constexpr void note_inputs(int v, int group, int i) {
    const int* o = g_.operands(v);
    for (int k = g_[v].operands; k > 0; --k) {
      const int b = s_.base[*o++];
      const Kind kind = s_.kind[b];
      if (kind == Kind::input) {
        if (writer_[b] >= 0 && writer_[b] != group) last_read_[b] = i;
      } else if (kind == Kind::assemble || (is_computed(kind) && f_.group[b] != group && f_.stored[b] == 0)) {
        note_inputs(b, group, i);
      }
    }
  }

  constexpr void defer() {
    const int groups = f_.groups.size();
    List<char> late(groups, 0);
    for (int k = 0; k < g_.overwrites.size(); ++k)
      if (g_.overwrites[k] >= 0) late[f_.group[s_.outputs[k]]] = 1;
    List<int> first, second;
    for (const int group : r_.groups) {
      for (int v = r_.head[group]; v >= 0 && late[group] == 0; v = r_.next[v])
        if (reads_late(v, group, late)) late[group] = 1;
      (late[group] != 0 ? second : first).push(group);
    }
    r_.groups = first;
    for (const int group : second) r_.groups.push(group);
  }
  constexpr bool reads_late(int v, int group, const List<char>& late) const {
    const int* o = g_.operands(v);
    for (int k = g_[v].operands; k > 0; --k) {
      const int b = s_.base[*o++];
      const Kind kind = s_.kind[b];
      if (kind == Kind::assemble ? reads_late(b, group, late)
                                 : is_computed(kind) && f_.group[b] != group &&
                                       (f_.stored[b] != 0 ? late[f_.group[b]] != 0 : reads_late(b, group, late)))
        return true;
    }
    return false;
  }

  const Simplified& s_;
  const Builder& g_;
  const Fusion& f_;
  Order r_;
  List<char> done_;
  List<int> writer_,
      last_read_;  ///< of inputs: the group that overwrites each, and the last in order of the others that read it
};


constexpr Order order(const Simplified& s, const Fusion& f) {
  GroupOrderer pass(s, f);
  return pass.run();
}

}  // namespace sinter::internals::compile
