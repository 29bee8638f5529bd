// From a group of nodes to a kernel: loops, pointers, micro-operations, and when each of them runs.
#pragma once
#include <utility>

#include "kernel.hpp"
#include "order.hpp"
#include "panels.hpp"

namespace sinter::compile {

namespace lower_detail {

class Pass {
 public:
  constexpr Pass(const Simplified& s, const Fusion& f, const Order& o, const List<char>& letters)
      : s_(s), g_(s.graph), f_(f), o_(o), letters_(letters), register_(g_.size(), -1), seen_(g_.size(), -1) {}

  constexpr Kernel run(int group) {
    group_ = group;
    const Group& home = f_.groups[group];
    space_ = g_.interned(home.space);
    k_ = Kernel{};
    k_.kind = home.kind;
    node_.clear();
    if (home.kind == Kind::kernel) {
      make_own();
      return static_cast<Kernel&&>(k_);
    }
    make_loops(home);
    for (int v = o_.head[group]; v >= 0; v = o_.next[v])
      if (f_.stored[v] != 0) store(v);
    sort_loops();
    fuse_loops();
    arrange_loops();
    set_levels();
    if (k_.kind == Kind::reduce) schedule_passes();
    else
      for (Micro& m : k_.micros) m.passes = m.level == 2 ? 1 : 0;
    return static_cast<Kernel&&>(k_);
  }

 private:
  enum Role : unsigned char { batch, rows, columns, inner };
  static constexpr std::int64_t shortest_row = 8;  ///< along which lanes run

  // ---- loops ----
  constexpr void make_loops(const Group& home) {
    role_.clear();
    for (int i = 0; i < space_.rank; ++i) {
      k_.loops.push(Loop::along(space_, i, (home.reduced >> i & 1) != 0));
      role_.push(batch);
    }
    if (home.contraction < 0) return;
    const int c = home.contraction, a = g_.operands(c)[0], b = g_.operands(c)[1];
    const int shared = int(g_.attributes(c)[0]), contracted = int(g_.attributes(c)[1]);
    const Shape &x = g_.shape(a), &y = g_.shape(b);
    int i = 0;
    for (int k = 0; k < shared; ++k) i += is_axis(x, k);
    for (int k = shared; k < x.rank - contracted; ++k)
      if (is_axis(x, k) != 0) role_[i++] = rows;
    for (int k = shared; k < y.rank - contracted; ++k)
      if (is_axis(y, k) != 0) role_[i++] = columns;
    for (int k = x.rank - contracted; k < x.rank; ++k)
      if (is_axis(x, k) != 0) k_.loops.push(Loop::along(x, k, true)), role_.push(inner);
    // Pointers 0 and 1 are the operands; their strides stand in the order of the loops.
    Pointer p{s_.base[a], s_.layout(a).offset, {}}, q{s_.base[b], s_.layout(b).offset, {}};
    const Layout l = s_.layout(a), m = s_.layout(b);
    int at = 0;
    for (int k = 0; k < shared; ++k)
      if (is_axis(x, k) != 0) p.stride[at] = l.stride[k], q.stride[at] = m.stride[k], ++at;
    for (int k = shared; k < x.rank - contracted; ++k)
      if (is_axis(x, k) != 0) p.stride[at++] = l.stride[k];
    for (int k = shared; k < y.rank - contracted; ++k)
      if (is_axis(y, k) != 0) q.stride[at++] = m.stride[k];
    for (int k = 0; k < contracted; ++k) {
      if (is_axis(x, x.rank - contracted + k) == 0) continue;
      p.stride[at] = l.stride[x.rank - contracted + k];
      q.stride[at] = m.stride[y.rank - contracted + k];
      ++at;
    }
    // A batch axis that one operand repeats belongs to the other: a weight meets all samples in one contraction.
    for (int l = 0; l < at; ++l)
      if (role_[l] == batch && (p.stride[l] == 0) != (q.stride[l] == 0)) role_[l] = p.stride[l] == 0 ? columns : rows;
    k_.pointers.push(p);
    k_.pointers.push(q);
  }
  static constexpr int is_axis(const Shape& s, int i) { return s[i] != 1 || s.letter(i) != 0 ? 1 : 0; }

