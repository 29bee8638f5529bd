// Which nodes deserve a buffer: what another group reads, unless repeating it there loads no more than the buffer would.
#pragma once
#include "prologue.hpp"

namespace sinter::compile::fuse_detail {

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

constexpr void Grouping::choose_buffers() {
  List<char> needed(n_, 0), inlined(n_, 1);  // read by another group; and always in a way that could be repeated there
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
  List<char> wanted = needed;  // grows as repeated nodes pass the need on to their operands
  for (int i = s_.order.size() - 1; i >= 0; --i) {
    const int v = s_.order[i];
    if (wanted[v] == 0 || !is_computed(kind_[v])) continue;
    if (f_.repeated[v] != 0) {  // a scalar whose address someone needs
      group_[v] = open(Kind::elementwise, level_[v], core_of(v));
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

}  // namespace sinter::compile::fuse_detail
