// The compiler, on one page: from a graph and a target to a program, each pass in the order in which it runs.
//
// A pass is a function of what those before it have made; a line here adds one. What must hold between passes is
// checked under SINTER_VERIFY (verify.hpp), after each but emit and chain, which are shown to the observer: steps are
// checked when they have addresses. What the last pass makes becomes constants in program.hpp.
#pragma once
#include "affine.hpp"
#include "allocate.hpp"
#include "expand.hpp"
#include "fuse.hpp"
#include "hoist.hpp"
#include "loop.hpp"
#include "lower.hpp"
#include "prepare.hpp"
#include "siblings.hpp"
#include "verify.hpp"
#include "verify_plan.hpp"

namespace sinter::inline SINTER_ABI::internals::compile {

/// From a graph to steps. `outer`: the plan of which the graph is the body of a loop.
template <class Observer>
constexpr Plan plan(const Builder& g, const Target& target, const Made<Observer>& made,
                    const PlanDraft* outer = nullptr) {
  List<char> must_copy;  // outputs that must not take over the memory of an input
  for (;;) {
    Simplified s = simplify(g, must_copy);  // each node in a form that a kernel can address
    made("simplify", s);
    const Fusion f = fuse(s, target);  // which nodes share a kernel
    made("fuse", s, f);
    const Order o = order(s, f);  // when each kernel runs
    made("order", s, f, o);
    PlanDraft d = draft_of(s, outer);
    Lowering lower(s, f, o, d.plan.symbols, target);  // nodes to a kernel: loops, pointers, operations
    for (const int group : o.groups) {                // kernels to steps in a table
      if (f.groups[group].kind != KernelKind::loop) {
        write_step(d, lower(group), s.graph, target);
        continue;
      }
      const LoopLowering loop(s, f, o, group);
      made("body", loop.body());
      write_loop(d, loop, plan(loop.body(), target, made, &d), s.graph, target);
    }
    find_buffers(d, s);
    made.watch("emit", s, d);
    if (overwrites_too_early(d, s, must_copy)) continue;
    Chains c = find_chains(d, s, target);  // steps that run tile by tile
    made.watch("chain", s, d, c);
    allocate(d, s, c, target);  // an address for each buffer
    made("allocate", s, d);
    return static_cast<Plan&&>(d.plan);
  }
}

/// `parameters`: how many of the graph's first inputs rarely change; without any there is nothing to prepare.
template <class Observer = Unwatched>
constexpr Compiled compile(const Builder& traced, int parameters, const Target& target, const Observer& watch = {}) {
  const Made<Observer> made{watch};
  made("trace", traced);

  // From a graph to graphs.
  Builder folded, expanded, hoisted, joined;
  const bool folds = parameters > 0 && fold_affine(traced, parameters, folded);  // scales move into weights
  const Builder& scaled = folds ? folded : traced;
  if (parameters > 0) made("fold affine", scaled);
  const Builder& flat = expand(scaled, target, expanded) ? expanded : scaled;  // the target's forms of primitives
  made("expand", flat);
  const Builder& known = hoist(flat, target, hoisted) ? hoisted : flat;  // what all steps of a loop share, before it
  made("hoist", known);
  Prepared halves;
  if (parameters > 0) {
    const Builder& wide = join_siblings(known, parameters, joined) ? joined : known;  // products of one operand
    made("join siblings", wide);
    halves = split(wide, parameters, target);  // what depends on parameters alone, and the rest
    made("prepare", halves.prepare);
    made("rest", halves.rest);
  }

  Compiled r;
  if (parameters > 0) r.prepare = plan(halves.prepare, target, made);
  r.run = plan(parameters > 0 ? halves.rest : known, target, made);
  return r;
}

}  // namespace sinter::internals::compile