  // ---- a primitive's own kernel ----
  /// Its loops as the primitive numbers them. A pointer for each operand and each result (without memory where nobody reads it), then
  /// the primitive and its attributes, which belong to the identity.
  constexpr void make_own() {
    const int v = o_.head[group_];
    const graph::Primitive& op = *g_[v].op;
    Signature::Operand room[graph::most_operands];
    const Signature s = g_.signature(v, room);
    const int operands = s.count;
    for (int t = 0; t < operands; ++t) own_loops(op, s, t, g_.shape(g_.operands(v)[t]));
    for (int t = 0; t < operands; ++t) {
      const int o = g_.operands(v)[t];
      own_pointer(op, s, t, s_.base[o], s_.layout(o), g_.shape(o));
      k_.micros.push({.what = Micro::What::load, .dtype = g_[o].dtype, .a = short(t)});
    }
    k_.micros.push({.what = Micro::What::apply, .dtype = g_[v].dtype, .code = op.code});
    for (int i = 0; i < s.attribute_count; ++i) k_.micros.push({.what = Micro::What::constant, .dtype = Dtype::int64, .bits = std::uint64_t(s.attributes[i])});
    for (int r = 0; r < op.results; ++r) k_.pointers.push({});
    for (int w = v; w >= 0; w = o_.next[w]) {
      if (f_.stored[w] == 0) continue;
      const int t = operands + (w == v ? 0 : int(g_.attributes(w)[0]));
      own_pointer(op, s, t, w, Layout::row_major(g_.shape(w)), g_.shape(w));
      k_.micros.push({.what = Micro::What::store, .dtype = g_[w].dtype, .b = short(t)});
    }
    if (op.scratch != nullptr) k_.scratch = op.scratch(s);
  }
  constexpr void own_loops(const graph::Primitive& op, const Signature& s, int tensor, const Shape& shape) {
    for (int i = 0; i < shape.rank; ++i) {
      const int loop = op.loop(s, tensor, i);
      if (loop >= k_.loops.size()) k_.loops.resize(loop + 1, {});
      k_.loops[loop] = Loop::along(shape, i, false);
    }
  }
  constexpr void own_pointer(const graph::Primitive& op, const Signature& s, int tensor, int node, const Layout& l, const Shape& shape) {
    if (tensor == k_.pointers.size()) k_.pointers.push({});
    Pointer& p = k_.pointers[tensor];
    p.node = node;
    p.offset = l.offset;
    for (int i = 0; i < shape.rank; ++i) p.stride[op.loop(s, tensor, i)] = l.stride[i];
  }

  // ---- micro-operations ----
  constexpr int push(const Micro& m, int node = -1) {
    const Micro* o = k_.micros.data();
    const int n = k_.micros.size();
    for (int i = 0; i < n; ++i, ++o)
      if (o->a == m.a && o->what == m.what && o->b == m.b && o->c == m.c && o->dtype == m.dtype && o->code == m.code && o->bits == m.bits) return i;
    k_.micros.push(m);
    node_.push(node);
    return k_.micros.size() - 1;
  }
  /// A pointer and behind it the axis of a gather or scatter; never shared, so that they stay neighbours.
  constexpr short point_at(const Pointer& p, std::int64_t stride, int extent) {
    k_.pointers.push(p);
    k_.pointers.push({-1, IndexedAxis{stride, extent}.packed(), {}});
    return short(k_.pointers.size() - 2);
  }
  constexpr short point(const Pointer& p) {
    for (int i = k_.kind == Kind::contract ? 2 : 0; i < k_.pointers.size(); ++i) {
      const Pointer& q = k_.pointers[i];
      bool same = q.node == p.node && q.offset == p.offset;
      for (int d = 0; d < space_.rank && same; ++d) same = q.stride[d] == p.stride[d];
      if (same) return short(i);
    }
    k_.pointers.push(p);
    return short(k_.pointers.size() - 1);
  }

