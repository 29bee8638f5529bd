// Splits a graph in two: what depends on parameters alone, to be run when they change, and what is left for every call.
#pragma once
#include "simplify.hpp"

namespace sinter::compile {

struct Prepared {
  Builder prepare;  ///< parameters → the values that the rest needs of them
  Builder rest;     ///< the graph's inputs and those values → its outputs
};

namespace prepare_detail {

class Pass {
 public:
  constexpr Pass(const Builder& g, int parameters) : g_(g), parameters_(parameters) {}

  constexpr Prepared run() {
    mark();
    List<int> hoisted;
    List<char> is_hoisted(g_.size(), 0), live(g_.size(), 0);
    for (const int o : g_.outputs) live[o] = 1;
    for (int i = g_.size() - 1; i >= 0; --i) {
      if (live[i] == 0) continue;
      if (fixed_[i] == 2 && worth(i)) {
        is_hoisted[i] = 1;
        continue;
      }
      for (int k = 0; k < g_[i].operands; ++k) live[g_.operands(i)[k]] = 1;
    }
    for (int i = 0; i < g_.size(); ++i)
      if (is_hoisted[i] != 0) hoisted.push(i);
    Prepared r;
    if (hoisted.empty()) {
      r.rest = g_;
      return r;
    }
    r.prepare = g_;
    while (r.prepare.inputs.size() > parameters_) r.prepare.inputs.pop();
    r.prepare.outputs = hoisted;
    r.prepare.overwrites.clear();
    copy(r.rest, live, hoisted);
    return r;
  }

 private:
  /// 0: differs from call to call; 1: a constant; 2: changes with the parameters.
  constexpr void mark() {
    fixed_.resize(g_.size(), 0);
    for (int k = 0; k < parameters_; ++k) fixed_[g_.inputs[k]] = 2;
    for (int i = 0; i < g_.size(); ++i) {
      const Node& n = g_[i];
      if (n.op->kind == Kind::input || (n.op->kind == Kind::generate && n.shape == 0) || g_.shape(i).bounded()) continue;  // lengths differ
      char f = 1;
      for (int k = 0; k < n.operands && f != 0; ++k) {
        const char o = fixed_[g_.operands(i)[k]];
        f = o == 0 ? char(0) : o > f ? o : f;
      }
      fixed_[i] = f;
    }
  }
  /// Computed values that are no larger than what they are computed from, or costly.
  constexpr bool worth(int i) const {
    const Node& n = g_[i];
    if (!is_computed(n.op->kind) || n.op->flops == nullptr) return false;
    std::ptrdiff_t largest = 0;
    Signature::Operand room[4];
    for (int k = 0; k < n.operands; ++k) {
      int o = g_.operands(i)[k];
      if (g_[o].op->kind == Kind::broadcast) o = g_.operands(o)[0];
      if (const std::ptrdiff_t size = g_.shape(o).size(); size > largest) largest = size;
    }
    const std::ptrdiff_t size = g_.shape(i).size();
    return size <= largest || n.op->flops(g_.signature(i, room), g_.shape(i)) >= 4 * double(size);
  }
  constexpr void copy(Builder& to, const List<char>& live, const List<int>& hoisted) const {
    List<int> now(g_.size(), -1);
    for (const int i : g_.inputs) now[i] = to.input(g_[i].dtype, g_.shape(i));
    for (const int i : hoisted) now[i] = to.input(g_[i].dtype, g_.shape(i));
    for (int i = 0; i < g_.size(); ++i) {
      if (live[i] == 0 || now[i] >= 0) continue;
      const Node& n = g_[i];
      List<int> operands;
      for (int k = 0; k < n.operands; ++k) operands.push(now[g_.operands(i)[k]]);
      now[i] = to.insert(*n.op, n.dtype, to.intern(g_.shape(i)), operands.data(), n.operands, g_.attributes(i), n.attributes);
    }
    for (const int o : g_.outputs) to.outputs.push(now[o]);
  }

  const Builder& g_;
  int parameters_;
  List<char> fixed_;
};

}  // namespace prepare_detail

/// `parameters`: how many of the graph's first inputs change seldom.
constexpr Prepared prepare(const Builder& g, int parameters) {
  prepare_detail::Pass pass(g, parameters);
  return pass.run();
}

}  // namespace sinter::compile
