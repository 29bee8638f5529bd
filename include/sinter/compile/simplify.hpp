// The first pass: what the outputs need, in a form whose every node a kernel can address.
//
//  - identities (stop_gradient, custom gradients) become their operand, and local rules look at their users again;
//  - every view gets its layout: an offset and strides into the buffer of the node below it. A copy is inserted where
//    strides cannot express it, and where a kernel needs memory but the graph has a number or a view;
//  - buffers get theirs (compile/layout.hpp): the channels of a convolution are innermost, [N, H, W, C], also for what
//    is computed from it elementwise, and what is only padded is computed inside the padded tensor.
//
// The graph is rewritten in place: most nodes stay as they are, and constant evaluation pays for each one touched.
#pragma once
#include "../ops/ops.hpp"
#include "layout.hpp"

namespace sinter::inline SINTER_ABI::internals::compile {

/// A computed node whose elements lie inside an assembled tensor.
struct Part {
  int whole = -1;
  std::int64_t offset = 0;  ///< from the first element of the whole to its own
  bool contiguous = true;   ///< row-major and contiguous; otherwise its strides are those of the whole
};

/// A graph, its live nodes, and what its views show.
struct Simplified {
  Builder graph;
  List<int> order;      ///< live nodes, operands before users
  List<Kind> kind;      ///< of each node
  List<int> base;       ///< of each node: itself, or the node whose elements a view shows
  List<char> linear;    ///< whether a node has exactly the elements of its base, in their order
  List<int> layout_of;  ///< index into layouts, for views and buffers in another order; −1 for all others (row-major)
  List<int> owner;      ///< the assembled node in whose buffer a node is computed, −1 where it has its own
  List<Layout> layouts;
  List<char> alone;     ///< nodes that need a kernel of their own; may be shorter
  List<int> outputs;    ///< the computed or assembled node that is each output
  List<int> part_of;    ///< index into parts for nodes inside assembled tensors, −1 for all others
  List<Part> parts;
  bool has_late = false;  ///< some views wait for another node

  constexpr int buffer(int id) const { return owner[id] >= 0 ? owner[id] : id; }
  constexpr Layout layout(int id) const {
    return layout_of[id] >= 0 ? layouts[layout_of[id]] : Layout::row_major(graph.shape(id));
  }
};

class Simplifier {
 public:
  constexpr Simplifier(const Builder& graph, const List<char>& must_copy) : must_copy_(must_copy) { r_.graph = graph; }

  constexpr Simplified run() {
    const int n = g().size();
    List<char> live(n, 0);
    for (const int o : g().outputs) live[o] = 1;
    {
      const Node* nodes = g().nodes();
      const int* pool = g().operand_pool();
      char* const l = live.data();
      for (int i = n - 1; i >= 0; --i) {
        if (l[i] == 0) continue;
        const int last = nodes[i].operand + (nodes[i].op->kind == Kind::identity ? 1 : nodes[i].operands);
        for (int k = nodes[i].operand; k < last; ++k) l[pool[k]] = 1;
      }
    }
    grow();
    requests_ = layout_requests(g(), live);
    for (int i = 0; i < n; ++i)
      if (live.data()[i] != 0 && is_waiting(i)) visit(i);
    for (int k = 0; k < g().outputs.size(); ++k) {
      const int o = now_[g().outputs[k]];
      const bool takes_over = k < g().overwrites.size() && g().overwrites[k] >= 0;
      const bool must_copy = k < must_copy_.size() && must_copy_[k] != 0;
      int source = o;
      if (must_copy) {
        // an input that another output may overwrite
        if (!is_computed(r_.kind[r_.base[o]])) source = copy(o, ++copies_);
        source = copy(source, ++copies_);
      }
      g().outputs[k] = own_buffer(source, !takes_over);
      if (must_copy) {
        r_.alone.resize(g().size(), 0);
        r_.alone[g().outputs[k]] = 1;
      }
      r_.outputs.push(r_.base[g().outputs[k]]);
    }
    r_.part_of.resize(g().size(), -1);
    return static_cast<Simplified&&>(r_);
  }

