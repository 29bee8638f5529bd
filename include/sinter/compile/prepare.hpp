// Splits a graph in two: what depends on parameters alone, to be run when they change, and the rest for every call.
#pragma once
#include "fixed.hpp"
#include "target.hpp"

namespace sinter::inline SINTER_ABI::internals::compile {

struct Prepared {
  Builder prepare;  ///< parameters → the values that the rest needs of them
  Builder rest;     ///< the graph's inputs and those values → its outputs
};

class Splitter {
 public:
  constexpr Splitter(const Builder& g, int parameters, const Target& target)
      : g_(g), parameters_(parameters), target_(target) {}

  constexpr Prepared run() {
    changes_ = changes(g_, parameters_);
    if (target_.weight_forms != nullptr) forms_ = target_.weight_forms(g_, changes_);
    streamed_.resize(g_.size(), 0);
    count_readers();
    List<int> hoisted;
    List<char> is_hoisted(g_.size(), 0), live(g_.size(), 0);
    for (const int o : g_.outputs) live[o] = 1;
    for (int i = g_.size() - 1; i >= 0; --i) {
      if (live[i] == 0) continue;
      const Kind kind = g_[i].op->kind;
      if (changes_[i] == Changes::with_parameters && streamed_[i] == 0 && worth(i)) {
        is_hoisted[i] = 1;
        continue;
      }
      const int weight = kind == Kind::contract && !streams_weight(i) && !forms_.empty() ? forms_[i].operand : -1;
      if (weight >= 0) weights_.push({i, weight, -1});
      for (int k = 0; k < operands_of(g_, i); ++k)
        if (k != weight) live[g_.operands(i)[k]] = 1;
    }
    for (int i = 0; i < g_.size(); ++i)
      if (is_hoisted[i] != 0) hoisted.push(i);
    Prepared r;
    if (hoisted.empty() && weights_.empty()) {
      r.rest = g_;
      return r;
    }
    r.prepare = g_;
    while (r.prepare.inputs.size() > parameters_) r.prepare.inputs.pop();
    r.prepare.outputs = hoisted;
    r.prepare.overwrites.clear();
    r.prepare.expectations.clear();
    r.prepare.length_rules.clear();
    for (Weight& w : weights_) {  // one that several contractions share is packed once
      const Value weight{&r.prepare, matrix(g_.operands(w.contraction)[w.operand])};
      const int made = target_.pack(weight, forms_[w.contraction].form).id;
      for (int k = hoisted.size(); k < r.prepare.outputs.size(); ++k)
        if (r.prepare.outputs[k] == made) w.input = k;
      if (w.input >= 0) continue;
      w.input = r.prepare.outputs.size();
      r.prepare.outputs.push(made);
    }
    copy(r, live, hoisted);
    return r;
  }

 private:
  /// Computed values that are no larger than what they are computed from, or costly.
  constexpr bool worth(int i) const {
    const Node& n = g_[i];
    if (n.op->kind == Kind::assemble) return true;
    if (!is_computed(n.op->kind) || n.op->flops == nullptr) return false;
    std::ptrdiff_t largest = 0;
    Signature::Operand room[graph::most_operands];
    for (int k = 0; k < n.operands; ++k) {
      int o = g_.operands(i)[k];
      if (g_[o].op->kind == Kind::broadcast) o = g_.operands(o)[0];
      if (const std::ptrdiff_t size = g_.shape(o).size(); size > largest) largest = size;
    }
    const std::ptrdiff_t size = g_.shape(i).size();
    return size <= largest || n.op->flops(g_.signature(i, room), g_.shape(i)) >= 4 * double(size);
  }

