// From a group of nodes to a kernel: its loops as the nodes have them, pointers, and micro-operations. loops.hpp
// decides the order of the loops, and schedule.hpp when each operation runs.
#pragma once
#include <utility>

#include "buckets.hpp"
#include "loops.hpp"
#include "order.hpp"
#include "prologue.hpp"
#include "schedule.hpp"

namespace sinter::inline SINTER_ABI::internals::compile {

class Lowering {
 public:
  /// `symbols`: the symbolic dimensions of the program's lengths.
  constexpr Lowering(const Simplified& s, const Fusion& f, const Order& o, const List<int>& symbols,
                     const Target& target)
      : s_(s),
        g_(s.graph),
        f_(f),
        o_(o),
        symbols_(symbols),
        target_(target),
        register_(g_.size(), -1),
        seen_(g_.size(), -1) {}

  constexpr Kernel operator()(int group) {
    group_ = group;
    const Group& home = f_.groups[group];
    space_ = g_.interned(home.space);
    k_ = Kernel{};
    k_.kind = home.kind;
    node_.clear();
    micro_buckets_.clear();
    pointer_buckets_.clear();
    shared_pointer_.clear();
    if (is_own_kernel(home.kind)) {
      make_custom();
      return static_cast<Kernel&&>(k_);
    }
    make_loops(home);
    for (int v = o_.head[group]; v >= 0; v = o_.next[v])
      if (f_.stored[v] != 0) store(v);
    arrange_loops(k_, role_, home.contraction >= 0 && has_swapped_operands(home), target_);
    schedule(k_, target_, [this](int micro) { return is_costly(node_[micro]); });
    return static_cast<Kernel&&>(k_);
  }

 private:
  using enum LoopRole;

  constexpr bool has_swapped_operands(const Group& home) const {
    if (home.swapped >= 0) return home.swapped > 0;
    int stored = g_.size();
    for (int v = o_.head[group_]; v >= 0; v = o_.next[v])
      if (f_.stored[v] != 0) stored = std::min(stored, v);
    return swaps_operands(s_, home.contraction, stored);
  }

  // ---- loops ----
  // A contraction: [batch…, rows…, inner…] × [batch…, columns…, inner…] → [batch…, rows…, columns…].
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
    const auto set = [&](int loop, LoopRole role, int axis) {
      role_[loop] = role;
      k_.loops[loop].axis = static_cast<unsigned char>(axis);
    };
    for (int k = shared; k < x.rank - contracted; ++k)
      if (is_axis(x, k) != 0) set(i++, rows, x.rank - contracted - k);
    for (int k = shared; k < y.rank - contracted; ++k)
      if (is_axis(y, k) != 0) set(i++, columns, y.rank - contracted - k);
    for (int k = x.rank - contracted; k < x.rank; ++k) {
      if (is_axis(x, k) == 0) continue;
      k_.loops.push(Loop::along(x, k, true));
      role_.push(inner);
      set(i++, inner, x.rank - k);
    }
    if (g_[c].attributes > 3) k_.tag = g_.attributes(c)[3];
    // Pointers 0 and 1 are the operands; their strides are in the order of the loops.
    Side left, right;
    int at = 0;
    for (int k = 0; k < shared; ++k)
      if (is_axis(x, k) != 0) left.loop[k] = right.loop[k] = at++;
    for (int k = shared; k < x.rank - contracted; ++k)
      if (is_axis(x, k) != 0) left.loop[k] = at++;
    for (int k = shared; k < y.rank - contracted; ++k)
      if (is_axis(y, k) != 0) right.loop[k] = at++;
    for (int k = 0; k < contracted; ++k)
      if (is_axis(x, x.rank - contracted + k) != 0)
        left.loop[x.rank - contracted + k] = right.loop[y.rank - contracted + k] = at++;
    const Pointer p = along(left, a), q = along(right, b);
    // A batch axis along which one operand is broadcast belongs to the other: all samples multiply one weight in a
    // single product.
    for (int l = 0; l < at; ++l)
      if (role_[l] == batch && (p.stride[l] == 0) != (q.stride[l] == 0)) role_[l] = p.stride[l] == 0 ? columns : rows;
    k_.pointers.push(p);
    k_.pointers.push(q);
    compute_operand(1, left, a);
    compute_operand(2, right, b);
  }