 private:
  constexpr Builder& g() { return r_.graph; }
  /// Extends the lists to nodes that have been added.
  constexpr void grow() {
    const int from = now_.size(), n = g().size();
    r_.linear.resize(n, 1);
    r_.layout_of.resize(n, -1);
    r_.owner.resize(n, -1);
    known_.resize(n, 0);
    int *now = now_.extend(n - from), *base = r_.base.extend(n - from);
    Kind* kind = r_.kind.extend(n - from);
    const Node* node = g().nodes() + from;
    for (int i = from; i < n; ++i) {
      *now++ = *base++ = i;
      *kind++ = (node++)->op->kind;
    }
  }

  // Before its users: clang needs the definitions of templates that constant evaluation calls.
  template <class T> static constexpr List<T> copied(const T* from, int n) {
    List<T> r;
    for (int i = 0; i < n; ++i) r.push(from[i]);
    return r;
  }
  constexpr void visit(int i) {
    const Node& node = g().nodes()[i];
    const Kind kind = node.op->kind;
    const int count = node.operands;
    int* const o = g().mutable_operand_pool() + node.operand;
    int* const now = now_.data();
    if (kind == Kind::identity) {
      now[i] = now[o[0]];
      return;
    }
    if (kind == Kind::input && node.op != &graph::primitive<graph::Input>)
      node.op == &graph::primitive<graph::Sample> ? graph::a_sample_was_used_outside_of_its_vmap()
                                                  : ops::a_value_of_a_step_was_used_outside_of_its_loop();
    bool look_again = false;  // an operand is now a number or a view: local rules may apply anew
    for (int k = 0; k < count; ++k)
      if (const int by = now[o[k]]; by != o[k]) {
        o[k] = by;
        look_again = look_again || !is_computed(r_.kind[by]);
      }
    if (reads_memory(kind) || kind == Kind::assemble) {
      std::int64_t start = 0;
      if (kind == Kind::assemble) choose_layout(i);
      for (int k = 0; k < count; ++k) {
        const int operand = g().operands(i)[k],
                  by = kind == Kind::assemble ? part(operand, i, start)
                       : kind == Kind::loop   ? in_rows(operand, graph::Iteration::of(g(), i).is_stacked(k) ? 1 : 0)
                                              : addressable(operand);
        if (by != operand) g().mutable_operand_pool()[g()[i].operand + k] = by;
      }
    } else if (look_again) {
      const Node copy = g()[i];
      const List<int> operands = copied(g().operands(i), count);
      const List<std::int64_t> attributes = copied(g().attributes(i), copy.attributes);
      now_[i] = add(*copy.op, operands.data(), count, attributes.data(), copy.attributes);
      return;
    } else if (kind == Kind::gather) {
      const int table = g().operands(i)[0], by = addressable(table);
      if (by != table) g().mutable_operand_pool()[g()[i].operand] = by;
    }
    known_.data()[i] = 1;
    if (is_view(kind) && !find_layout(i)) {  // no strides can express it: copy below
      g().mutable_operand_pool()[g()[i].operand] = copy(g().operands(i)[0]);
      find_layout(i);
    }
    if (requests_.any && (kind == Kind::elementwise || kind == Kind::contract)) choose_layout(i);
    r_.order.push(i);
  }

  /// Whether a node is neither in order nor replaced.
  constexpr bool is_waiting(int id) const { return known_.data()[id] == 0 && now_.data()[id] == id; }

