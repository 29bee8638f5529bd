// Prologues: what a contraction, (M, K) × (K, N) → (M, N), computes of its operands while it packs them.
//
// An operand that is computed elementwise and read by this contraction alone needs no buffer: weights cast from int8
// and scaled, a normalised row, rows of an embedding. Its operations move into the contraction's kernel, which
// evaluates them into the panels that it packs anyway.
//
// Not for:
//  - what another contraction's epilogue computes: it costs nothing there;
//  - small operands, which are quicker computed by themselves and then read in place;
//  - rows contiguous along the contracted axis, [M, K]: they are read in place, and packing them for a prologue costs
//    more than it saves, except for rows that would evict each other from the cache, which are packed anyway. Likewise
//    contiguous columns, [K, N], in products with few rows, unless they are computed from a narrower type;
//  - convolutions: their windows repeat elements, and Winograd's transforms read from memory;
//  - long expressions, where the other operand is so large that this one may be packed more than once;
//  - expressions that read many values per element, such as the positions of a window: lines of a tile are short, and
//    each begins by locating all of them.
// Of a row kernel (layer norm), only what computes one value per row remains.
#pragma once
#include "grouping.hpp"

namespace sinter::inline SINTER_ABI::internals::compile {

/// How a view strides over the node below it: along each of its axes, one axis of the node with a step in elements.
/// Axes of the node without those of extent 1.
struct ViewStrides {
  bool simple = false;  ///< it has that form, and shows no element twice
  int axis[Shape::max_rank]{};            ///< of the node, for each axis of the view; −1 where it is not strided
  std::int64_t step[Shape::max_rank]{};   ///< along that axis
  std::int64_t start[Shape::max_rank]{};  ///< of each axis of the node

