// Which nodes share a kernel.
//
//  1. In graph order every node joins the group of the operand that it can be computed with, or opens one. A node's
//     level is the number of kernel boundaries below it; groups only ever join at equal level, so no cycle of kernels
//     can arise and no reachability search is needed.
//  2. A group all of whose readers are in one later group of the same space joins it: what it computes needs no buffer.
//  3. Backwards, an elementwise node all of whose users are in one later group moves there.
//  4. What a contraction alone reads may be computed while it packs that operand: its prologue (prologue.hpp).
//  5. What is left between groups gets a buffer (buffers.hpp).
//
// A gather reads its table from memory, and every reader of a scatter or of a custom kernel reads its result from
// memory. A group marked alone is a custom kernel, a loop, or a copy that must run after all that reads what it
// overwrites: nothing joins it, and nothing else is computed in it.
#pragma once
#include "buffers.hpp"
#include "prologue.hpp"

namespace sinter::inline SINTER_ABI::internals::compile {

class Fuser : Grouping {
 public:
  constexpr Fuser(Simplified& s, const Target& target) : Grouping(s, target) {}

  constexpr Fusion run() {
    if (s_.has_late) late_.resize(n_, 0);
    users_.resize(n_, 0);
    sunk_row_.resize(n_, 0);
    for (const int v : s_.order)
      if (!is_view(kind_[v]))
        for_each_operand(v, [&](int o) { ++users_[base_[o]]; });
    for (const int v : s_.order) assign(v);
    while (join_only_readers()) {}
    for (const int v : s_.order)
      if (group_[v] >= 0) group_[v] = find(group_[v]);
    sink();
    absorb_prologues();
    choose_buffers();
    return static_cast<Fusion&&>(f_);
  }

 private:
  constexpr int find(int g) const {
    while (f_.groups[g].joined >= 0) g = f_.groups[g].joined;
    return g;
  }

  enum class Fit : unsigned char { none, element, row };

  /// How v, computed elementwise, can be computed with what its operand o shows, in the group of o's base.
  constexpr Fit fit(int o, int v) const {
    const int b = base_[o], core = core_of(v);
    if (from_memory(o, v)) return Fit::none;
    const Group& home = f_.groups[find(group_[b])];
    if (row_[b] == 0) return core == home.space && core_of(o) == core && s_.linear[o] != 0 ? Fit::element : Fit::none;
    const int inner = kind_[o] == Kind::broadcast ? *operands(o) : o;
    if (s_.linear[inner] == 0) return Fit::none;
    if (inner == o && core_of(o) == core && core_of(b) == core) return Fit::row;
    return core == home.space &&
                   axes_of(inner, v) == (~home.reduced & ((std::int64_t(1) << g_.interned(home.space).rank) - 1))
               ? Fit::element
               : Fit::none;
  }
  /// The axes of v's core along which its operand o, right-aligned, is not broadcast.
  constexpr std::int64_t axes_of(int o, int v) const {
    const Shape &a = g_.shape(o), &b = g_.shape(v);
    std::int64_t axes = 0;
    for (int i = 0, c = 0; i < b.rank; ++i) {
      if (b.extent[i] == 1 && b.length[i] == 0) continue;
      if (const int j = i - (b.rank - a.rank); j >= 0 && (a.extent[j] != 1 || a.length[j] != 0))
        axes |= std::int64_t(1) << c;
      ++c;
    }
    return axes;
  }

  constexpr void enter(int v, int group) {
    group_[v] = group;
    ++f_.groups[group].members;
  }
  constexpr void enter_alone(int v, KernelKind kind) {
    enter(v, open(kind, after_all(v), core_of(v)));
    f_.groups.back().alone = true;
  }
  constexpr bool join(int a, int b) {
    Group &x = f_.groups[a], &y = f_.groups[b];
    if (x.alone || y.alone || x.space != y.space || (x.contraction >= 0 && y.contraction >= 0)) return false;
    if (x.members + y.members > most_members || x.folds + y.folds > most_folds) return false;
    if (x.reduced != y.reduced && x.reduced != 0 && y.reduced != 0) return false;
    if ((x.contraction >= 0 && y.reduced != 0) || (y.contraction >= 0 && x.reduced != 0)) return false;
    if ((x.kind == KernelKind::scatter && y.kind != KernelKind::map) ||
        (y.kind == KernelKind::scatter && x.kind != KernelKind::map))
      return false;
    if (y.kind != KernelKind::map) x.kind = y.kind;
    x.reduced |= y.reduced;
    x.members += y.members;
    x.folds += y.folds;
    if (y.contraction >= 0) x.contraction = y.contraction;
    y.joined = a;
    return true;
  }

