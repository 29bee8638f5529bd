// How buffers are laid out in memory.
//
// Shapes say nothing about memory: a node's buffer may have its axes in another order, or be part of another buffer.
// Two requests decide:
//
//  - an operation may request an innermost axis (`Primitive::identity.innermost`): with channels innermost,
//    [N, H, W, C], what a convolution multiplies is contiguous. What is computed elementwise from such a buffer takes
//    over its order, so a network runs without conversions; inputs and outputs of a program are row-major, and where
//    views cannot bridge two orders there is a copy;
//  - what is padded or concatenated is computed directly inside the result, so that padding costs only its borders.
#pragma once
#include "../ops/ops.hpp"

namespace sinter::inline SINTER_ABI::internals::compile {

using graph::Builder;
using graph::Kind;
using graph::Layout;
using graph::List;
using graph::Node;
using graph::Signature;
using graph::Value;

constexpr bool is_view(Kind k) { return k == Kind::view || k == Kind::broadcast; }
/// A set of kinds: constant evaluation pays for every comparison.
template <class... K> constexpr unsigned kinds(K... k) { return (0u | ... | (1u << unsigned(k))); }
/// A node that a kernel computes and that may own a buffer.
constexpr bool is_computed(Kind k) {
  constexpr unsigned set = kinds(Kind::elementwise, Kind::reduce, Kind::scan, Kind::contract, Kind::gather,
                                 Kind::scatter, Kind::kernel, Kind::loop, Kind::result);
  return (set >> unsigned(k) & 1) != 0;
}
/// A node whose kernel reads its operands from memory, whatever their strides.
constexpr bool reads_memory(Kind k) {
  constexpr unsigned set = kinds(Kind::contract, Kind::kernel, Kind::loop);
  return (set >> unsigned(k) & 1) != 0;
}
/// A node that is complete only when its kernel has ended: its readers read memory.
constexpr bool is_complete_late(Kind k) {
  constexpr unsigned set = kinds(Kind::scatter, Kind::kernel, Kind::loop, Kind::result);
  return (set >> unsigned(k) & 1) != 0;
}

/// Row-major, but with one axis innermost; −1 for none.
constexpr Layout with_innermost(const Shape& s, int axis) {
  if (axis < 0) return Layout::row_major(s);
  Layout l;
  std::int64_t stride = s[axis];
  for (int i = s.rank - 1; i >= 0; --i) {
    if (i == axis) continue;
    l.stride[i] = stride;
    stride *= s[i];
  }
  l.stride[axis] = 1;
  return l;
}
/// The axis along which elements are contiguous, −1 where there is none.
constexpr int unit_axis(const Layout& l, const Shape& s) {
  for (int i = s.rank - 1; i >= 0; --i)
    if (l.stride[i] == 1 && s[i] > 1) return i;
  return -1;
}

/// Which axis of `to` each axis of `from` becomes, where `to` has further axes of extent 1.
struct AxisMap {
  bool fit = false;
  Array<int, Shape::max_rank> axis{};

  constexpr AxisMap(const Shape& from, const Shape& to) {
    int i = 0;
    for (int k = 0; k < to.rank; ++k) {
      if (i < from.rank && from[i] == to[k] && from.symbol(i) == to.symbol(k)) axis[i++] = k;
      else if (to[k] != 1 || to.symbol(k) != 0) return;
    }
    fit = i == from.rank;
  }
};

/// The layouts that a graph requests for its buffers, by node.
struct LayoutRequests {
  List<int> innermost;       ///< the axis, or −1
  List<int> home;            ///< the assembled node of which a node is an operand, −1 for none
  List<std::int64_t> start;  ///< its first position there, along the axis
  List<int> part;            ///< which of the operands it is there, perhaps with further axes of extent 1
  List<char> output;         ///< row-major, in a buffer of its own
  bool any = false;          ///< whether any node has a request or an enclosing node
};

class LayoutRequestFinder {
 public:
  constexpr LayoutRequestFinder(const Builder& g, const List<char>& live) : g_(g), live_(live) {
    const int n = g.size();
    r_.innermost.resize(n, -1);
    r_.home.resize(n, -1);
    r_.start.resize(n, 0);
    r_.part.resize(n, -1);
    r_.output.resize(n, 0);
  }

