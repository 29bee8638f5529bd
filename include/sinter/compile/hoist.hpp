// What is the same in all steps of a loop is computed before it: weights packed for its contractions, above all.
#pragma once
#include "expand.hpp"
#include "prepare.hpp"

namespace sinter::inline SINTER_ABI::internals::compile {

class Hoister : Rewrite {
 public:
  constexpr Hoister(const Builder& g, const Target& target) : Rewrite(g, 0), target_(target) {}

  /// False where there are no loops.
  constexpr bool run(Builder& to) {
    bool any = false;
    for (int i = 0; i < n_; ++i) any = any || g_[i].op->kind == Kind::loop;
    if (!any) return false;
    find_live();
    begin(to);
    to.bodies.clear();
    for (int i = 0; i < n_; ++i) {
      if (live_.data()[i] != 0 && now_.data()[i] < 0) {
        const List<int> operands = operands_now(i);
        now_[i] = g_[i].op->kind == Kind::loop ? loop(to, i, operands) : copy(to, i, operands);
      }
      if (i < g_.views_kept) to.views_kept = to.size();
    }
    finish(to);
    return true;
  }

 private:
  constexpr int loop(Builder& to, int i, const List<int>& operands) const {
    graph::Iteration f = graph::Iteration::of(g_, i);
    Builder body = g_.bodies[f.body], other;
    if (expand(body, target_, other)) body = other;
    Hoister within(body, target_);
    Builder inner;
    if (within.run(inner)) body = inner;
    // The captures first, as the parameters of a net are.
    const int steps = f.carries + f.stacked, captures = body.inputs.size() - steps;
    const List<int> inputs = body.inputs;
    body.inputs.clear();
    for (int k = 0; k < captures; ++k) body.inputs.push(inputs[steps + k]);
    for (int k = 0; k < steps; ++k) body.inputs.push(inputs[k]);
    const Prepared halves = split(body, captures, target_);
    Builder rest = halves.rest;
    const int made = rest.inputs.size() - inputs.size();
    const List<int> in_rest = rest.inputs;
    rest.inputs.clear();
    List<int> all, captured;
    for (int k = 0; k < steps; ++k) rest.inputs.push(in_rest[captures + k]), all.push(operands[k]);
    for (int k = 0; k < captures; ++k) {
      rest.inputs.push(in_rest[k]);
      captured.push(operands[steps + k]);
      all.push(operands[steps + k]);
    }
    if (made > 0) {
      const List<int> before = ops::inlined(to, halves.prepare, captured);
      for (int k = 0; k < made; ++k) {
        rest.inputs.push(in_rest[inputs.size() + k]);
        all.push(before[k]);
      }
    }
    f.body = to.bodies.size();
    to.bodies.resize(f.body + 1, rest);
    const auto attributes = f.attributes();
    return to.insert(*g_[i].op, g_[i].dtype, to.intern(g_.shape(i)), all.data(), all.size(), attributes.data(),
                     graph::Iteration::numbers);
  }

  const Target& target_;
};

/// Writes to `to` the graph with the bodies of its loops expanded, and what is the same in all of their steps computed
/// before them; false, and nothing written, where there are no loops.
constexpr bool hoist(const Builder& g, const Target& target, Builder& to) {
  Hoister pass(g, target);
  return pass.run(to);
}

}  // namespace sinter::internals::compile
