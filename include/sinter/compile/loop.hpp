// Loops (ops/loop.hpp): what of a body is needed, and the step that runs it.
#pragma once
#include "emit.hpp"
#include "order.hpp"
#include "program/loop.hpp"

namespace sinter::inline SINTER_ABI::internals::compile {

/// One loop of a graph, as a group of nodes: the loop and its further results.
class LoopLowering {
 public:
  constexpr LoopLowering(const Simplified& s, const Fusion& f, const Order& o, int group)
      : s_(s),
        g_(s.graph),
        loop_(o.head[group]),
        iteration_(graph::Iteration::of(g_, loop_)),
        body_(g_.bodies[iteration_.body]) {
    result_.resize(iteration_.results(), -1);
    for (int v = loop_; v >= 0; v = o.next[v])
      if (f.stored[v] != 0) result_[v == loop_ ? 0 : int(g_.attributes(v)[0])] = v;
    find_carries();
    keep();
  }

  /// What computes the results that somebody reads, and nothing else.
  constexpr const Builder& body() const { return body_; }
  /// How many times it runs at most; a conditional loop counts as one.
  constexpr double steps() const { return iteration_.conditional ? 1 : double(iteration_.extent()); }

  /// The step; `number`: of the body's plan.
  constexpr Kernel kernel(const Plan& plan, int number) const {
    Kernel k;
    k.kind = KernelKind::loop;
    Shape steps;
    steps.push(iteration_.extent(), iteration_.symbol());
    k.loops.push(compile::Loop::along(steps, 0, false));
    List<std::int64_t> bytes;
    const auto add = [&](int node, const Layout& l, bool stacked, int each) {
      k.pointers.push({node, l.offset, {stacked ? l.stride[0] : 0}});
      bytes.push(body_.shape(each).size() * bytes_of(body_[each].dtype));
      return short(k.pointers.size() - 1);
    };
    for (int i = 0; i < operands_.size(); ++i) {
      const int o = g_.operands(loop_)[operands_[i]];
      const short p = add(s_.base[o], s_.layout(o), iteration_.is_stacked(operands_[i]), body_.inputs[i]);
      k.micros.push({.what = Micro::What::load, .dtype = g_[o].dtype, .a = p});
    }
    const auto add_result = [&](int r, bool stacked, int each) {
      const int v = result_[r];
      const short p = v < 0 ? add(-1, {}, false, each) : add(v, Layout::row_major(g_.shape(v)), stacked, each);
      if (v >= 0) k.micros.push({.what = Micro::What::store, .dtype = g_[v].dtype, .b = p});
    };
    for (int i = 0; i < carries_.size(); ++i) add_result(carries_[i], false, body_.inputs[i]);
    for (int i = 0; i < made_.size(); ++i)
      add_result(iteration_.carries + made_[i], true, body_.outputs[carries_.size() + i]);
    for (int i = 0; i < carries_.size(); ++i) add_result(iteration_.before(carries_[i]), true, body_.inputs[i]);

    LoopFacts f{.body = number, .carries = carries_.size(), .made = made_.size()};
    for (const int o : operands_) f.stacked += iteration_.is_stacked(o) ? 1 : 0;
    f.captures = operands_.size() - f.carries - f.stacked;
    f.reverse = iteration_.reverse;
    f.conditional = iteration_.conditional;
    f.flops = std::int64_t(plan.flops);
    for (int i = 0; i < carries_.size(); ++i) f.workspace += 2 * aligned(bytes[i]);
    k.scratch = f.workspace + plan.arena_bytes + std::max(plan.scratch_bytes, plan.straight_line_scratch_bytes);
    const auto attribute = [&](std::int64_t a) {
      k.micros.push({.what = Micro::What::attribute, .dtype = Dtype::int64, .bits = std::uint64_t(a)});
    };
    for (const std::int64_t a : f.attributes()) attribute(a);
    for (const std::int64_t b : bytes) attribute(b);
    return k;
  }

 private:
  /// The carried values that a result needs, directly or in a later step.
  constexpr void find_carries() {
    List<char> needed(iteration_.carries, 0);
    List<int> found;
    const auto need = [&](int j) {
      if (needed[j] == 0) needed[j] = 1, found.push(body_.outputs[j]);
    };
    for (int j = 0; j < iteration_.carries; ++j)
      if (result_[j] >= 0 || result_[iteration_.before(j)] >= 0 ||
          (iteration_.conditional && j + 1 == iteration_.carries))
        need(j);
    for (int k = iteration_.carries; k < iteration_.carries + iteration_.made; ++k)
      if (result_[k] >= 0) made_.push(k - iteration_.carries), found.push(body_.outputs[k]);
    List<int> carried(body_.size(), -1);
    for (int j = 0; j < iteration_.carries; ++j) carried[body_.inputs[j]] = j;
    List<char> seen(body_.size(), 0);
    while (!found.empty()) {
      const int i = found.back();
      found.pop();
      if (seen[i] != 0) continue;
      seen[i] = 1;
      if (carried[i] >= 0) need(carried[i]);
      for (int k = 0; k < operands_of(body_, i); ++k) found.push(body_.operands(i)[k]);
    }
    for (int j = 0; j < iteration_.carries; ++j)
      if (needed[j] != 0) carries_.push(j);
    for (int k = 0; k < body_.inputs.size(); ++k)
      if (k < iteration_.carries ? needed[k] != 0 : seen[body_.inputs[k]] != 0) operands_.push(k);
  }
  /// Leaves the body its inputs and outputs that are needed.
  constexpr void keep() {
    List<int> inputs, outputs;
    for (const int k : operands_) inputs.push(body_.inputs[k]);
    for (const int j : carries_) outputs.push(body_.outputs[j]);
    for (const int k : made_) outputs.push(body_.outputs[iteration_.carries + k]);
    body_.inputs = inputs;
    body_.outputs = outputs;
  }

  const Simplified& s_;
  const Builder& g_;
  int loop_;
  graph::Iteration iteration_;
  Builder body_;
  List<int> result_;                   ///< of each result, the node that is stored; −1 where nobody reads it
  List<int> operands_, carries_, made_;  ///< the numbers of those that are needed
};

/// Appends the step of a loop, whose body has this plan.
constexpr void write_loop(PlanDraft& d, const LoopLowering& loop, const Plan& body, const Builder& g,
                          const Target& target) {
  write_step(d, loop.kernel(body, d.plan.bodies.size()), g, target);
  d.plan.flops += loop.steps() * body.flops;
  d.plan.bytes_moved += loop.steps() * body.bytes_moved;
  d.plan.bodies.resize(d.plan.bodies.size() + 1, body);
}

}  // namespace sinter::internals::compile