  constexpr LayoutRequests run() {
    for (const int o : g_.outputs) r_.output[source(o)] = 1;
    const Node* node = g_.nodes();
    const char* live = live_.data();
    bool ordered = false;
    for (int i = 0, n = g_.size(); i < n; ++i, ++node, ++live) {
      if (*live == 0) continue;
      const graph::Primitive& op = *node->op;
      if (op.identity.innermost >= 0) {
        ordered = true;
        wish(source(i), op.identity.innermost);
      } else if (op.kind == Kind::assemble) {
        claim(i);
      }
    }
    if (ordered) predict();
    r_.any = r_.any || ordered;
    return static_cast<LayoutRequests&&>(r_);
  }

 private:
  /// The node that identities are replaced by.
  constexpr int source(int i) const {
    while (g_[i].op->kind == Kind::identity) i = g_.operands(i)[0];
    return i;
  }
  /// A contraction, and the assembled tensors that it reads.
  constexpr void wish(int i, int axis) {
    if (g_[i].op->kind != Kind::contract) return;
    r_.innermost[i] = axis;
    for (int k = 0; k < 2; ++k) {
      int o = source(g_.operands(i)[k]);
      while (is_view(g_[o].op->kind)) o = source(g_.operands(o)[0]);
      request_for_concatenated(o, axis, g_.shape(i).rank);
    }
  }
  constexpr void request_for_concatenated(int i, int axis, int rank) {
    if (g_[i].op->kind != Kind::assemble || g_.shape(i).rank != rank || r_.innermost[i] >= 0) return;
    r_.innermost[i] = axis;
    for (int k = 0; k < g_[i].operands; ++k) request_for_concatenated(source(g_.operands(i)[k]), axis, rank);
  }
  /// A contraction without a request of its own takes the order of what its result is combined with elementwise: so do
  /// the gradients of a layer after a flattened image.
  constexpr void predict() {
    List<int> axis(g_.size(), -1);
    for (int i = 0; i < g_.size(); ++i) {
      if (live_.data()[i] == 0) continue;
      const Node& n = g_[i];
      const int* const o = g_.operands(i);
      if (r_.innermost[i] >= 0) axis[i] = r_.innermost[i];
      else if (n.op->kind == Kind::identity || n.op->view.selects_range) axis[i] = axis[o[0]];
      if (n.op->kind != Kind::elementwise) continue;
      const int rank = g_.shape(i).rank;
      for (int k = 0; k < n.operands && axis[i] < 0; ++k)
        if (g_.shape(o[k]).rank == rank) axis[i] = axis[o[k]];
      if (axis[i] < 0) continue;
      for (int k = 0; k < n.operands; ++k)
        if (const int c = source(o[k]);
            g_[c].op->kind == Kind::contract && g_.shape(c).rank == rank && r_.innermost[c] < 0)
          r_.innermost[c] = axis[i];
    }
  }
  constexpr void claim(int whole) {
    const int axis = int(g_.attributes(whole)[0]);
    std::int64_t start = 0;
    for (int k = 0; k < g_[whole].operands; ++k) {
      int o = source(g_.operands(whole)[k]);
      if (g_[o].op->view.keeps_order && AxisMap(g_.shape(g_.operands(o)[0]), g_.shape(o)).fit)
        o = source(g_.operands(o)[0]);
      const Kind kind = g_[o].op->kind;
      if ((kind == Kind::elementwise || kind == Kind::contract || kind == Kind::assemble) && r_.home[o] < 0 &&
          r_.output[o] == 0 && g_.shape(o).size() > 1) {
        r_.any = true;
        r_.home[o] = whole;
        r_.start[o] = start;
        r_.part[o] = k;
      }
      start += g_.shape(g_.operands(whole)[k])[axis];
    }
  }

  const Builder& g_;
  const List<char>& live_;
  LayoutRequests r_;
};


constexpr LayoutRequests layout_requests(const Builder& g, const List<char>& live) {
  LayoutRequestFinder pass(g, live);
  return pass.run();
}

}  // namespace sinter::internals::compile