  constexpr void count_readers() {
    readers_.resize(g_.size(), 0);
    for (const int o : g_.outputs) ++readers_[o];
    for (int i = g_.size() - 1; i >= 0; --i) {
      if (readers_.data()[i] == 0) continue;
      const int* o = g_.operands(i);
      for (int k = operands_of(g_, i); k > 0; --k) ++readers_.data()[*o++];
    }
  }
  /// Weights that are computed from a narrower type and used only in a product with few rows, (M, K) × (K, N) with a
  /// small M, stay narrow: such a contraction is bound by memory. Marks what is then computed at every call.
  constexpr bool streams_weight(int i) {
    if (changes_[i] != Changes::with_calls) return false;
    const int inner = int(g_.attributes(i)[1]);
    for (int k = 0; k < 2; ++k) {
      const int w = g_.operands(i)[k];
      const Shape& other = g_.shape(g_.operands(i)[1 - k]);
      std::int64_t rows = 1;
      for (int a = 0; a < other.rank - inner; ++a) rows *= other[a];
      if (rows > target_.skinny_rows || readers_[w] != 1 || changes_[w] != Changes::with_parameters ||
          g_.shape(w).size() < target_.prologue.smallest || source_bytes(g_, w) >= bytes_of(g_[w].dtype))
        continue;
      mark_streamed(w);
      return true;
    }
    return false;
  }
  constexpr void mark_streamed(int v) {
    const Kind kind = g_[v].op->kind;
    if ((kind != Kind::elementwise && kind != Kind::view) || streamed_[v] != 0) return;
    streamed_[v] = 1;
    for (int k = 0; k < g_[v].operands; ++k)
      if (const int o = g_.operands(v)[k]; g_.shape(o).size() == g_.shape(v).size()) mark_streamed(o);
  }

  /// The matrix of an operand without broadcast batch axes.
  constexpr int matrix(int o) const { return g_[o].op->kind == Kind::broadcast ? g_.operands(o)[0] : o; }

  constexpr void copy(Prepared& r, const List<char>& live, const List<int>& hoisted) {
    Builder& to = r.rest;
    to.share_shapes(g_);
    to.bodies = g_.bodies;
    List<int> now(g_.size(), -1), extra;
    for (const int i : g_.inputs) now[i] = to.input(g_[i].dtype, g_.shape(i));
    for (const int i : hoisted) now[i] = to.input(g_[i].dtype, g_.shape(i));
    for (int k = hoisted.size(); k < r.prepare.outputs.size(); ++k) {
      const int o = r.prepare.outputs[k];
      extra.push(to.input(r.prepare[o].dtype, r.prepare.shape(o)));
    }
    for (int i = 0; i < g_.size(); ++i) {
      if (live[i] == 0 || now[i] >= 0) continue;
      const Node& n = g_[i];
      List<int> operands;
      for (int k = 0; k < operands_of(g_, i); ++k) operands.push(now[g_.operands(i)[k]]);
      if (n.op->kind == Kind::contract)
        for (const Weight& w : weights_)
          if (w.contraction == i) {
            const int o = g_.operands(i)[w.operand];
            const Value made{&to, extra[w.input - hoisted.size()]};
            const Shape& s = g_.shape(matrix(o));
            operands[w.operand] =
                graph::broadcast_to(target_.packed_view(made, s, forms_[i].form), g_.shape(o)).id;
          }
      now[i] = to.insert(*n.op, n.dtype, n.shape, operands.data(), operands.size(), g_.attributes(i), n.attributes);
    }
    for (const int o : g_.outputs) to.outputs.push(now[o]);
    to.overwrites = g_.overwrites;
    to.length_rules = g_.length_rules;
  }

  /// A contraction whose operand is packed in advance.
  struct Weight {
    int contraction = -1, operand = -1;
    int input = -1;  ///< which of the values that are prepared
  };

  const Builder& g_;
  int parameters_;
  const Target& target_;
  List<Changes> changes_;
  List<PackedOperand> forms_;  ///< of each contraction
  List<char> streamed_;
  List<int> readers_;
  List<Weight> weights_;
};


/// `parameters`: how many of the graph's first inputs rarely change.
constexpr Prepared split(const Builder& g, int parameters, const Target& target) {
  Splitter pass(g, parameters, target);
  return pass.run();
}

}  // namespace sinter::internals::compile