  /// Strides of a layout of shape `from`, aligned at the right with `to`, along the loops: all axes of the space for a value
  /// an element, those not folded for a value a row, none for a number.
  constexpr Pointer pointer(int node, const Layout& l, const Shape& from, const Shape& to, bool row) const {
    Pointer p{node, l.offset, {}};
    int axis = 0;
    for (int i = 0; i < to.rank; ++i) {
      if (is_axis(to, i) == 0) continue;
      while (row && axis < space_.rank && (f_.groups[group_].reduced >> axis & 1) != 0) ++axis;
      if (const int j = i - (to.rank - from.rank); j >= 0 && is_axis(from, j) != 0) p.stride[axis] = l.stride[j];
      ++axis;
    }
    return p;
  }

  constexpr int operand(int o, int v, bool row) {
    const int b = s_.base[o];
    const Node& n = g_[b];
    const Kind kind = n.op->kind;
    if (kind == Kind::constant) return push({.what = Micro::What::constant, .dtype = n.dtype, .bits = std::uint64_t(g_.attributes(b)[0])});
    if (kind == Kind::generate && n.shape == 0) {
      short letter = 0;
      while (letters_[letter] != char(g_.attributes(b)[0])) ++letter;
      return push({.what = Micro::What::length, .dtype = n.dtype, .a = letter});
    }
    if (is_computed(kind) && (f_.group[b] == group_ || (f_.repeated[b] != 0))) {
      // Inside this kernel: a value a row stays one; what is repeated here takes the level of its reader.
      return value(b, f_.group[b] == group_ && f_.row[b] != 0 ? true : f_.group[b] == group_ ? false : row);
    }
    const Pointer p = pointer(kind == Kind::generate ? -1 : b, s_.layout(o), g_.shape(o), g_.shape(v), row);
    return push({.what = kind == Kind::generate ? Micro::What::count : Micro::What::load, .dtype = n.dtype, .a = point(p)});
  }

  /// The register that holds node v.
  constexpr int value(int v, bool row) {
    if (seen_[v] == group_) return register_[v];
    const Node n = g_[v];
    int r = -1;
    if (n.op->kind == Kind::contract) {
      r = push({.what = Micro::What::result, .dtype = n.dtype});
    } else if (n.op->kind == Kind::reduce || n.op->kind == Kind::scan) {
      const int o = g_.operands(v)[0];
      const int x = operand(o, o, false);
      r = push({.what = n.op->kind == Kind::scan ? Micro::What::scan : Micro::What::fold, .dtype = n.dtype, .a = short(x), .code = n.op->code});
    } else if (n.op->kind == Kind::gather) {
      const int table = g_.operands(v)[0], axis = int(g_.attributes(v)[0]);
      const int place = operand(g_.operands(v)[1], v, row);
      Layout l = s_.layout(table);
      Shape from = g_.shape(table);
      const int extent = from[axis];
      const std::int64_t stride = std::exchange(l.stride[axis], 0);
      from.set(axis, 1);
      r = push({.what = Micro::What::gather, .dtype = n.dtype, .a = point_at(pointer(s_.base[table], l, from, g_.shape(v), row), stride, extent), .b = short(place)});
    } else {
      std::array<short, 3> x{-1, -1, -1};
      for (int k = 0; k < n.operands; ++k) x[std::size_t(k)] = short(operand(g_.operands(v)[k], v, row));
      r = push({.what = Micro::What::apply, .dtype = n.dtype, .a = x[0], .b = x[1], .c = x[2], .code = n.op->code}, v);
    }
    seen_[v] = group_;
    return register_[v] = r;
  }

  /// Sums at the places that another tensor says; the memory is cleared first.
  constexpr void scatter(int v) {
    const int axis = int(g_.attributes(v)[0]), places = g_.operands(v)[0], updates = g_.operands(v)[1];
    const int place = operand(places, updates, false), x = operand(updates, updates, false);
    Shape to = g_.shape(v);
    Layout l = Layout::row_major(to);
    const int extent = to[axis];
    const std::int64_t stride = std::exchange(l.stride[axis], 0);
    to.set(axis, 1);
    const short at = point_at(pointer(v, l, to, g_.shape(updates), false), stride, extent);
    k_.pointers.push({-1, g_.shape(v).size(), {}});  // how much to clear
    push({.what = Micro::What::scatter, .dtype = g_[v].dtype, .a = short(x), .b = at, .c = short(place)});
  }

