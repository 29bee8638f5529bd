// The order of a kernel's loops: contiguous axes innermost, loops that every pointer strides over as one joined, and
// each group of them where the kernels of the backend expect it.
#pragma once
#include <utility>

#include "target.hpp"

namespace sinter::inline SINTER_ABI::internals::compile {

/// What a loop is to a contraction; loops of other kernels are all `batch`.
enum class LoopRole : unsigned char { batch, rows, columns, inner };

class LoopArranger {
 public:
  constexpr LoopArranger(Kernel& k, List<LoopRole>& role, bool swapped, const Target& target)
      : k_(k), role_(role), swapped_(swapped), shortest_row_(target.shortest_row) {}

  constexpr void run() {
    sort();
    fuse();
    order();
  }

 private:
  using enum LoopRole;

  /// Orders loops by their strides, so that inner ones are contiguous: those of a map by what it stores, those of rows
  /// by the largest tensor that they read, those of a contraction by its operands. The operand whose free axis is
  /// contiguous in the result gets the columns.
  constexpr void sort() {
    if (k_.loops.size() < 2) return;
    if (k_.kind == KernelKind::contract) {
      if (swapped_) {
        for (LoopRole& r : role_) r = r == rows ? columns : r == columns ? rows : r;
        std::swap(k_.pointers[0], k_.pointers[1]);
        for (Micro& m : k_.micros) {
          if (m.side != 0) m.side = static_cast<unsigned char>(3 - m.side);
          if (m.what == Micro::What::operand) m.b = short(1 - m.b);
        }
      }
      const Pointer a = k_.pointers[0], b = k_.pointers[1];
      sort_by(a, rows);
      const int unit = neighbours(k_.pointers[first_store()], columns);
      sort_by(unit >= 0 && k_.loops[unit].capacity >= shortest_row_ ? Pointer(k_.pointers[first_store()]) : b, columns);
      sort_by(least_stride(b, inner) < least_stride(a, inner) ? b : a, inner);
    } else if (k_.kind == KernelKind::row) {
      int largest = -1;
      double most = 0;
      for (const Micro& m : k_.micros) {
        if (m.what != Micro::What::load) continue;
        double touched = 1;
        for (int i = 0; i < k_.loops.size(); ++i)
          touched *= k_.pointers[m.a].stride[i] != 0 ? double(k_.loops[i].capacity) : 1.0;
        if (touched > most) most = touched, largest = m.a;
      }
      if (largest >= 0) sort_by(Pointer(k_.pointers[largest]), batch);
    } else if (k_.kind == KernelKind::map) {
      sort_by(Pointer(k_.pointers[most_alike()]), batch);
    }
  }
  /// The pointer of a map whose contiguous axis is contiguous for most others too; what is stored counts twice.
  constexpr int most_alike() const {
    int best = first_store(), most = 0;
    for (int l = 0; l < k_.loops.size(); ++l) {
      int votes = 0, first = -1;
      for (const Micro& m : k_.micros) {
        const bool writes = m.what == Micro::What::store;
        if (!writes && m.what != Micro::What::load) continue;
        const int p = writes ? m.b : m.a;
        if (k_.pointers[p].stride[l] != 1) continue;
        votes += writes ? 2 : 1;
        if (first < 0 || writes) first = p;
      }
      if (votes > most || (votes == most && first == first_store())) most = votes, best = first;
    }
    return best;
  }
  constexpr int first_store() const {
    for (const Micro& m : k_.micros)
      if (m.what == Micro::What::store) return m.b;
    return 0;
  }
  /// The loop of a role along which a pointer is contiguous.
  constexpr int neighbours(const Pointer& p, LoopRole r) const {
    for (int i = 0; i < k_.loops.size(); ++i)
      if (role_[i] == r && p.stride[i] == 1) return i;
    return -1;
  }
  constexpr std::int64_t least_stride(const Pointer& p, LoopRole r) const {
    std::int64_t least = std::int64_t(1) << 60;
    for (int i = 0; i < k_.loops.size(); ++i)
      if (role_[i] == r && p.stride[i] != 0) least = std::min(least, p.stride[i] < 0 ? -p.stride[i] : p.stride[i]);
    return least;
  }
  /// Insertion sort of the loops of a role; those along which the pointer has stride 0 keep their position.
  constexpr void sort_by(const Pointer& by, LoopRole r) {
    List<int> at;
    List<std::int64_t> reach;
    for (int i = 0; i < k_.loops.size(); ++i)
      if (role_[i] == r && by.stride[i] != 0)
        at.push(i), reach.push(by.stride[i] < 0 ? -by.stride[i] : by.stride[i]);
    for (int i = 1; i < at.size(); ++i)
      for (int j = i; j > 0 && reach[j - 1] < reach[j]; --j) {
        std::swap(reach[j - 1], reach[j]);
        std::swap(k_.loops[at[j - 1]], k_.loops[at[j]]);
        for (Pointer& p : k_.pointers) std::swap(p.stride[at[j - 1]], p.stride[at[j]]);
      }
  }