  /// Numbers known before any loop: every kernel that needs one computes it.
  constexpr bool is_scalar(int v) const {
    if (nodes_[v].shape != 0 || kind_[v] != Kind::elementwise) return false;
    bool scalar = true;
    for_each_operand(v, [&](int o) {
      const int b = base_[o];
      if (is_computed(kind_[b]) && (nodes_[b].shape != 0 || f_.repeated[b] == 0)) scalar = false;
    });
    return scalar;
  }

  /// Readers of what a view shows run after the node that it waits for: no kernel of a lower level computes them.
  constexpr void wait(int v) {
    if (!s_.has_late) return;
    const int* const o = operands(v);
    const int level = nodes_[v].op->view.waits ? after(o[1]) : 0;
    late_[v] = std::max(level, late_[o[0]]);
  }
  constexpr int waits(int o) const { return s_.has_late ? late_[o] : 0; }

  constexpr int level_of_group(int b) const { return f_.groups[find(group_[b])].level; }
  /// The lowest level of a kernel that reads o from memory.
  constexpr int after(int o) const {
    const int b = base_[o];
    if (group_[b] >= 0) return std::max(level_of_group(b) + 1, waits(o));
    return std::max(level_[b], waits(o));  // repeated and assembled nodes; 0 for inputs and constants
  }
  constexpr int after_all(int v) const {
    int level = 0;
    for_each_operand(v, [&](int o) { level = std::max(level, after(o)); });
    return level;
  }

  constexpr void assign(int v) {
    switch (kind_[v]) {
      case Kind::elementwise:
      case Kind::gather: return assign_elementwise(v);
      case Kind::reduce:
      case Kind::scan: return assign_reduce(v);
      case Kind::scatter: {
        const int* const o = operands(v);
        return enter(v, open(KernelKind::scatter, std::max(after(o[0]), after(o[1])), core_of(o[1])));
      }
      case Kind::contract:
        group_[v] = open(KernelKind::contract, after_all(v), core_of(v));
        f_.groups.back().contraction = v;
        return;
      case Kind::kernel: return enter_alone(v, kind_of(nodes_[v].op->kernel.kind));
      case Kind::loop: return enter_alone(v, KernelKind::loop);
      case Kind::result: return enter(v, group_[*operands(v)]);
      case Kind::assemble: level_[v] = after_all(v); return;  // complete once all its parts are
      case Kind::view:
      case Kind::broadcast: return wait(v);
      default: return;
    }
  }

  constexpr void assign_elementwise(int v) {
    if (is_scalar(v)) {
      f_.repeated[v] = 1;
      level_[v] = after_all(v);
      return;
    }
    if (v < s_.alone.size() && s_.alone[v] != 0) return enter_alone(v, KernelKind::map);
    const int n = nodes_[v].operands;
    const int* const o = operands(v);
    int level = 0;
    Fit fits[3]{};
    for (int k = 0; k < n; ++k) {
      const int b = base_[o[k]];
      level = std::max(level, waits(o[k]));
      if (group_[b] < 0) {
        level = std::max(level, level_[b]);
        continue;
      }
      fits[k] = fit(o[k], v);
      level = std::max(level, level_of_group(b) + (fits[k] == Fit::none ? 1 : 0));
    }
    int target = -1;
    bool row = false, good = true;
    for (int k = 0; k < n && good; ++k) {
      if (fits[k] == Fit::none || level_of_group(base_[o[k]]) != level) continue;
      const int group = find(group_[base_[o[k]]]);
      if (f_.groups[group].members >= most_members || f_.groups[group].alone) good = false;
      else if (target < 0) target = group, row = fits[k] == Fit::row;
      else good = row == (fits[k] == Fit::row) && (group == target || join(target, group));
    }
    if (!good) {
      target = -1;
      ++level;
      row = false;
    }
    enter(v, target >= 0 ? target : open(KernelKind::map, level, core_of(v)));
    row_[v] = row ? 1 : 0;
  }

