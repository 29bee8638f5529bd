// Which nodes deserve a buffer: what another group reads, unless recomputing it there loads no more than the buffer
// would.
#pragma once
#include "grouping.hpp"

namespace sinter::inline SINTER_ABI::internals::compile {

/// One cheap operation on one tensor that is in memory anyway.
constexpr bool Grouping::worth_repeating(int v, const List<char>& needed) const {
  if (kind_[v] != Kind::elementwise || row_[v] != 0) return false;
  Signature::Operand room[graph::most_operands];
  if (nodes_[v].op->flops(g_.signature(v, room), g_.shape(v)) > double(g_.shape(v).size())) return false;
  int tensors = 0;
  bool there = true;
  for_each_operand(v, [&](int o) {
    const int b = base_[o];
    if (nodes_[b].shape == 0) return;
    there = there && (!is_computed(kind_[b]) || needed[b] != 0);
    ++tensors;
  });
  return there && tensors <= 1;
}

/// Long expressions, such as the sum over the positions of a window, over rows too long to be kept, that several passes
/// need: the first pass stores them and the others load them (schedule.hpp). A node with more than one reader in its
/// kernel may be needed by more than one pass.
constexpr void Grouping::store_long_expressions(List<char>& needed, List<char>& inlined) const {
  constexpr int long_expression = 6, much = 100;  // values loaded per element
  const std::int64_t row_elements = target_.row_buffer / 8;
  bool any = false;
  for (const Group& g : f_.groups) any = any || (g.folds > 1 && g.members > long_expression);
  if (!any) return;
  List<int> readers(n_, 0), reads(n_, 0);
  const auto is_inside = [&](int o, int v) {
    return is_computed(kind_[base_[o]]) && group_[base_[o]] == group_[v] && row_[base_[o]] == 0;
  };
  const auto is_candidate = [&](int v) {
    return group_[v] >= 0 && f_.groups[group_[v]].folds > 1 && f_.groups[group_[v]].members > long_expression;
  };
  for (const int v : s_.order)
    if (is_candidate(v)) for_each_operand(v, [&](int o) { readers[base_[o]] += is_inside(o, v) ? 1 : 0; });
  for (const int v : s_.order) {
    if (kind_[v] != Kind::elementwise || row_[v] != 0 || !is_candidate(v)) continue;
    for_each_operand(v, [&](int o) {
      if (is_inside(o, v)) reads[v] = std::min(reads[v] + reads[base_[o]], much);
      else if (g_.shape(o).size() >= g_.shape(v).size()) ++reads[v];
    });
    if (reads[v] <= long_expression || readers[v] < 2) continue;
    const Shape& space = g_.interned(f_.groups[group_[v]].space);
    std::int64_t row = 1;
    for (int i = 0; i < space.rank; ++i) row *= (f_.groups[group_[v]].reduced >> i & 1) != 0 ? space[i] : 1;
    if (row > row_elements) needed[v] = 1, inlined[v] = 0, reads[v] = 1;
  }
}

constexpr void Grouping::choose_buffers() {
  List<char> needed(n_, 0), inlined(n_, 1);  // read by another group; always so that it could be recomputed there
  for (const int o : s_.outputs) needed[o] = 1, inlined[o] = 0;
  for (const int v : s_.order) {
    if (is_view(kind_[v])) continue;
    for_each_operand(v, [&](int o) {
      const int b = base_[o];
      if (!is_computed(kind_[b]) || (group_[b] >= 0 && group_[b] == group_[v])) return;
      if (f_.repeated[b] != 0 && kind_[v] == Kind::elementwise) return;
      needed[b] = 1;
      if (inlined[b] != 0 && !inlines(o, v)) inlined[b] = 0;
    });
  }
  for (const int o : also_read_)
    if (is_computed(kind_[o]) && f_.repeated[o] == 0) needed[o] = 1, inlined[o] = 0;
  store_long_expressions(needed, inlined);
  List<char> wanted = needed;  // grows as repeated nodes pass the need on to their operands
  for (int i = s_.order.size() - 1; i >= 0; --i) {
    const int v = s_.order[i];
    if (wanted[v] == 0 || !is_computed(kind_[v])) continue;
    if (f_.repeated[v] != 0) {  // a scalar whose address someone needs
      group_[v] = open(KernelKind::map, level_[v], core_of(v));
      f_.stored[v] = 1;
    } else if (inlined[v] != 0 && worth_repeating(v, needed)) {
      f_.repeated[v] = 1;
      for_each_operand(v, [&](int o) {
        const int b = base_[o];
        if (is_computed(kind_[b]) && f_.repeated[b] == 0) wanted[b] = 1, inlined[b] = 0;
      });
    } else {
      f_.stored[v] = 1;
    }
  }
}

}  // namespace sinter::internals::compile
