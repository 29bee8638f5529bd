// Contractions of one value with several weights, run as one: the queries, keys and values of attention, gates, and
// heads written as separate layers.
//
//   q = x·Wqᵀ + bq, k = x·Wkᵀ + bk, v = x·Wvᵀ + bv
//
// becomes y = x·[Wq; Wk; Wv]ᵀ + [bq; bk; bv], and q, k, v are slices of y.
//
// (M, K) × (K, Nq + Nk + Nv) → (M, Nq + Nk + Nv), and q, k, v are slices of y.
//
// It is done where weights are prepared in advance (compile/prepare.hpp): concatenating them costs nothing there, and
// readers of memory, such as attention's kernel or another contraction, take slices as they are. In training every step
// would concatenate the weights anew, which takes about what it gains.
//
// Elementwise operations after the contractions are joined with them as long as they are the same for all, so that they
// remain their epilogue. Where they differ earlier, joining would split off an epilogue, which would then be a pass
// over memory of its own: such contractions stay separate.
#pragma once
#include "rewrite.hpp"

namespace sinter::inline SINTER_ABI::internals::compile {

class SiblingJoiner : Rewrite {
 public:
  using Rewrite::Rewrite;

  /// The graph with siblings joined; false where there are none.
  constexpr bool run(Builder& to) {
    find_candidates();
    if (candidates_.empty()) return false;
    find_users();
    changes_ = changes(g_, parameters_);
    for (int i = 0; i < candidates_.size(); ++i)
      if (family_of_[candidates_[i]] < 0) gather(i);
    if (families_.empty()) return false;
    rebuild(to);
    return true;
  }

 private:
  /// Contractions that become one, and how many operations after them are joined too.
  struct Family {
    int first = 0, count = 0;  ///< among members_ and ends_
    int side = 0;              ///< which operand is common
    int axis = 0;              ///< of the results, along which they are concatenated
    int stages = 0;            ///< operations after the contraction
    int joined = -1;           ///< in the new graph
  };

  constexpr void find_candidates() {
    find_live();
    List<char> read(n_, 0);  // by a contraction
    bool any = false;
    for (int i = 0; i < n_; ++i) {
      if (live_.data()[i] == 0 || g_[i].op->kind != Kind::contract) continue;
      const int* o = g_.operands(i);
      for (int k = 0; k < 2; ++k) any = any || read[o[k]] != 0, read[o[k]] = 1;
      candidates_.push(i);
    }
    if (!any) candidates_.clear();
    family_of_.resize(n_, -1);
  }

  /// The family of the i-th candidate.
  constexpr void gather(int i) {
    const int c = candidates_[i];
    for (int side = 0; side < 2; ++side) {
      const int x = g_.operands(c)[side], w = g_.operands(c)[1 - side];
      if (changes_[x] != Changes::with_calls || !is_weight(w)) continue;
      Family f{members_.size(), 0, side, joint_axis(c, side)};
      if (f.axis < 0) continue;
      List<int> members;
      for (int k = i; k < candidates_.size(); ++k)
        if (const int other = candidates_[k];
            family_of_[other] < 0 && g_.operands(other)[side] == x && alike(c, other, side))
          members.push(other);
      while (members.size() > 1 && !settle(f, members)) {}
      if (members.size() < 2) return;
      f.count = members.size();
      for (const int m : members) members_.push(m), family_of_[m] = families_.size();
      for (const int e : ends_of_) ends_.push(e);
      families_.push(f);
      return;
    }
  }
  /// The first free axis of a weight as the result has it; −1 where the weight has none.
  constexpr int joint_axis(int c, int side) const {
    const int batch = int(g_.attributes(c)[0]), inner = int(g_.attributes(c)[1]);
    if (g_.shape(g_.operands(c)[1 - side]).rank == batch + inner) return -1;
    return side == 1 ? batch : g_.shape(g_.operands(c)[0]).rank - inner;
  }
  /// Narrow ones, cast from int8, may be read in that type (compile/prologue.hpp).
  constexpr bool is_weight(int w) const {
    return changes_[w] == Changes::with_parameters && source_bytes(g_, w) >= bytes_of(g_[w].dtype);
  }
  constexpr bool alike(int c, int other, int side) const {
    return same_attributes(c, other) && is_weight(g_.operands(other)[1 - side]) && g_[c].dtype == g_[other].dtype &&
           same_but(g_.operands(c)[1 - side], g_.operands(other)[1 - side], int(g_.attributes(c)[0]));
  }
  constexpr bool same_attributes(int a, int b) const {
    bool same = g_[a].attributes == g_[b].attributes;
    for (int i = 0; i < g_[a].attributes && same; ++i) same = g_.attributes(a)[i] == g_.attributes(b)[i];
    return same;
  }
  /// Whether two shapes differ at most along one axis.
  constexpr bool same_but(int a, int b, int axis) const {
    const Shape &s = g_.shape(a), &t = g_.shape(b);
    if (s.rank != t.rank) return false;
    for (int i = 0; i < s.rank; ++i)
      if (i != axis && (s[i] != t[i] || s.symbol(i) != t.symbol(i))) return false;
    return true;
  }