  constexpr void store(int v) {
    if (g_[v].op->kind == Kind::scatter) return scatter(v);
    const bool row = f_.row[v] != 0;
    const int r = value(v, row);
    Layout layout = s_.layout(v);
    int memory = v;
    if (const int part = s_.part_of[v]; part >= 0 && !s_.parts[part].one_piece) {
      memory = s_.parts[part].whole;
      layout = s_.layout(memory);
      layout.offset += s_.parts[part].offset;
    }
    const Pointer p = pointer(memory, layout, g_.shape(v), g_.shape(v), row);
    push({.what = Micro::What::store, .dtype = g_[v].dtype, .a = short(r), .b = point(p)});
  }

  // ---- the nest ----
  /// Orders loops by how far they reach in memory, so that inner ones walk neighbours: those of a map by what it stores, those of rows by the largest
  /// tensor that they read, those of a contraction by its operands. Of these the one whose lines are neighbours in the result
  /// gets the columns.
  constexpr void sort_loops() {
    if (k_.loops.size() < 2) return;
    if (k_.kind == Kind::contract) {
      const Pointer& result = k_.pointers[first_store()];
      const bool left_in_panels = in_panels(k_.pointers[0]), right_in_panels = in_panels(k_.pointers[1]);  // these are columns
      if (left_in_panels || (!right_in_panels && least_stride(result, rows) < least_stride(result, columns))) {
        for (unsigned char& r : role_)
          if (r == rows || r == columns) r = static_cast<unsigned char>(rows + columns - r);
        std::swap(k_.pointers[0], k_.pointers[1]);
      }
      const Pointer a = k_.pointers[0], b = k_.pointers[1];
      sort_by(a, rows);
      const int unit = neighbours(k_.pointers[first_store()], columns);
      sort_by(unit >= 0 && k_.loops[unit].capacity >= shortest_row ? Pointer(k_.pointers[first_store()]) : b, columns);
      sort_by(least_stride(b, inner) < least_stride(a, inner) ? b : a, inner);
    } else if (k_.kind == Kind::reduce) {
      int largest = -1;
      double most = 0;
      for (const Micro& m : k_.micros) {
        if (m.what != Micro::What::load) continue;
        double touched = 1;
        for (int i = 0; i < k_.loops.size(); ++i) touched *= k_.pointers[m.a].stride[i] != 0 ? double(k_.loops[i].capacity) : 1.0;
        if (touched > most) most = touched, largest = m.a;
      }
      if (largest >= 0) sort_by(Pointer(k_.pointers[largest]), batch);
    } else if (k_.kind == Kind::elementwise) {
      sort_by(Pointer(k_.pointers[most_alike()]), batch);
    }
  }
  /// The pointer of a map whose neighbours are neighbours for most others too; what is stored counts twice.
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
  constexpr bool in_panels(const Pointer& p) const {
    bool any = false;
    for (int i = 0; i < k_.loops.size(); ++i) any = any || p.stride[i] >= Panels::tag;
    return any;
  }
  constexpr int first_store() const {
    for (const Micro& m : k_.micros)
      if (m.what == Micro::What::store) return m.b;
    return 0;
  }
  /// The loop of a role along which a pointer walks neighbours.
  constexpr int neighbours(const Pointer& p, Role r) const {
    for (int i = 0; i < k_.loops.size(); ++i)
      if (role_[i] == r && p.stride[i] == 1) return i;
    return -1;
  }
  constexpr std::int64_t least_stride(const Pointer& p, Role r) const {
    std::int64_t least = std::int64_t(1) << 60;
    for (int i = 0; i < k_.loops.size(); ++i)
      if (role_[i] == r && p.stride[i] != 0) least = std::min(least, p.stride[i] < 0 ? -p.stride[i] : p.stride[i]);
    return least;
  }
  /// Insertion sort of the loops of a role; those along which the pointer stands still keep their place.
  constexpr void sort_by(const Pointer& by, Role r) {
    List<int> place;
    List<std::int64_t> reach;
    for (int i = 0; i < k_.loops.size(); ++i)
      if (role_[i] == r && by.stride[i] != 0) place.push(i), reach.push(by.stride[i] < 0 ? -by.stride[i] : by.stride[i]);
    for (int i = 1; i < place.size(); ++i)
      for (int j = i; j > 0 && reach[j - 1] < reach[j]; --j) {
        std::swap(reach[j - 1], reach[j]);
        std::swap(k_.loops[place[j - 1]], k_.loops[place[j]]);
        for (Pointer& p : k_.pointers) std::swap(p.stride[place[j - 1]], p.stride[place[j]]);
      }
  }