  // ---- the operands of a contraction ----
  /// Which loop each axis of an operand runs along, and, where the kernel computes it, how it strides over the node
  /// that it shows.
  struct Side {
    int rank = 0;
    int loop[Shape::max_rank]{};
    ViewStrides strides;
  };
  constexpr Pointer along(Side& s, int operand) const {
    const Shape& shape = g_.shape(operand);
    const Layout l = s_.layout(operand);
    Pointer p{s_.base[operand], l.offset, {}, l.form};
    s.rank = shape.rank;
    for (int i = 0; i < shape.rank; ++i)
      if (is_axis(shape, i) != 0) p.stride[s.loop[i]] = l.stride[i];
    return p;
  }
  /// What this kernel computes of an operand (compile/prologue.hpp). Its pointer then has no memory and takes the
  /// strides of what it is mainly computed from.
  constexpr void compute_operand(int side, Side& s, int operand) {
    const int p = s_.base[operand];
    if (f_.group[p] != group_) return;
    s.strides = ViewStrides::of(s_.layout(operand), g_.shape(operand), s_.layout(p), g_.shape(p));
    side_ = &s;
    side_number_ = static_cast<unsigned char>(side);
    const int from = k_.micros.size(), x = value(p, false);
    push({.what = Micro::What::operand, .dtype = g_[p].dtype, .a = short(x), .b = short(side - 1)});
    side_ = nullptr;
    side_number_ = 0;
    Pointer main{-1, 0, {}};
    double most = 0;
    for (int i = from; i < k_.micros.size(); ++i) {
      const Micro& m = k_.micros[i];
      if (m.what != Micro::What::load && m.what != Micro::What::gather) continue;
      // whatever its pointer, each of its elements is read from somewhere
      double touched = m.what == Micro::What::gather ? double(g_.shape(p).size()) : 1;
      for (int l = 0; l < k_.loops.size() && m.what == Micro::What::load; ++l)
        if (k_.pointers[m.a].stride[l] != 0) touched *= double(k_.loops[l].capacity);
      if (touched <= most) continue;
      most = touched;
      for (int l = 0; l < max_loops; ++l) main.stride[l] = k_.pointers[m.a].stride[l];
    }
    k_.pointers[side - 1] = main;
  }
  static constexpr int is_axis(const Shape& s, int i) { return s[i] != 1 || s.symbol(i) != 0 ? 1 : 0; }

  // ---- custom kernels of primitives ----
  /// Its loops as the primitive numbers them; loads and stores say the rank of each
  /// tensor. A pointer for each operand and each result (without memory where nobody
  /// reads it), then the primitive and its attributes, which belong to the identity.
  constexpr void make_custom() {
    const int v = o_.head[group_];
    const graph::Primitive& op = *g_[v].op;
    Signature::Operand room[graph::most_operands];
    const Signature s = g_.signature(v, room);
    const int operands = s.count;
    std::uint64_t known = 0;
    for (int t = 0; t < operands; ++t) known |= custom_loops(op, s, t, g_.shape(g_.operands(v)[t]), 0);
    custom_loops(op, s, operands, g_.shape(v), known);
    for (int t = 0; t < operands; ++t) {
      const int o = g_.operands(v)[t];
      custom_pointer(op, s, t, s_.base[o], s_.layout(o), g_.shape(o));
      k_.micros.push(
          {.what = Micro::What::load, .dtype = g_[o].dtype, .a = short(t), .b = short(g_.shape(o).rank)});
    }
    k_.micros.push({.what = Micro::What::apply, .dtype = g_[v].dtype, .code = op.code});
    for (int i = 0; i < s.attribute_count; ++i)
      k_.micros.push({.what = Micro::What::attribute, .dtype = Dtype::int64, .bits = std::uint64_t(s.attributes[i])});
    for (int r = 0; r < op.kernel.results; ++r) k_.pointers.push({});
    for (int w = v; w >= 0; w = o_.next[w]) {
      if (f_.stored[w] == 0) continue;
      const int t = operands + (w == v ? 0 : int(g_.attributes(w)[0]));
      custom_pointer(op, s, t, w, Layout::row_major(g_.shape(w)), g_.shape(w));
      k_.micros.push(
          {.what = Micro::What::store, .dtype = g_[w].dtype, .a = short(g_.shape(w).rank), .b = short(t)});
    }
    if (target_.custom_scratch != nullptr) k_.scratch = target_.custom_scratch(op, s);
  }
  /// Adds the loops of a tensor, as a set, that are not known from others.
  constexpr std::uint64_t custom_loops(const graph::Primitive& op, const Signature& s, int tensor, const Shape& shape,
                                       std::uint64_t known) {
    std::uint64_t all = 0;
    for (int i = 0; i < shape.rank; ++i) {
      const int loop = op.kernel.loop(s, tensor, i);
      all |= std::uint64_t(1) << loop;
      if ((known >> loop & 1) != 0) continue;
      if (loop >= k_.loops.size()) k_.loops.resize(loop + 1, {});
      k_.loops[loop] = Loop::along(shape, i, false);
    }
    return all;
  }
  constexpr void custom_pointer(const graph::Primitive& op, const Signature& s, int tensor, int node, const Layout& l,
                             const Shape& shape) {
    if (tensor == k_.pointers.size()) k_.pointers.push({});
    Pointer& p = k_.pointers[tensor];
    p.node = node;
    p.offset = l.offset;
    for (int i = 0; i < shape.rank; ++i) p.stride[op.kernel.loop(s, tensor, i)] = l.stride[i];
  }