  /// Follows the members as long as the same operation is applied to all of them. Members that differ from the first
  /// too early are removed: then false.
  constexpr bool settle(Family& f, List<int>& members) {
    ends_of_ = members;
    f.stages = 0;
    for (;;) {
      const int next = only_user(ends_of_[0]);
      List<int> along, readable;
      for (int m = 0; m < members.size(); ++m) {
        if (goes_along(f, ends_of_[0], next, ends_of_[m], only_user(ends_of_[m]))) along.push(members[m]);
        if (is_output_[ends_of_[m]] == 0 && read_from_memory(ends_of_[m])) readable.push(members[m]);
      }
      if (along.size() == members.size()) {
        for (int& e : ends_of_) e = only_user(e);
        ++f.stages;
        continue;
      }
      if (readable.size() == members.size()) return true;
      members = !readable.empty() && readable[0] == members[0] ? readable : along;
      return false;
    }
  }
  /// Whether `next` applies to `end` what `next_of_first` applies to `first`: one operation, with common operands and
  /// with ones that can be concatenated.
  constexpr bool goes_along(const Family& f, int first, int next_of_first, int end, int next) const {
    if (next_of_first < 0 || next < 0) return false;
    const Node &n = g_[next_of_first], &other = g_[next];
    if (n.op->kind != Kind::elementwise || n.attributes != 0 || other.op != n.op || other.dtype != n.dtype)
      return false;
    if (!(g_.shape(next_of_first) == g_.shape(first)) || !(g_.shape(next) == g_.shape(end))) return false;
    for (int k = 0; k < n.operands; ++k) {
      const int a = g_.operands(next_of_first)[k], b = g_.operands(next)[k];
      if ((a == first) != (b == end)) return false;
      if (a == first) continue;
      const int axis = f.axis - (g_.shape(next).rank - g_.shape(b).rank);  // right-aligned
      if (is_along(next_of_first, a, f.axis) != is_along(next, b, f.axis)) return false;
      if (is_along(next, b, f.axis)
              ? changes_[a] == Changes::with_calls || changes_[b] == Changes::with_calls || !same_but(a, b, axis)
              : a != b)
        return false;
    }
    return true;
  }
  constexpr bool is_along(int user, int o, int joint) const {
    const int axis = joint - (g_.shape(user).rank - g_.shape(o).rank);
    return axis >= 0 && g_.shape(o)[axis] > 1;
  }
  /// Whether all readers of a node read it from memory, whatever its strides.
  constexpr bool read_from_memory(int i) const {
    for (int u = first_use_[i]; u >= 0; u = uses_[u].next) {
      const int by = uses_[u].by;
      const Kind kind = g_[by].op->kind;
      if (reads_memory(kind)) continue;
      if (kind != Kind::view || is_output_[by] != 0) return false;
      if (g_[by].op->view.keeps_order && same_core(by, i) && !read_from_memory(by)) return false;
    }
    return true;
  }
  /// Whether a reshape only drops or adds axes of extent 1: then its readers could share the contraction's kernel.
  constexpr bool same_core(int a, int b) const {
    const Shape &s = g_.shape(a), &t = g_.shape(b);
    int i = 0, k = 0;
    for (;;) {
      while (i < s.rank && s[i] == 1) ++i;
      while (k < t.rank && t[k] == 1) ++k;
      if (i == s.rank || k == t.rank) return i == s.rank && k == t.rank;
      if (s[i++] != t[k++]) return false;
    }
  }