  /// Neighbouring loops that every pointer walks as one become one. The inner must be of fixed extent.
  constexpr void fuse_loops() {
    for (int i = k_.loops.size() - 2; i >= 0; --i) {
      const Loop &outer = k_.loops[i], &next = k_.loops[i + 1];
      bool one = next.letter == 0 && outer.folded == next.folded && role_[i] == role_[i + 1];
      for (const Pointer& p : k_.pointers) one = one && p.stride[i] == p.stride[i + 1] * next.extent;
      if (!one) continue;
      k_.loops[i + 1] = {outer.extent * next.extent, outer.capacity * next.capacity, outer.letter, outer.folded};
      k_.loops.erase(i);
      role_.erase(i);
      for (Pointer& p : k_.pointers)
        for (int d = i; d + 1 < max_loops; ++d) p.stride[d] = p.stride[d + 1];
    }
  }

  /// Brings the loops into the order in which the kernel runs them (see nest order in backend/cpu).
  constexpr void arrange_loops() {
    constexpr int missing = -1, missing_folded = -2;
    List<int> order;
    const int n = k_.loops.size();
    auto add = [&](auto wanted) {
      for (int i = 0; i < n; ++i)
        if (wanted(i)) order.push(i);
    };
    if (k_.kind == Kind::contract) {  // batch, rows, columns, contracted; the last three at least one loop each
      for (const Role r : {batch, rows, columns, inner}) {
        const int before = order.size();
        add([&](int i) { return role_[i] == r; });
        if (r != batch && order.size() == before) order.push(r == inner ? missing_folded : missing);
        if (r == rows) k_.row_loops = order.size() - before;
        if (r == columns) k_.column_loops = order.size() - before;
        if (r == inner) inner_loops_ = order.size() - before;
      }
    } else if (k_.kind == Kind::reduce) {
      // Lanes run along the row where it is long enough for them, and across rows elsewhere.
      int last = n - 1;
      while (last >= 0 && k_.loops[last].folded) --last;
      bool scans = false;  // lanes cannot wait for each other
      for (const Micro& m : k_.micros) scans = scans || m.what == Micro::What::scan;
      const bool along = !scans && (last < 0 || (last != n - 1 && (k_.loops[n - 1].capacity >= shortest_row || k_.loops[last].capacity < shortest_row)));
      add([&](int i) { return !k_.loops[i].folded && (along || i != last); });
      add([&](int i) { return k_.loops[i].folded; });
      if (!along) order.push(last >= 0 ? last : missing);
    } else {
      add([](int) { return true; });
    }
    if (order.empty()) order.push(missing);
    List<Loop> loops;
    for (const int i : order) loops.push(i >= 0 ? k_.loops[i] : Loop{.folded = i == missing_folded});  // a missing loop runs once
    for (Pointer& p : k_.pointers) {
      const Pointer old = p;
      for (std::int64_t& stride : p.stride) stride = 0;
      for (int i = 0; i < order.size(); ++i)
        if (order[i] >= 0) p.stride[i] = old.stride[order[i]];
    }
    k_.loops = loops;
  }