  /// Adjacent loops that every pointer strides over as one become one. The inner must be of fixed extent.
  constexpr void fuse() {
    for (int i = k_.loops.size() - 2; i >= 0; --i) {
      const Loop &outer = k_.loops[i], &next = k_.loops[i + 1];
      bool one = next.symbol == 0 && outer.folded == next.folded && role_[i] == role_[i + 1];
      for (const Pointer& p : k_.pointers) one = one && p.stride[i] == p.stride[i + 1] * next.extent;
      if (!one) continue;
      k_.loops[i + 1] = {outer.extent * next.extent, outer.capacity * next.capacity, outer.symbol, outer.folded};
      k_.loops.erase(i);
      role_.erase(i);
      for (Pointer& p : k_.pointers)
        for (int d = i; d + 1 < max_loops; ++d) p.stride[d] = p.stride[d + 1];
    }
  }

  /// Brings the loops into the order in which the kernel runs them (see nest order in backend/cpu).
  constexpr void order() {
    constexpr int missing = -1, missing_folded = -2;
    List<int> order;
    const int n = k_.loops.size();
    auto add = [&](auto wanted) {
      for (int i = 0; i < n; ++i)
        if (wanted(i)) order.push(i);
    };
    if (k_.kind == KernelKind::contract) {  // batch, rows, columns, contracted; the last three at least one loop each
      for (const LoopRole r : {batch, rows, columns, inner}) {
        const int before = order.size();
        add([&](int i) { return role_[i] == r; });
        if (r != batch && order.size() == before) order.push(r == inner ? missing_folded : missing);
        if (r == rows) k_.row_loops = order.size() - before;
        if (r == columns) k_.column_loops = order.size() - before;
      }
    } else if (k_.kind == KernelKind::row) {
      // Lanes run along the row where it is long enough for them, and across rows elsewhere.
      int last = n - 1;
      while (last >= 0 && k_.loops[last].folded) --last;
      bool scans = false;  // lanes cannot wait for each other
      for (const Micro& m : k_.micros) scans = scans || m.what == Micro::What::scan;
      const bool along = !scans && (last < 0 || (last != n - 1 && (k_.loops[n - 1].capacity >= shortest_row_ ||
                                                                   k_.loops[last].capacity < shortest_row_)));
      add([&](int i) { return !k_.loops[i].folded && (along || i != last); });
      add([&](int i) { return k_.loops[i].folded; });
      if (!along) order.push(last >= 0 ? last : missing);
    } else {
      add([](int) { return true; });
    }
    if (order.empty()) order.push(missing);
    List<Loop> loops;
    // a missing loop runs once
    for (const int i : order) loops.push(i >= 0 ? k_.loops[i] : Loop{.folded = i == missing_folded});
    for (Pointer& p : k_.pointers) {
      const Pointer old = p;
      for (std::int64_t& stride : p.stride) stride = 0;
      for (int i = 0; i < order.size(); ++i)
        if (order[i] >= 0) p.stride[i] = old.stride[order[i]];
    }
    k_.loops = loops;
  }

  Kernel& k_;
  List<LoopRole>& role_;
  bool swapped_;  ///< the operands of a contraction are (fuse.hpp)
  std::int64_t shortest_row_;  ///< along which vectors run
};


/// `role`: of each loop; it follows the loops until they are in order.
constexpr void arrange_loops(Kernel& k, List<LoopRole>& role, bool swapped, const Target& target) {
  LoopArranger pass(k, role, swapped, target);
  pass.run();
}

}  // namespace sinter::internals::compile
