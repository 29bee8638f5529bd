// Groups of nodes: the result of fusion, and the predicates that it uses.
//
// A group becomes one kernel. It has a space (the iteration space of its loops, extents of 1 dropped) and, if it
// reduces, the axes it folds; a row is what those axes span. Members have one value per element, or one per row.
#pragma once
#include <algorithm>

#include "simplify.hpp"
#include "target.hpp"

namespace sinter::inline SINTER_ABI::internals::compile {

struct Group {
  KernelKind kind = KernelKind::map;
  int level = 0;
  int space = 0;             ///< interned shape without extents of 1
  std::int64_t reduced = 0;  ///< axes of the space that are folded
  int contraction = -1;      ///< the contract node
  signed char swapped = -1;  ///< whether the contraction's right operand has the rows; −1: nobody has asked yet
  int joined = -1;           ///< another group that took this one in
  int members = 0, folds = 0;
  bool alone = false;        ///< joined by nothing
};
/// A kernel's identity has room for this many operations and passes over a row; longer groups become several kernels.
inline constexpr int most_members = 64, most_folds = 12;

struct Fusion {
  List<Group> groups;
  List<int> group;      ///< of each node, −1 where no kernel computes it by itself
  List<char> row;       ///< one value per row
  List<char> stored;    ///< has a buffer
  List<char> repeated;  ///< computed again wherever it is read
};

/// Whether the right operand of a contraction has the rows of its kernel: columns are what is packed in panels, else
/// the contiguous axis of what the kernel stores first.
constexpr bool swaps_operands(const Simplified& s, int contraction, int stored) {
  const Builder& g = s.graph;
  const int batch = int(g.attributes(contraction)[0]), inner = int(g.attributes(contraction)[1]),
            *o = g.operands(contraction);
  const bool left_packed = s.layout(o[0]).form != 0, right_packed = s.layout(o[1]).form != 0;
  if (left_packed || right_packed) return left_packed;
  const Shape &axes = g.shape(contraction), &as = g.shape(stored);  // the same, but for axes of extent 1
  const int columns = g.shape(o[0]).rank - inner, part = s.part_of[stored];
  const Layout to = s.layout(part >= 0 && !s.parts[part].contiguous ? s.parts[part].whole : stored);
  std::int64_t of_rows = std::int64_t(1) << 62, of_columns = of_rows;
  for (int i = 0, k = 0; i < axes.rank; ++i) {
    if (axes[i] == 1 && axes.symbol(i) == 0) continue;
    while (as[k] == 1 && as.symbol(k) == 0) ++k;
    std::int64_t& least = i < columns ? of_rows : of_columns;
    if (i >= batch && to.stride[k] != 0) least = std::min(least, to.stride[k]);
    ++k;
  }
  return of_rows < of_columns;
}

/// What the fusion passes share.
class Grouping {
 protected:
  // Before its users: clang instantiates a template in constant evaluation only where it has seen the body.
  template <class F> constexpr void for_each_operand(int v, F f) const {
    const int* o = pool_ + nodes_[v].operand;
    for (int k = nodes_[v].operands; k > 0; --k) f(*o++);
  }

  constexpr Grouping(Simplified& s, const Target& target)
      : s_(s), g_(s.graph), target_(target), n_(s.graph.size()) {
    f_.group.resize(n_, -1);
    f_.row.resize(n_, 0);
    f_.stored.resize(n_, 0);
    f_.repeated.resize(n_, 0);
    level_.resize(n_, 0);
    find_cores();
    nodes_ = g_.nodes();
    pool_ = g_.operand_pool();
    base_ = s_.base.data();
    kind_ = s_.kind.data();
    group_ = f_.group.data();
    row_ = f_.row.data();
  }

  constexpr const int* operands(int v) const { return pool_ + nodes_[v].operand; }

  /// For every interned shape the one without its extents of 1.
  constexpr void find_cores() {
    const int shapes = g_.shapes();
    for (int i = 0; i < shapes; ++i) {
      const Shape s = g_.interned(i);
      Shape c;
      for (int k = 0; k < s.rank; ++k)
        if (s.extent[k] != 1 || s.length[k] != 0) c.push(s.extent[k], s.length[k]);
      core_.push(c.rank == s.rank ? i : g_.intern(c));
    }
    for (int i = shapes; i < g_.shapes(); ++i) core_.push(i);
  }
  constexpr int core_of(int node) const { return core_[nodes_[node].shape]; }

  /// Whether v reads what its operand o shows from memory: the table of a gather, or a sum, which is complete only
  /// after its last term.
  constexpr bool from_memory(int o, int v) const {
    return (kind_[v] == Kind::gather && o == *operands(v)) || is_complete_late(kind_[base_[o]]);
  }
  /// Whether v's group can compute, for v, what its operand o shows, element by element.
  constexpr bool inlines(int o, int v) const {
    if (from_memory(o, v) || (group_[v] >= 0 && f_.groups[group_[v]].alone)) return false;
    int space = 0;
    switch (kind_[v]) {
      case Kind::elementwise:
      case Kind::gather: space = core_of(v); break;
      case Kind::reduce:
      case Kind::scan: space = core_of(*operands(v)); break;
      case Kind::scatter: space = core_of(operands(v)[1]); break;
      default: return false;
    }
    return row_[base_[o]] == 0 && s_.linear[o] != 0 && core_of(o) == space && core_of(base_[o]) == space;
  }

  constexpr int open(KernelKind kind, int level, int space) {
    f_.groups.push({.kind = kind, .level = level, .space = space});
    return f_.groups.size() - 1;
  }

  /// What moves into the kernels of contractions: see prologue.hpp.
  constexpr void absorb_prologues();
  constexpr bool may_be_prologue(int p) const;
  constexpr void count_readers();
  constexpr void absorb(int contraction, int side);
  constexpr bool is_cheap_again(int v) const;
  constexpr bool is_read_in_place(int contraction, int side, bool from_narrower);
  constexpr bool has_swapped_operands(int contraction);

  /// The last step: see buffers.hpp.
  constexpr void choose_buffers();
  constexpr bool worth_repeating(int v, const List<char>& needed) const;
  constexpr void store_long_expressions(List<char>& needed, List<char>& inlined) const;

  Simplified& s_;
  Builder& g_;
  const Target& target_;
  int n_;
  Fusion f_;
  List<int> level_, core_;
  List<int> readers_;        ///< of each node; counted for the first prologue
  List<char> read_outside_;  ///< whether another kernel is among them
  List<int> also_read_;      ///< what prologues read for values that they compute a second time
  // The arrays above, without a function call for every access.
  const Node* nodes_ = nullptr;
  const int *pool_ = nullptr, *base_ = nullptr;
  const Kind* kind_ = nullptr;
  int* group_ = nullptr;
  char* row_ = nullptr;
};

}  // namespace sinter::internals::compile