  // ---- when things run ----
  constexpr bool still(const Pointer& p, bool folded_only) const {
    for (int i = 0; i < k_.loops.size(); ++i)
      if ((!folded_only || k_.loops[i].folded) && p.stride[i] != 0) return false;
    return true;
  }
  /// 0: the same for the whole kernel, 1: for a row, 2: differs from element to element. A row of a map is its innermost
  /// loop; of a contraction its columns.
  constexpr unsigned char level(const Pointer& p) const {
    if (still(p, false)) return 0;
    if (k_.kind == Kind::reduce) return still(p, true) ? 1 : 2;
    return p.stride[vector_loop()] == 0 ? 1 : 2;
  }
  constexpr int vector_loop() const { return k_.loops.size() - 1 - (k_.kind == Kind::contract ? inner_loops_ : 0); }

  constexpr void set_levels() {
    for (Micro& m : k_.micros) {
      const auto of = [&](short r) { return r >= 0 ? k_.micros[r].level : static_cast<unsigned char>(0); };
      switch (m.what) {
        case Micro::What::load:
        case Micro::What::count: m.level = level(k_.pointers[m.a]); break;
        case Micro::What::result: m.level = 2; break;
        case Micro::What::apply: m.level = std::max({of(m.a), of(m.b), of(m.c)}); break;
        case Micro::What::fold: m.level = 1; break;
        case Micro::What::scan: m.level = 2; break;
        case Micro::What::gather: m.level = std::max(level(k_.pointers[m.a]), of(m.b)); break;
        case Micro::What::scatter: m.level = 2; break;
        case Micro::What::store: m.level = std::max<unsigned char>(level(k_.pointers[m.b]), 1); break;
        default: m.level = 0;
      }
      if (k_.kind != Kind::reduce && m.what == Micro::What::store) m.level = 2;
      const bool writes = m.what == Micro::What::store || m.what == Micro::What::scatter;
      const short at = writes ? m.b : m.what == Micro::What::load || m.what == Micro::What::count || m.what == Micro::What::gather ? m.a : short(-1);
      if (at >= 0) {
        const std::int64_t stride = k_.pointers[at].stride[vector_loop()];
        m.unit = stride == 0 ? 0 : stride == 1 ? 1 : 2;
      }
    }
  }

  constexpr bool is_costly(int node) const {
    Signature::Operand room[graph::most_operands];
    return g_[node].op->flops(g_.signature(node, room), g_.shape(node)) >= 6 * double(g_.shape(node).size());
  }
  /// Splits the work on a row into passes: a pass may use what earlier passes have folded.
  constexpr void schedule_passes() {
    const int n = k_.micros.size();
    List<int> first(n, 0);  // level 2: the earliest pass; level 1: the stage at which the value is known
    for (int i = 0; i < n; ++i) {
      Micro& m = k_.micros[i];
      int at = 0;
      if (m.what == Micro::What::gather) at = first[m.b];
      if (m.what == Micro::What::apply || m.what == Micro::What::fold || m.what == Micro::What::scan || m.what == Micro::What::store) {
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
    // Backwards: which passes need each element value. Costly ones are kept from their first pass on, if a row fits.
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
        if (several && may_keep && is_costly(node_[i]) && m.dtype != Dtype::boolean && (k_.kept + 1) * row * 8 <= row_buffer_bytes) {
          m.kept = short(k_.kept++);
          needs = m.passes & ~(m.passes - 1u);
        }
      } else if (m.what != Micro::What::fold && m.what != Micro::What::scan && m.what != Micro::What::store && m.what != Micro::What::gather) {
        continue;
      }
      for (const short r : {m.what == Micro::What::gather ? short(-1) : m.a, m.what == Micro::What::apply || m.what == Micro::What::gather ? m.b : short(-1), m.c})
        if (r >= 0 && k_.micros[r].level == 2) k_.micros[r].passes |= static_cast<unsigned short>(needs);
    }
  }

  const Simplified& s_;
  const Builder& g_;
  const Fusion& f_;
  const Order& o_;
  const List<char>& letters_;
  List<int> register_, seen_;
  int group_ = 0, inner_loops_ = 1;
  Shape space_;
  Kernel k_;
  List<unsigned char> role_;
  List<int> node_;  ///< of each applied primitive
};

}  // namespace lower_detail
}  // namespace sinter::compile