  // ---- micro-operations ----
  constexpr int push(Micro m, int node = -1) {
    m.side = side_number_;
    const unsigned h = unsigned(m.what) + 5u * unsigned(m.a) + 7u * unsigned(m.b) + 11u * unsigned(m.code);
    const Micro* const all = k_.micros.data();
    for (int i = micro_buckets_.first(h); i >= 0; i = micro_buckets_.next(i)) {
      const Micro& o = all[i];
      if (o.a == m.a && o.what == m.what && o.b == m.b && o.c == m.c && o.dtype == m.dtype && o.side == m.side &&
          o.code == m.code && o.bits == m.bits)
        return i;
    }
    micro_buckets_.add(h);
    k_.micros.push(m);
    node_.push(node);
    return k_.micros.size() - 1;
  }
  /// A pointer, and after it the axis of a gather or scatter; never shared, so that the two stay adjacent.
  constexpr short point_at(const Pointer& p, std::int64_t stride, int extent) {
    k_.pointers.push(p);
    k_.pointers.push({-1, IndexedAxis{stride, extent}.packed(), {}});
    return short(k_.pointers.size() - 2);
  }
  constexpr short point(const Pointer& p) {
    const unsigned h = unsigned(p.node) + 3u * unsigned(p.offset);
    for (int i = pointer_buckets_.first(h); i >= 0; i = pointer_buckets_.next(i)) {
      const int at = shared_pointer_[i];
      const Pointer& q = k_.pointers[at];
      bool same = q.node == p.node && q.offset == p.offset;
      for (int d = 0; d < k_.loops.size() && same; ++d) same = q.stride[d] == p.stride[d];
      if (same) return short(at);
    }
    pointer_buckets_.add(h);
    shared_pointer_.push(k_.pointers.size());
    k_.pointers.push(p);
    return short(k_.pointers.size() - 1);
  }

