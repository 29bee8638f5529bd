// When the micro-operations of a kernel run: once, once per row, or for every element; and in which passes over a row.
#pragma once
#include <algorithm>

#include "target.hpp"

namespace sinter::inline SINTER_ABI::internals::compile {

class MicroScheduler {
 public:
  constexpr MicroScheduler(Kernel& k, const Target& target)
      : k_(k), vector_(vector_loop()), row_buffer_(target.row_buffer) {}

  /// Splits the work on a row into passes: a pass may use what earlier passes have folded.
  template <class Costly> constexpr void split_into_passes(Costly costly) {
    const int n = k_.micros.size();
    List<int> first(n, 0);  // level 2: the earliest pass; level 1: the stage at which the value is known
    for (int i = 0; i < n; ++i) {
      Micro& m = k_.micros[i];
      int at = 0;
      if (m.what == Micro::What::gather) at = first[m.b];
      if (m.what == Micro::What::apply || m.what == Micro::What::fold || m.what == Micro::What::scan ||
          m.what == Micro::What::store) {
        at = first[m.a];
        if (m.what == Micro::What::apply && m.b >= 0) at = std::max(at, first[m.b]);
        if (m.what == Micro::What::apply && m.c >= 0) at = std::max(at, first[m.c]);
      }
      if (m.what == Micro::What::fold) {
        m.passes = static_cast<unsigned short>(1u << at);
        k_.passes = std::max(k_.passes, at + 1);
        ++at;
      }
      if (m.what == Micro::What::store && m.level == 2) {
        m.passes = static_cast<unsigned short>(1u << at);
        k_.passes = std::max(k_.passes, at + 1);
      }
      first[i] = at;
      m.stage = static_cast<unsigned char>(m.level == 2 ? 0 : at);
    }
    // Backwards: which passes need each element value. Later passes load what the first one stores if computing it
    // again takes more; costly values are kept if a row fits.
    const List<int> store_of = stores_worth_loading();
    std::int64_t row = 1;
    for (const Loop& l : k_.loops)
      if (l.folded) row *= l.capacity;
    const bool may_keep = k_.loops[k_.loops.size() - 1].folded;
    for (int i = n - 1; i >= 0; --i) {
      Micro& m = k_.micros[i];
      if (m.passes == 0) continue;
      unsigned needs = m.passes;
      if (m.what == Micro::What::apply) {
        const bool several = (m.passes & (m.passes - 1)) != 0;
        if (several && store_of[i] >= 0) {
          m.stored = k_.micros[store_of[i]].b;
          m.unit = k_.micros[store_of[i]].unit;
          needs = m.passes & ~(m.passes - 1u);
        } else if (several && may_keep && costly(i) && m.dtype != Dtype::boolean &&
                   (k_.kept + 1) * row * 8 <= row_buffer_) {
          m.kept = short(k_.kept++);
          needs = m.passes & ~(m.passes - 1u);
        }
      } else if (m.what != Micro::What::fold && m.what != Micro::What::scan && m.what != Micro::What::store &&
                 m.what != Micro::What::gather) {
        continue;
      }
      for (const short r : {m.what == Micro::What::gather ? short(-1) : m.a,
                            m.what == Micro::What::apply || m.what == Micro::What::gather ? m.b : short(-1), m.c})
        if (r >= 0 && k_.micros[r].level == 2) k_.micros[r].passes |= static_cast<unsigned short>(needs);
    }
  }