  // ---- buffers ----
  constexpr void set_layout(int i, const Layout& l) {
    r_.layout_of.data()[i] = r_.layouts.size();
    r_.layouts.push(l);
  }
  /// Gives a node the layout that it requests, unless it already has one.
  constexpr void choose_layout(int i) {
    if (r_.layout_of[i] >= 0 || g()[i].op->elementwise.copies ||
        (i < requests_.output.size() && requests_.output[i] != 0))
      return;
    const int axis = innermost(i);
    if (i < requests_.home.size() && requests_.home[i] >= 0 && move_in(i, axis)) return;
    if (axis >= 0) set_layout(i, with_innermost(g().shape(i), axis));
  }
  /// The axis that shall be innermost: what the graph requests, or what an operand of the same shape has.
  constexpr int innermost(int i) const {
    const Shape& s = r_.graph.shape(i);
    if (i < requests_.output.size() && requests_.output[i] != 0) return -1;
    if (i < requests_.innermost.size() && requests_.innermost[i] >= 0)
      return s[requests_.innermost[i]] > 1 ? requests_.innermost[i] : -1;
    const Node& n = r_.graph[i];
    if (n.op->kind == Kind::contract) return -1;
    for (int k = 0; k < n.operands; ++k) {
      const int o = r_.graph.operands(i)[k];
      if (r_.layout_of[r_.base[o]] < 0 || r_.graph.shape(o).rank != s.rank) continue;
      const int axis = unit_axis(r_.layout(o), r_.graph.shape(o));
      if (axis >= 0 && axis != unit_axis(Layout::row_major(s), s) && r_.graph.shape(o)[axis] == s[axis]) return axis;
    }
    return -1;
  }
  /// Computes a node directly inside the assembled tensor of which it is an operand; false where that would not pay, or
  /// where its part of the buffer is contiguous anyway.
  constexpr bool move_in(int i, int axis) {
    const int whole = requests_.home[i];
    const Shape &s = g().shape(i), &w = g().shape(whole), &there = g().shape(g().operands(whole)[requests_.part[i]]);
    const AxisMap seats(s, there);
    if (!seats.fit) return false;
    if (r_.layout_of[whole] < 0) {
      const int along = int(g().attributes(whole)[0]);
      if (requests_.innermost[whole] < 0 && axis >= 0) requests_.innermost[whole] = seats.axis[axis];
      axis = innermost(whole);
      if (!(requests_.home[whole] >= 0 && move_in(whole, axis))) {
        bool contiguous = axis < 0;
        for (int k = 0; k < along; ++k) contiguous = contiguous && there[k] == 1 && there.symbol(k) == 0;
        if (contiguous) return false;
        if (axis >= 0) set_layout(whole, with_innermost(w, axis));
      }
    }
    const Layout all = r_.layout(whole);
    Layout l{all.offset + requests_.start[i] * all.stride[g().attributes(whole)[0]], false, {}};
    for (int k = 0; k < s.rank; ++k) l.stride[k] = all.stride[seats.axis[k]];
    if (unit_axis(l, s) < 0) return false;
    set_layout(i, l);
    r_.owner[i] = r_.buffer(whole);
    return true;
  }

  /// Applies a primitive; the nodes that this creates are added to the order.
  constexpr int add(const graph::Primitive& op, const int* operands, int n, const std::int64_t* attributes, int m) {
    const int before = g().size(), id = g().add(op, operands, n, attributes, m);
    grow();
    for (int k = before; k < g().size(); ++k)
      if (is_waiting(k)) visit(k);  // others were merged with one of these, or replaced
    if (id < before) bring(id);
    return now_[id];
  }
  /// A node of the old graph that is needed again, or before its turn.
  constexpr void bring(int id) {
    if (!is_waiting(id)) return;
    for (int k = 0; k < g()[id].operands; ++k) bring(g().operands(id)[k]);
    visit(id);
  }
  /// Copies with equal numbers are one node.
  constexpr int copy(int id, std::int64_t number = 0) { return add(graph::primitive<ops::Copy>, &id, 1, &number, 1); }