  /// Strides of a layout of shape `from`, right-aligned with `to`, along the loops: all axes of the space for a value
  /// per element, those not folded for a value per row, none for a scalar.
  constexpr Pointer pointer(int node, const Layout& l, const Shape& from, const Shape& to, bool row) const {
    if (side_ != nullptr) return operand_pointer(node, l, from, to);
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

  /// The same for what an operand of a contraction is computed from.
  constexpr Pointer operand_pointer(int node, const Layout& l, const Shape& from, const Shape& to) const {
    Pointer p{node, l.offset, {}};
    std::int64_t stride[Shape::max_rank]{};
    int axes = 0;
    for (int i = 0; i < to.rank; ++i) {
      if (is_axis(to, i) == 0) continue;
      if (const int j = i - (to.rank - from.rank); j >= 0 && is_axis(from, j) != 0) stride[axes] = l.stride[j];
      p.offset += side_->strides.start[axes] * stride[axes];
      ++axes;
    }
    for (int i = 0; i < side_->rank; ++i)
      if (const int axis = side_->strides.axis[i]; axis >= 0)
        p.stride[side_->loop[i]] += side_->strides.step[i] * stride[axis];
    return p;
  }

  constexpr int operand(int o, int v, bool row) {
    const int b = s_.base[o];
    const Node& n = g_[b];
    const Kind kind = n.op->kind;
    if (kind == Kind::constant)
      return push({.what = Micro::What::constant, .dtype = n.dtype, .a = point({-1, g_.attributes(b)[0], {}})});
    if (kind == Kind::generate && n.shape == 0) {
      short symbol = 0;
      while (symbols_[symbol] != int(g_.attributes(b)[0])) ++symbol;
      return push({.what = Micro::What::length, .dtype = n.dtype, .a = symbol});
    }
    if (is_computed(kind) && (f_.group[b] == group_ || (f_.repeated[b] != 0))) {
      // Inside this kernel: a value per row stays one; what is recomputed here takes the level of its reader.
      return value(b, f_.group[b] == group_ && f_.row[b] != 0 ? true : f_.group[b] == group_ ? false : row);
    }
    const Pointer p = pointer(kind == Kind::generate ? -1 : b, s_.layout(o), g_.shape(o), g_.shape(v), row);
    return push(
        {.what = kind == Kind::generate ? Micro::What::count : Micro::What::load, .dtype = n.dtype, .a = point(p)});
  }

  /// The register that holds node v.
  constexpr int value(int v, bool row) {
    const int here = 3 * group_ + side_number_;
    if (seen_[v] == here) return register_[v];
    const Node& n = g_[v];
    int r = -1;
    if (n.op->kind == Kind::contract) {
      const Dtype from = g_[g_.operands(v)[0]].dtype;
      r = push({.what = Micro::What::result,
                .dtype = n.dtype,
                .unit = static_cast<unsigned char>(from == n.dtype ? 0 : int(from) + 1)});
    } else if (n.op->kind == Kind::reduce || n.op->kind == Kind::scan) {
      const int o = g_.operands(v)[0];
      const int x = operand(o, o, false);
      r = push({.what = n.op->kind == Kind::scan ? Micro::What::scan : Micro::What::fold,
                .dtype = n.dtype,
                .a = short(x),
                .code = n.op->code});
    } else if (n.op->kind == Kind::gather) {
      const int table = g_.operands(v)[0], axis = int(g_.attributes(v)[0]);
      const int index = operand(g_.operands(v)[1], v, row);
      Layout l = s_.layout(table);
      Shape from = g_.shape(table);
      const int extent = from[axis];
      const std::int64_t stride = std::exchange(l.stride[axis], 0);
      from.set(axis, 1);
      r = push({.what = Micro::What::gather,
                .dtype = n.dtype,
                .a = point_at(pointer(s_.base[table], l, from, g_.shape(v), row), stride, extent),
                .b = short(index)});
    } else {
      Array<short, 3> x{-1, -1, -1};
      for (int k = 0; k < n.operands; ++k) x[k] = short(operand(g_.operands(v)[k], v, row));
      r = push({.what = Micro::What::apply, .dtype = n.dtype, .a = x[0], .b = x[1], .c = x[2], .code = n.op->code}, v);
    }
    seen_[v] = here;
    return register_[v] = r;
  }

  /// Adds at the positions that another tensor gives; the memory is cleared first.
  constexpr void scatter(int v) {
    const int axis = int(g_.attributes(v)[0]), indices = g_.operands(v)[0], updates = g_.operands(v)[1];
    const int index = operand(indices, updates, false), x = operand(updates, updates, false);
    Shape to = g_.shape(v);
    Layout l = Layout::row_major(to);
    const int extent = to[axis];
    const std::int64_t stride = std::exchange(l.stride[axis], 0);
    to.set(axis, 1);
    const short at = point_at(pointer(v, l, to, g_.shape(updates), false), stride, extent);
    k_.pointers.push({-1, g_.shape(v).size(), {}});  // how much to clear
    push({.what = Micro::What::scatter, .dtype = g_[v].dtype, .a = short(x), .b = at, .c = short(index)});
  }

  constexpr void store(int v) {
    if (g_[v].op->kind == Kind::scatter) return scatter(v);
    const bool row = f_.row[v] != 0;
    const int r = value(v, row);
    Layout layout = s_.layout(v);
    int memory = v;
    if (const int part = s_.part_of[v]; part >= 0 && !s_.parts[part].contiguous) {
      memory = s_.parts[part].whole;
      layout = s_.layout(memory);
      layout.offset += s_.parts[part].offset;
    }
    const Pointer p = pointer(memory, layout, g_.shape(v), g_.shape(v), row);
    push({.what = Micro::What::store, .dtype = g_[v].dtype, .a = short(r), .b = point(p)});
  }

  /// Whether the result of an applied primitive is better kept than computed again.
  constexpr bool is_costly(int node) const {
    Signature::Operand room[graph::most_operands];
    return g_[node].op->flops(g_.signature(node, room), g_.shape(node)) >= 6 * double(g_.shape(node).size());
  }

  const Simplified& s_;
  const Builder& g_;
  const Fusion& f_;
  const Order& o_;
  const List<int>& symbols_;
  const Target& target_;
  List<int> register_, seen_;
  int group_ = 0;
  Shape space_;
  Kernel k_;
  List<LoopRole> role_;
  const Side* side_ = nullptr;  ///< the operand of a contraction that is being computed
  unsigned char side_number_ = 0;
  List<int> node_;  ///< of each applied primitive
  Buckets micro_buckets_, pointer_buckets_;
  List<int> shared_pointer_;  ///< the pointers among which one like another is found
};

}  // namespace sinter::internals::compile
