// Whether what a step stores may be in the memory of what it reads: every element must be read before its address is
// written.
//
// Kernels run their iterations in any order, on several threads, and read ahead; the one thing that all of them keep is
// the order of operations at one address. So a result may take over the memory of an operand if each iteration stores
// where no other one reads: both have the same strides from the same address, and the last pass that reads an element
// is not after the pass that stores it.
#pragma once
#include "program/table.hpp"

namespace sinter::inline SINTER_ABI::internals::compile {

/// Whether a step may store tensor `to` in the memory of tensor `from`, both beginning at the same byte. Its pointers
/// name their tensors, and their offsets count from where these begin.
constexpr bool may_take_over(const StepView& step, int from, int to) {
  const KernelKind kind = step.kind();
  const int loops = step.loops(), pointers = step.pointers();
  // A scatter clears its result first; a custom kernel keeps no order, and a loop reads its operands in every step.
  if (kind == KernelKind::scatter || is_own_kernel(kind) || kind == KernelKind::loop) return false;
  int store = -1;
  for (int p = 0; p < pointers; ++p) {
    if (step.base(p) != to) continue;
    if (store >= 0) return false;  // several parts of it
    store = p;
  }
  if (store < 0) return false;
  // Each iteration has an address of its own; in a row kernel each row, where what is stored is one value per row.
  const std::int64_t* const s = step.pointer(store);
  bool rows = false, elements = false;
  for (int l = 0; l < loops; ++l) {
    if (step.table[l] == 0 || step.table[l] == 1) continue;  // runs once at most
    const bool folded = step.folded(l);
    if (step.stride(store, l) == 0 && !folded) return false;
    if (folded) (step.stride(store, l) == 0 ? rows : elements) = true;
  }
  if (rows && elements) return false;
  for (int p = 0; p < pointers; ++p) {
    if (step.base(p) != from) continue;
    const std::int64_t* const r = step.pointer(p);
    if (kind == KernelKind::contract && p < 2) return false;  // other elements of the result need it too
    for (int i = TablePointer::offset_at; i < TablePointer::integers(loops); ++i)
      if (r[i] != s[i]) return false;
  }
  // One look at the words for the pointer's number: most operations are neither the store nor a load of `from`.
  const int count = count_micros(step.words);
  Micro stored, m;
  int stored_by = -1;
  const std::uint64_t* w = step.words + 2;
  for (int i = 0; i < count; ++i, w = after_micro(w)) {
    if (what_of(w) != Micro::What::store || operand_b(w) != store) continue;
    if (stored_by >= 0) return false;
    decode_into(w, stored);
    stored_by = i;
  }
  if (stored_by < 0) return false;
  w = step.words + 2;
  for (int i = 0; i < count; ++i, w = after_micro(w)) {
    const Micro::What what = what_of(w);
    if ((what != Micro::What::load && what != Micro::What::gather) || step.base(operand_a(w)) != from) continue;
    decode_into(w, m);
    if (m.side != 0) return false;  // an operand of a contraction, which other elements of the result need too
    if (what == Micro::What::gather || bytes_of(m.dtype) != bytes_of(stored.dtype)) return false;
    // Operations of a pass run in their order; what is known once per row is read before its first pass.
    if (stored.passes != 0 && m.passes >= 2 * stored.passes) return false;
    if ((m.passes & stored.passes) != 0 && i > stored_by) return false;
  }
  return true;
}

}  // namespace sinter::internals::compile