  constexpr void set_levels() {
    for (Micro& m : k_.micros) {
      const int vector = vector_loop(m.side);
      const auto of = [&](short r) { return r >= 0 ? k_.micros[r].level : static_cast<unsigned char>(0); };
      switch (m.what) {
        case Micro::What::load:
        case Micro::What::count: m.level = level(k_.pointers[m.a], vector); break;
        case Micro::What::operand:
          m.level = 2;
          m.unit = along_inner(m.side) ? 1 : 0;
          break;
        case Micro::What::result: m.level = 2; break;
        case Micro::What::apply: m.level = std::max({of(m.a), of(m.b), of(m.c)}); break;
        case Micro::What::fold: m.level = 1; break;
        case Micro::What::scan: m.level = 2; break;
        case Micro::What::gather: m.level = std::max(level(k_.pointers[m.a], vector), of(m.b)); break;
        case Micro::What::scatter: m.level = 2; break;
        case Micro::What::store: m.level = std::max<unsigned char>(level(k_.pointers[m.b], vector), 1); break;
        default: m.level = 0;
      }
      if (k_.kind != KernelKind::row && m.what == Micro::What::store) m.level = 2;
      const bool writes = m.what == Micro::What::store || m.what == Micro::What::scatter;
      const short at = writes ? m.b
                       : m.what == Micro::What::load || m.what == Micro::What::count || m.what == Micro::What::gather
                           ? m.a
                           : short(-1);
      if (at >= 0) {
        const std::int64_t stride = k_.pointers[at].stride[vector];
        m.unit = stride == 0 ? 0 : stride == 1 ? 1 : 2;
      }
    }
  }

 private:
  /// For each value the store of it, where loading takes less than computing it again; else −1.
  constexpr List<int> stores_worth_loading() const {
    constexpr int little = 3, much = 100;
    const int n = k_.micros.size();
    List<int> work(n, 0), store(n, -1);
    for (int i = 0; i < n; ++i) {
      const Micro& m = k_.micros[i];
      if (m.level != 2) continue;
      work[i] = 1;
      if (m.what == Micro::What::apply)
        for (const short r : {m.a, m.b, m.c})
          if (r >= 0) work[i] = std::min(work[i] + work[r], much);
      if (m.what == Micro::What::store && work[m.a] > little && m.dtype == k_.micros[m.a].dtype &&
          m.dtype != Dtype::boolean)
        store[m.a] = i;
    }
    return store;
  }
  constexpr bool still(const Pointer& p, bool folded_only) const {
    for (int i = 0; i < k_.loops.size(); ++i)
      if ((!folded_only || k_.loops[i].folded) && p.stride[i] != 0) return false;
    return true;
  }
  /// 0: the same for the whole kernel, 1: for a row, 2: differs from element to element. A row of a map is its
  /// innermost loop; of a contraction its columns.
  constexpr unsigned char level(const Pointer& p, int vector) const {
    if (still(p, false)) return 0;
    if (k_.kind == KernelKind::row) return still(p, true) ? 1 : 2;
    return p.stride[vector] == 0 ? 1 : 2;
  }
  /// The loop along which lanes run: the innermost, of a contraction the last of its columns.
  constexpr int vector_loop() const {
    int last = k_.loops.size() - 1;
    while (k_.kind == KernelKind::contract && k_.loops[last].folded) --last;
    return last;
  }
  /// The same for one side of a contraction: lanes run along the contracted axis where that is contiguous, else along
  /// rows or columns.
  constexpr int vector_loop(int side) const {
    if (side == 0) return vector_;
    return along_inner(side) ? k_.loops.size() - 1 : lines(side);
  }
  constexpr int lines(int side) const { return side == 1 ? vector_ - k_.column_loops : vector_; }
  constexpr bool along_inner(int side) const {
    const Pointer& p = k_.pointers[side - 1];
    return p.stride[k_.loops.size() - 1] == 1 || p.stride[lines(side)] != 1;
  }

  Kernel& k_;
  int vector_;
  std::int64_t row_buffer_;  ///< bytes
};


/// `costly(i)`: whether the result of micro-operation i is better kept than computed again. The kernel's loops are in
/// order.
template <class Costly> constexpr void schedule(Kernel& k, const Target& target, Costly costly) {
  MicroScheduler pass(k, target);
  pass.set_levels();
  if (k.kind == KernelKind::row) pass.split_into_passes(costly);
  else
    for (Micro& m : k.micros) m.passes = m.level == 2 ? 1 : 0;
}

}  // namespace sinter::internals::compile