  /// Base and layout of a view whose operand is in order; false when no strides can express it.
  constexpr bool find_layout(int id) {
    const Node& node = g().nodes()[id];
    const int below = g().operand_pool()[node.operand];
    r_.base.data()[id] = r_.base.data()[below];
    r_.linear.data()[id] = r_.linear.data()[below] != 0 && node.op->view.keeps_order ? 1 : 0;
    Signature::Operand room[2];
    Layout l = r_.layout(below);
    if (node.op->view.waits) r_.has_late = true;
    if (!node.op->view.layout(l, g().signature(id, room), g().interned(node.shape))) return false;
    r_.layout_of.data()[id] = r_.layouts.size();
    r_.layouts.push(l);
    return true;
  }

  /// A node whose base is computed, has exactly these elements, and is claimed by no other, else a copy: an output, or
  /// a part of an assembled tensor, which its kernel writes at its offset. An output may also be an assembled tensor
  /// itself.
  constexpr int own_buffer(int id, bool may_be_assembled = false) {
    claimed_.resize(g().size(), 0);
    if (const int b = r_.base[id]; r_.linear[id] == 0 || r_.layout_of[b] >= 0 ||
                                   !(is_computed(r_.kind[b]) || (may_be_assembled && r_.kind[b] == Kind::assemble)) ||
                                   claimed_[b] != 0) {
      id = copy(id, ++copies_);
      claimed_.resize(g().size(), 0);
    }
    claimed_[r_.base[id]] = 1;
    return id;
  }

  /// Contractions, gathers and custom kernels read memory.
  constexpr int addressable(int id) {
    const Kind k = r_.kind[r_.base[id]];
    return k == Kind::constant || k == Kind::generate ? copy(id) : id;
  }

  /// What the body of a loop reads is row-major, from this axis on.
  constexpr int in_rows(int id, int axis) {
    id = addressable(id);
    const Layout l = r_.layout(id);
    const Shape& s = g().shape(id);
    std::int64_t stride = 1;
    for (int i = s.rank - 1; i >= axis; --i) {
      if (s[i] != 1 && l.stride[i] != stride) return copy(id);
      stride *= s[i];
    }
    return id;
  }

  /// A part of an assembled tensor, which begins at `start` along its axis. It may be computed there already; where its
  /// part of the buffer is contiguous, the kernel that computes it writes there; otherwise a copy does, with the
  /// strides of the whole.
  constexpr int part(int id, int whole, std::int64_t& start) {
    const int axis = int(g().attributes(whole)[0]), b = r_.base[id];
    const std::int64_t first = start;
    start += g().shape(id)[axis];
    if (b < requests_.home.size() && requests_.home[b] == whole && r_.owner[b] >= 0 && r_.linear[id] != 0 &&
        requests_.start[b] == first && AxisMap(g().shape(b), g().shape(id)).fit)
      return id;
    const Shape& s = g().shape(id);
    const Layout l = r_.layout(whole);
    bool contiguous = r_.layout_of[whole] < 0;
    for (int i = 0; i < axis; ++i) contiguous = contiguous && s[i] == 1 && s.symbol(i) == 0;
    const int by = own_buffer(contiguous ? id : copy(id, ++copies_));
    r_.part_of.resize(g().size(), -1);
    r_.part_of[r_.base[by]] = r_.parts.size();
    r_.parts.push({whole, first * l.stride[axis], contiguous});
    return by;
  }

  const List<char>& must_copy_;
  LayoutRequests requests_;
  Simplified r_;
  List<int> now_;     ///< what replaces each node of the old graph
  List<char> known_;  ///< in order
  List<char> claimed_;
  std::int64_t copies_ = 0;
};


/// `must_copy` marks outputs that a separate kernel must copy into their buffers.
constexpr Simplified simplify(const Builder& g, const List<char>& must_copy = {}) {
  Simplifier pass(g, must_copy);
  return pass.run();
}

}  // namespace sinter::internals::compile