  static constexpr ViewStrides of(const Layout& view, const Shape& shape, const Layout& below, const Shape& node) {
    ViewStrides v;
    std::int64_t stride[Shape::max_rank]{}, least[Shape::max_rank]{}, most[Shape::max_rank]{},
        extent[Shape::max_rank]{};
    int axes = 0;
    for (int i = 0; i < node.rank; ++i)
      if (node[i] != 1 || node.symbol(i) != 0) stride[axes] = below.stride[i], extent[axes++] = node[i];
    // The largest stride that divides into a distance; axes may be in any order.
    const auto largest = [&](std::int64_t distance, std::int64_t under) {
      int best = -1;
      for (int c = 0; c < axes; ++c)
        if (stride[c] > 0 && stride[c] <= distance && stride[c] < under && (best < 0 || stride[c] > stride[best]))
          best = c;
      return best;
    };
    std::int64_t rest = view.offset - below.offset, under = std::int64_t(1) << 62;
    if (rest < 0) return v;
    for (int c = largest(rest, under); c >= 0; c = largest(rest, under)) {
      v.start[c] = least[c] = most[c] = rest / stride[c];
      rest %= stride[c];
      under = stride[c];
    }
    if (rest != 0) return v;
    std::int64_t shown = 1;
    for (int i = 0; i < shape.rank; ++i) {
      v.axis[i] = -1;
      const std::int64_t by = view.stride[i];
      if (by == 0 || (shape[i] == 1 && shape.symbol(i) == 0)) continue;
      const int c = largest(by < 0 ? -by : by, std::int64_t(1) << 62);
      if (c < 0 || by % stride[c] != 0) return v;
      v.axis[i] = c;
      v.step[i] = by / stride[c];
      (by < 0 ? least[c] : most[c]) += (shape[i] - 1) * v.step[i];
      shown *= shape[i];
    }
    for (int c = 0; c < axes; ++c)
      if (extent[c] > 0 && (least[c] < 0 || most[c] >= extent[c])) return v;
    v.simple = shown <= node.size();
    return v;
  }
};

constexpr void Grouping::absorb_prologues() {
  for (const int v : s_.order)
    if (kind_[v] == Kind::contract)
      for (int k = 0; k < 2; ++k)
        if (may_be_prologue(base_[operands(v)[k]])) absorb(v, k);
}

/// Checks the node alone.
constexpr bool Grouping::may_be_prologue(int p) const {
  if ((kind_[p] != Kind::elementwise && kind_[p] != Kind::gather) || group_[p] < 0 || row_[p] != 0 ||
      s_.owner[p] >= 0 || s_.part_of[p] >= 0)
    return false;
  const Group& home = f_.groups[group_[p]];
  return !home.alone && (home.kind == KernelKind::map || home.kind == KernelKind::row) &&
         g_.shape(p).size() >= target_.prologue.smallest;
}

/// The readers of each node: how many, and whether any of them is in another kernel.
constexpr void Grouping::count_readers() {
  readers_.resize(n_, 0);
  read_outside_.resize(n_, 0);
  for (const int o : s_.outputs) readers_[o] = 1, read_outside_[o] = 1;
  for (const int v : s_.order) {
    if (is_view(kind_[v])) continue;
    for_each_operand(v, [&](int o) {
      const int b = base_[o];
      ++readers_[b];
      if (group_[b] != group_[v]) read_outside_[b] = 1;
    });
  }
}

constexpr void Grouping::absorb(int contraction, int side) {
  if (readers_.empty()) count_readers();
  const int o = operands(contraction)[side], other = operands(contraction)[1 - side], p = base_[o], home = group_[p],
            to = group_[contraction];
  if (readers_[p] != 1 || nodes_[o].dtype != nodes_[contraction].dtype || is_read_in_place(contraction, side, true) ||
      !ViewStrides::of(s_.layout(o), g_.shape(o), s_.layout(p), g_.shape(p)).simple)
    return;
  std::int64_t shown = 1;  // by the other operand
  for (int i = 0; i < g_.shape(other).rank; ++i)
    if (s_.layout(other).stride[i] != 0) shown *= g_.shape(other)[i];
  if (shown > g_.shape(base_[other]).size()) return;

  // Members: the node and what only members read. Candidates: what others in its kernel read too.
  List<int> members, candidates, seen;
  bool possible = true;
  members.push(p);
  for (int i = 0; i < members.size() && possible; ++i) {
    const int v = members[i];
    for_each_operand(v, [&](int from) {
      const int b = base_[from];
      if (!is_computed(kind_[b]) || f_.repeated[b] != 0 || group_[b] != home || row_[b] != 0) return;
      possible = possible && inlines(from, v);
      int k = 0;
      while (k < candidates.size() && candidates[k] != b) ++k;
      if (k == candidates.size()) candidates.push(b), seen.push(0);
      if (++seen[k] == readers_[b] && kind_[b] != Kind::scan) members.push(b);
    });
  }
  double flops = 0;
  for (const int v : members) {
    Signature::Operand room[graph::most_operands];
    flops += nodes_[v].op->flops(g_.signature(v, room), g_.shape(v)) / double(g_.shape(v).size());
  }
  int source = p, reads = 0;  // what the operand is mainly computed from, and how many values of its size
  for (const int v : members)
    for_each_operand(v, [&](int from) {
      const int b = base_[from];
      reads += group_[b] != home && g_.shape(from).size() >= g_.shape(p).size() ? 1 : 0;
      if (group_[b] != home && g_.shape(b).size() >= g_.shape(p).size() &&
          bytes_of(nodes_[b].dtype) < bytes_of(nodes_[source].dtype))
        source = b;
    });
  if (source == p && is_read_in_place(contraction, side, false)) return;
  if (!possible || reads > target_.prologue.most_reads || f_.groups[to].members + members.size() > most_members ||
      (shown > target_.prologue.packed_once && flops > target_.prologue.cheap))
    return;
  List<int> again;  // cheap, and computed from what is in memory: in both kernels
  for (int k = 0; k < candidates.size(); ++k) {
    const int b = candidates[k];
    if ((seen[k] == readers_[b] && kind_[b] != Kind::scan) || read_outside_[b] != 0) continue;
    if (!is_cheap_again(b)) return;
    again.push(b);
  }
  for (const int b : again) {
    f_.repeated[b] = 1;
    for_each_operand(b, [&](int from) { also_read_.push(base_[from]); });
  }
  for (const int v : members) group_[v] = to;
  f_.groups[home].members -= members.size();
  f_.groups[to].members += members.size();
}

/// Whether the contraction prefers to read an operand in place.
constexpr bool Grouping::is_read_in_place(int contraction, int side, bool from_narrower) {
  if (target_.reads_in_place == nullptr) return true;
  const int o = operands(contraction)[side], other = operands(contraction)[1 - side];
  const int batch = int(g_.attributes(contraction)[0]), inner = int(g_.attributes(contraction)[1]);
  const Layout l = s_.layout(o);
  const Shape& s = g_.shape(o);
  const auto last_axis = [](const Shape& of, int first, int end) {  // of more than one element
    while (end > first && of[end - 1] == 1) --end;
    return end > first ? end - 1 : -1;
  };
  const auto count = [](const Shape& of, int first, int end) {
    std::int64_t n = 1;
    for (int i = first; i < end; ++i) n *= of[i];
    return n;
  };
  const int line = last_axis(s, batch, s.rank - inner), along = last_axis(s, s.rank - inner, s.rank);
  return target_.reads_in_place(
      {.is_left = (side == 0) != has_swapped_operands(contraction),
       .has_lines = line >= 0,
       .has_inner = along >= 0,
       .bytes = bytes_of(nodes_[o].dtype),
       .sums = nodes_[contraction].dtype,
       .from_narrower = from_narrower,
       .lines = line >= 0 ? s[line] : 1,
       .line_stride = line >= 0 ? l.stride[line] : 0,
       .inner_stride = along >= 0 ? l.stride[along] : 0,
       .depth = count(s, s.rank - inner, s.rank),
       .opposite = count(g_.shape(other), batch, g_.shape(other).rank - inner)});
}

/// Decides which operand of a contraction has the columns.
constexpr bool Grouping::has_swapped_operands(int contraction) {
  Group& g = f_.groups[group_[contraction]];
  int stored = contraction;
  if (g.swapped < 0) {
    while (group_[stored] != group_[contraction] || read_outside_[stored] == 0) ++stored;
    g.swapped = swaps_operands(s_, contraction, stored) ? 1 : 0;
  }
  return g.swapped > 0;
}

/// Whether a node can be computed a second time at no more cost than reading it: one operation on values that are in
/// memory, or on one value per row.
constexpr bool Grouping::is_cheap_again(int v) const {
  if (kind_[v] != Kind::elementwise) return false;
  Signature::Operand room[graph::most_operands];
  if (nodes_[v].op->flops(g_.signature(v, room), g_.shape(v)) > double(g_.shape(v).size())) return false;
  bool there = true;
  for_each_operand(v, [&](int o) {
    const int b = base_[o];
    there = there && (!is_computed(kind_[b]) || f_.repeated[b] != 0 || group_[b] != group_[v] || row_[b] != 0 ||
                      read_outside_[b] != 0);
  });
  return there;
}

}  // namespace sinter::internals::compile