  constexpr void assign_reduce(int v) {
    const int o = *operands(v), b = base_[o];
    const Shape& s = g_.shape(o);
    const bool scan = kind_[v] == Kind::scan;  // one value per element; its attribute is the axis
    const std::int64_t named = scan ? std::int64_t(1) << g_.attributes(v)[0] : g_.attributes(v)[0];
    std::int64_t axes = 0;
    for (int i = 0, c = 0; i < s.rank; ++i) {
      if (s.extent[i] == 1 && s.length[i] == 0) continue;
      if ((named >> i & 1) != 0) axes |= std::int64_t(1) << c;
      ++c;
    }
    int target = -1;
    if (group_[b] >= 0 && row_[b] == 0 && s_.linear[o] != 0 && !from_memory(o, v)) {
      const int group = find(group_[b]);
      const Group& home = f_.groups[group];
      if (home.space == core_of(o) && home.contraction < 0 && (home.reduced == 0 || home.reduced == axes) &&
          home.members < most_members && home.folds < most_folds)
        target = group;
    }
    if (target < 0) target = open(KernelKind::row, after(o), core_of(o));
    f_.groups[target].kind = KernelKind::row;
    f_.groups[target].reduced = axes;
    ++f_.groups[target].folds;
    enter(v, target);
    row_[v] = scan ? 0 : 1;
  }

  /// Whether v could read what its operand o shows inside one kernel, were their groups one.
  constexpr bool fits(int o, int v) const {
    if (kind_[v] == Kind::elementwise || kind_[v] == Kind::gather) {
      const Fit f = fit(o, v);
      return f != Fit::none && (f == Fit::row) == (row_[v] != 0);
    }
    const int b = base_[o];
    return (kind_[v] == Kind::reduce || kind_[v] == Kind::scan || kind_[v] == Kind::scatter) && !from_memory(o, v) &&
           row_[b] == 0 && s_.linear[o] != 0 && core_of(o) == f_.groups[find(group_[b])].space;
  }

  /// One round of joining groups to their only reader. No cycle can arise: whatever follows the group follows its
  /// reader.
  constexpr bool join_only_readers() {
    const int groups = f_.groups.size();
    List<int> readers(groups, -1);  // −1: none, −2: several, or not within one kernel
    int* const reader = readers.data();
    for (const int v : s_.order) {
      if (is_view(kind_[v]) || nodes_[v].operands == 0) continue;
      const int own = group_[v] >= 0 ? find(group_[v]) : -1;
      for_each_operand(v, [&](int o) {
        if (group_[base_[o]] < 0) return;
        const int from = find(group_[base_[o]]);
        if (from == own || reader[from] == -2) return;
        reader[from] = own >= 0 && (reader[from] == -1 || reader[from] == own) && fits(o, v) ? own : -2;
      });
    }
    bool any = false;
    for (int group = 0; group < groups; ++group)
      if (reader[group] >= 0 && f_.groups[group].joined < 0 && find(reader[group]) != group)
        any = join(find(reader[group]), group) || any;
    return any;
  }

  constexpr void sink() {
    List<int> only(n_, -1);  // the one group that reads a node; −2: several, or not inline
    for (const int o : s_.outputs) only[o] = -2;
    for (int i = s_.order.size() - 1; i >= 0; --i) {
      const int v = s_.order[i];
      if (is_view(kind_[v]) || nodes_[v].operands == 0) continue;
      if (kind_[v] == Kind::elementwise && group_[v] >= 0 && only[v] >= 0 && only[v] != group_[v] && row_[v] == 0 &&
          f_.groups[group_[v]].kind == KernelKind::map && f_.groups[only[v]].members < most_members) {
        bool worth = true;
        for_each_operand(v, [&](int o) { worth = worth && (group_[base_[o]] != group_[v] || users_[base_[o]] == 1); });
        if (worth) {
          enter(v, only[v]);
          row_[v] = sunk_row_[v];
        }
      }
      const char row = kind_[v] == Kind::elementwise ? row_[v] : char(0);
      for_each_operand(v, [&](int o) {
        const int b = base_[o];
        if (group_[b] < 0 || only[b] == -2) return;
        if (group_[v] < 0 || (only[b] >= 0 && (only[b] != group_[v] || sunk_row_[b] != row)) || !inlines(o, v)) {
          only[b] = -2;
        } else {
          only[b] = group_[v];
          sunk_row_[b] = row;
        }
      });
    }
  }

  List<char> sunk_row_;
  List<int> users_, late_;
};


constexpr Fusion fuse(Simplified& s, const Target& target) {
  Fuser pass(s, target);
  return pass.run();
}

}  // namespace sinter::internals::compile
