// Whether what a step stores may lie in the memory of what it reads: every
// element must be read before the place where it lies is written.
//
// Kernels run their iterations in any order, on several threads, and read ahead; the one thing that all of them keep is
// the order of operations at a place. So a result may take over the memory of an operand if each iteration stores where
// no other one reads: both are walked with the same strides from the same place, and the last pass that reads an
// element is not behind the pass that stores it.
#pragma once
#include "step_view.hpp"

namespace sinter::internals::compile {

/// Whether a step may store tensor `to` in the memory of tensor `from`, both beginning at the same byte. `words`: its
/// kernel's identity; `step`: its integers in the table (see Plan) behind the kernel's number, with pointers that name
/// their tensors, and offsets from where these begin.
constexpr bool may_take_over(const std::uint64_t* words, const std::int64_t* step, std::int64_t from, std::int64_t to) {
  const auto kind = Kind(words[0] & 255);
  const int loops = int(words[0] >> 8 & 255), pointers = int(words[0] >> 16 & 255);
  if (kind == Kind::scatter || kind == Kind::kernel) return false;  // clears its result first; goes its own ways
  const auto pointer = [&](int p) { return step + loops + p * (2 + loops); };
  int store = -1;
  for (int p = 0; p < pointers; ++p) {
    if (PointerBase::of(pointer(p)[0]).base != to) continue;
    if (store >= 0) return false;  // several parts of it
    store = p;
  }
  if (store < 0) return false;
  // Each iteration has a place of its own; in a row kernel each row, where it is a value a row that is stored.
  const std::int64_t* const s = pointer(store);
  bool rows = false, elements = false;
  for (int l = 0; l < loops; ++l) {
    if (step[l] == 0 || step[l] == 1) continue;  // runs once at most
    const bool folded = (words[1] >> l & 1) != 0;
    if (s[2 + l] == 0 && !folded) return false;
    if (folded) (s[2 + l] == 0 ? rows : elements) = true;
  }
  if (rows && elements) return false;
  for (int p = 0; p < pointers; ++p) {
    const std::int64_t* const r = pointer(p);
    if (PointerBase::of(r[0]).base != from) continue;
    if (kind == Kind::contract && p < 2) return false;  // other elements of the result need it too
    for (int i = 1; i < 2 + loops; ++i)
      if (r[i] != s[i]) return false;
  }
  const int count = count_micros(words);
  Micro stored, m;
  int stored_by = -1;
  const std::uint64_t* w = words + 2;
  for (int i = 0; i < count; ++i) {
    w = decode_into(w, m);
    if (m.what != Micro::What::store || m.b != store) continue;
    if (stored_by >= 0) return false;
    stored = m;
    stored_by = i;
  }
  if (stored_by < 0) return false;
  w = words + 2;
  for (int i = 0; i < count; ++i) {
    w = decode_into(w, m);
    if ((m.what != Micro::What::load && m.what != Micro::What::gather) || PointerBase::of(pointer(m.a)[0]).base != from)
      continue;
    if (m.side != 0) return false;  // an operand of a contraction, which other elements of the result need too
    if (m.what == Micro::What::gather || bytes_of(m.dtype) != bytes_of(stored.dtype)) return false;
    // Operations of a pass run in their order; what is known once a row is read before its first pass.
    if (stored.passes != 0 && m.passes >= 2 * stored.passes) return false;
    if ((m.passes & stored.passes) != 0 && i > stored_by) return false;
  }
  return true;
}

}  // namespace sinter::internals::compile