  // ---- the new graph ----
  constexpr void rebuild(Builder& to) {
    begin(to);
    List<int> end_of(n_, -1);  // the member that ends here
    for (int f = 0; f < families_.size(); ++f)
      for (int m = families_[f].first; m < families_[f].first + families_[f].count; ++m) end_of[ends_[m]] = m;
    for (int i = 0; i < n_; ++i) {
      if (live_[i] == 0 || now_[i] >= 0) continue;
      if (end_of[i] >= 0) split(to, end_of[i]);
      else if (!is_inside(i)) bring(to, i);
    }
    finish(to);
  }
  /// Whether a node is part of what a family has become: a contraction, or an operation after it that is not the last.
  constexpr bool is_inside(int i) const {
    if (family_of_[i] >= 0) return true;
    for (int k = 0; k < operands_of(g_, i); ++k)
      if (now_[g_.operands(i)[k]] < 0) return true;
    return false;
  }
  constexpr void split(Builder& to, int member) {
    Family& f = families_[family_of_[members_[member]]];
    if (f.joined < 0) f.joined = join(to, f);
    int start = 0;
    for (int m = f.first; m < member; ++m) start += g_.shape(ends_[m])[f.axis];
    now_[ends_[member]] = graph::slice(Value{&to, f.joined}, f.axis, start, g_.shape(ends_[member])[f.axis]).id;
  }
  constexpr int join(Builder& to, const Family& f) {
    List<int> at;  // the current node of each member
    for (int m = f.first; m < f.first + f.count; ++m) at.push(members_[m]);
    const Node& contraction = g_[at[0]];
    const int batch = int(g_.attributes(at[0])[0]);
    const int x = bring(to, g_.operands(at[0])[f.side]), w = side_by_side(to, at, 1 - f.side, batch);
    const std::array<int, 2> sides{f.side == 0 ? x : w, f.side == 0 ? w : x};
    int y = to.add(*contraction.op, sides.data(), 2, g_.attributes(at[0]), contraction.attributes);
    for (int stage = 0; stage < f.stages; ++stage) {
      const List<int> before = at;
      for (int& a : at) a = only_user(a);
      const Node& n = g_[at[0]];
      List<int> operands;
      for (int k = 0; k < n.operands; ++k) {
        const int o = g_.operands(at[0])[k];
        if (o == before[0]) operands.push(y);
        else if (is_along(at[0], o, f.axis))
          operands.push(side_by_side(to, at, k, f.axis - (g_.shape(at[0]).rank - g_.shape(o).rank)));
        else operands.push(bring(to, o));
      }
      y = to.add(*n.op, operands.data(), n.operands);
    }
    return y;
  }
  /// Operand k of each of these nodes, concatenated along an axis.
  constexpr int side_by_side(Builder& to, const List<int>& nodes, int k, int axis) {
    List<int> parts;
    for (const int n : nodes) parts.push(bring(to, g_.operands(n)[k]));
    return graph::concatenate(&to, parts.data(), parts.size(), axis).id;
  }

  List<Changes> changes_;
  List<int> candidates_, family_of_;
  List<Family> families_;
  List<int> members_, ends_;  ///< of all families: the contractions, and the last node of each that is joined
  List<int> ends_of_;         ///< of the current family
};


/// Writes to `to` the graph with contractions joined that share an operand and have parameters as the other; false, and
/// nothing written, where there are none. `parameters`: how many of the graph's first inputs these are.
constexpr bool join_siblings(const Builder& g, int parameters, Builder& to) {
  SiblingJoiner pass(g, parameters);
  return pass.run(to);
}

}  // namespace sinter::internals::compile
