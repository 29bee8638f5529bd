// Reverse-mode differentiation: graph in, graph out.
#pragma once
#include "accumulate.hpp"
#include "rematerialize.hpp"

namespace sinter::inline SINTER_ABI::internals::transform {

using graph::Site;

[[noreturn]] SINTER_COLD inline void a_conditional_loop_has_derivatives_in_forward_mode_only() {
  throw_error(ErrorCode::unsupported, "while_loop", "expected a derivative in forward mode, found one in reverse mode",
              "use jvp, or scan or for_loop, whose steps are known");
}
/// The cotangents of the operands of a loop, or of a kernel as it is composed of others, for those of its results; −1
/// for none.
constexpr List<int> pull_through_loop(Builder& g, int loop, const List<int>& cotangents, const List<char>& wanted);
constexpr List<int> pull_through_kernel(Builder& g, int kernel, const List<int>& cotangents, const List<char>& wanted);

/// Whether derivatives of a node's further results are passed on together with its first one's.
constexpr bool passes_on_together(const graph::Primitive& op) {
  return op.kind == graph::Kind::loop || op.kernel.composed != nullptr;
}

/// Further results by the loop or kernel that makes them.
class ResultsByNode {
 public:
  constexpr void add(const Builder& g, int result) {
    const int node = g.operands(result)[0];
    if (latest_.size() <= node) latest_.resize(node + 1, -1);
    all_.push({result, latest_[node]});
    latest_[node] = all_.size() - 1;
  }
  /// Calls f(result) for each of a node.
  template <class F> constexpr void for_each(int node, F&& f) const {
    for (int k = node < latest_.size() ? latest_[node] : -1; k >= 0; k = all_[k].before) f(all_[k].result);
  }

 private:
  struct Entry {
    int result = -1, before = -1;
  };
  List<Entry> all_;
  List<int> latest_;  ///< of each node, the last of its entries, −1 for none
};

class ReverseMode {
 public:
  constexpr ReverseMode(Builder& g, const List<int>& wrt) : g_(g), wrt_(wrt) {}

  /// The cotangents of `wrt` for those of some nodes.
  constexpr List<int> run(const List<int>& nodes, const List<int>& cotangents) {
    int last = 0;
    for (const int n : nodes) last = std::max(last, n);
    grow(last + 1);
    int first = last;  // nothing before it depends on them
    for (const int w : wrt_)
      if (w <= last) depends_[w] = is_wrt_[w] = 1, first = std::min(first, w);
    find_dependent(first, last + 1);
    for (int k = 0; k < nodes.size(); ++k)
      if (depends_[nodes[k]] != 0) give(nodes[k], Value{&g_, cotangents[k]});
    sweep(last + 1, first);
    List<int> result;
    for (const int w : wrt_)
      result.push(w <= last && cotangent_[w] >= 0
                      ? cotangent_[w]
                      : graph::broadcast_to(Value{&g_, g_.constant(0, g_[w].dtype)}, g_.shape(w)).id);
    return result;
  }

 private:
  constexpr void grow(int n) {
    depends_.resize(n, 0);
    is_wrt_.resize(n, 0);
    cotangent_.resize(n, -1);
  }
  /// Which nodes in [from, to) depend on one of wrt.
  constexpr void find_dependent(int from, int to) {
    char* const d = depends_.data();
    const Node* nodes = g_.nodes();
    const int* pool = g_.operand_pool();
    for (int i = from; i < to; ++i) {
      if (d[i] != 0) continue;
      const int last = nodes[i].operand + nodes[i].operands;
      for (int k = nodes[i].operand; k < last; ++k)
        if (d[pool[k]] != 0) d[i] = 1;
    }
  }
  /// Whether a node of wrt was computed from another one.
  constexpr bool depends_on_others(int i) const {
    for (int k = 0; k < g_[i].operands; ++k)
      if (depends_[g_.operands(i)[k]] != 0) return true;
    return false;
  }
  constexpr void give(int node, Value c) {
    int& ct = cotangent_.data()[node];
    ct = ct < 0 ? c.id : accumulate(Value{&g_, ct}, c).id;
  }
  /// Passes cotangents of the nodes in [to, from) on to their operands.
  constexpr void sweep(int from, int to) {
    for (int i = from - 1; i >= to; --i) {
      const int ct = cotangent_.data()[i];
      const graph::Primitive* const op = g_[i].op;
      if (passes_on_together(*op) && depends_.data()[i] != 0 && pass_on_together(i)) continue;
      if (ct < 0 || (is_wrt_.data()[i] != 0 && !depends_on_others(i))) continue;
      if (op->kind == graph::Kind::result && passes_on_together(*g_[g_.operands(i)[0]].op)) {
        results_.add(g_, i);
        continue;
      }
      if (op->vjp == nullptr) continue;
      if (op->identity.repeats) {
        repeat(i, ct);
        continue;
      }
      const int count = g_[i].operands;
      for (int k = 0; k < count; ++k) {
        const int operand = g_.operands(i)[k];
        if (depends_.data()[operand] == 0) continue;
        if (const Value c = op->vjp(Site{&g_, i}, k, Value{&g_, ct}); c.exists()) give(operand, c);
      }
    }
  }
  /// A loop passes on the cotangents of all of its results at once; so does a kernel that is composed of others, unless
  /// its vector-Jacobian product has them all. False where nothing is passed on.
  constexpr bool pass_on_together(int i) {
    const graph::Primitive& op = *g_[i].op;
    const bool is_loop = op.kind == graph::Kind::loop;
    List<int> cotangents(is_loop ? graph::Iteration::of(g_, i).results() : op.kernel.results, -1);
    cotangents[0] = cotangent_[i];
    bool further = false;
    results_.for_each(i, [&](int r) { cotangents[int(g_.attributes(r)[0])] = cotangent_[r], further = true; });
    if (!further && (cotangents[0] < 0 || (!is_loop && op.vjp != nullptr))) return false;
    List<char> wanted;
    const int count = g_[i].operands;
    for (int k = 0; k < count; ++k) wanted.push(depends_[g_.operands(i)[k]]);
    List<int> pulled;  // g++ gets a conditional expression of lists wrong
    if (is_loop) pulled = pull_through_loop(g_, i, cotangents, wanted);
    else pulled = pull_through_kernel(g_, i, cotangents, wanted);
    for (int k = 0; k < count; ++k)
      if (pulled[k] >= 0) give(g_.operands(i)[k], Value{&g_, pulled[k]});
    return true;
  }
  /// The backward pass of a checkpoint goes through a repetition of it, whose inputs pass their cotangents on to the
  /// original ones.
  constexpr void repeat(int checkpoint, int ct) {
    if (depends_[g_.operands(checkpoint)[0]] == 0) return;
    const Repetition r = rematerialize(g_, checkpoint, ct, is_wrt_);
    grow(r.last);
    find_dependent(r.first, r.last);
    give(r.result, Value{&g_, ct});
    sweep(r.last, r.first);
  }

  Builder& g_;
  const List<int>& wrt_;
  List<char> depends_, is_wrt_;
  List<int> cotangent_;
  ResultsByNode results_;  ///< further results that have cotangents
};


/// Cotangents of `wrt` for a scalar `loss`, appended to the same graph. Nodes on no path from `wrt` to `loss` cost
/// nothing; a `wrt` that the loss does not depend on gets zeros. What a checkpoint marks is recomputed.
constexpr List<int> gradient(Builder& g, int loss, const List<int>& wrt) {
  ReverseMode pass(g, wrt);
  List<int> outputs, ones;
  outputs.push(loss);
  ones.push(graph::broadcast_to(Value{&g, g.constant(1, g[loss].dtype)}, g.shape(loss)).id);
  return pass.run(outputs, ones);
}

/// The gradient of a loop is a loop over its steps from the last to the first. Its body repeats a step from the carried
/// values before it, and passes the cotangents of those after it back. What is captured gets the sum over all steps.
class LoopGradient {
 public:
  constexpr LoopGradient(Builder& g, int loop, const List<int>& cotangents, const List<char>& wanted)
      : g_(g),
        loop_(loop),
        f_(graph::Iteration::of(g, loop)),
        step_(graph::body_of(g, loop)),
        cotangents_(cotangents),
        wanted_(wanted) {}

  constexpr List<int> run() {
    if (f_.conditional) a_conditional_loop_has_derivatives_in_forward_mode_only();
    d_.iteration = {.count = f_.count, .reverse = !f_.reverse};
    d_.body.accurate = g_.accurate;
    add_inputs();
    const List<int> outputs = ops::inlined(d_.body, step_, inputs_);
    List<int> seeds, seed_cotangents, wrt, pulled;
    for (int k = 0; k < outputs.size(); ++k)
      if (of_output_[k] >= 0) seeds.push(outputs[k]), seed_cotangents.push(of_output_[k]);
    for (int k = 0; k < inputs_.size(); ++k)
      if (is_pulled(k)) wrt.push(inputs_[k]);
    ReverseMode pass(d_.body, wrt);
    const List<int> of_wrt = pass.run(seeds, seed_cotangents);
    pulled.resize(inputs_.size(), -1);
    for (int k = 0, i = 0; k < inputs_.size(); ++k)
      if (is_pulled(k)) pulled[k] = of_wrt[i++];
    add_outputs(pulled);
    return results(d_.add_to(g_));
  }

 private:
  constexpr bool is_captured(int k) const { return k >= f_.carries + f_.stacked; }
  /// Whether operand k gets a cotangent: carried values pass theirs from step to step.
  constexpr bool is_pulled(int k) const {
    return is_floating(step_[step_.inputs[k]].dtype) && (k < f_.carries || wanted_[k] != 0);
  }
  constexpr int zeros(Dtype dtype, const Shape& s) {
    const Shape shape = s;
    return graph::broadcast_to(Value{&g_, g_.constant(0, dtype)}, shape).id;
  }
  /// 16-bit cotangents are summed in float32.
  static constexpr Dtype sum_dtype(Dtype d) { return bytes_of(d) < 4 ? Dtype::float32 : d; }

  constexpr void add_inputs() {
    const int operands = g_[loop_].operands;
    const auto operand = [&](int k) { return g_.operands(loop_)[k]; };
    const auto cotangent = [&](int result) { return cotangents_[result]; };
    inputs_.resize(operands, -1);
    carried_.resize(operands, -1);
    kept_.resize(f_.carries, -1);
    of_output_.resize(f_.carries + f_.made, -1);
    for (int k = 0; k < operands; ++k) {
      if (!is_pulled(k) || f_.is_stacked(k)) continue;
      const Dtype dtype = g_[operand(k)].dtype;
      const int from = k < f_.carries && cotangent(k) >= 0
                           ? cotangent(k)
                           : zeros(is_captured(k) ? sum_dtype(dtype) : dtype, g_.shape(operand(k)));
      carried_[k] = d_.input(g_, from, false);
      if (k < f_.carries) of_output_[k] = carried_[k];
    }
    if (d_.operands.empty()) nothing_ = d_.input(g_, g_.constant(0), false);  // a loop carries something
    d_.iteration.carries = d_.operands.size();
    for (int j = 0; j < f_.carries; ++j)
      inputs_[j] = d_.input(g_, ops::further_result({&g_, loop_}, f_.before(j)).id, true);
    for (int k = f_.carries; k < f_.carries + f_.stacked; ++k) inputs_[k] = d_.input(g_, operand(k), true);
    for (int k = f_.carries; k < f_.carries + f_.made; ++k)
      if (cotangent(k) >= 0) of_output_[k] = d_.input(g_, cotangent(k), true);
    for (int j = 0; j < f_.carries; ++j)
      if (cotangent(f_.before(j)) >= 0) kept_[j] = d_.input(g_, cotangent(f_.before(j)), true);
    d_.iteration.stacked = d_.operands.size() - d_.iteration.carries;
    for (int k = f_.carries + f_.stacked; k < operands; ++k) inputs_[k] = d_.input(g_, operand(k), false);
  }
  constexpr void add_outputs(const List<int>& pulled) {
    Builder& b = d_.body;
    for (int k = 0; k < pulled.size(); ++k) {
      if (carried_[k] < 0) continue;
      Value v{&b, pulled[k]};
      if (k < f_.carries && kept_[k] >= 0) v = v + Value{&b, kept_[k]};
      if (is_captured(k)) v = Value{&b, carried_[k]} + graph::cast_to(v, b[carried_[k]].dtype);
      b.outputs.push(v.id);
    }
    if (nothing_ >= 0) b.outputs.push(nothing_);
    for (int k = f_.carries; k < f_.carries + f_.stacked; ++k)
      if (pulled[k] >= 0) b.outputs.push(pulled[k]), ++d_.iteration.made;
  }
  /// The cotangent of each operand, −1 for none.
  constexpr List<int> results(Value loop) {
    List<int> all(inputs_.size(), -1);
    int carried = 0, stacked = d_.iteration.carries;
    for (int k = 0; k < all.size(); ++k) {
      if (!is_pulled(k)) continue;
      const Value v = ops::further_result(loop, f_.is_stacked(k) ? stacked++ : carried++);
      if (wanted_[k] != 0) all[k] = graph::cast_to(v, g_[g_.operands(loop_)[k]].dtype).id;
    }
    return all;
  }

  Builder& g_;
  int loop_;
  graph::Iteration f_;
  const Builder step_;
  const List<int>& cotangents_;
  const List<char>& wanted_;
  ops::LoopDraft d_;
  // Nodes of the body: of each operand, its value in this step and its carried cotangent; of each carried value the
  // cotangent of what is kept of it; of each output its cotangent.
  List<int> inputs_, carried_, kept_, of_output_;
  int nothing_ = -1;
};

constexpr List<int> pull_through_loop(Builder& g, int loop, const List<int>& cotangents, const List<char>& wanted) {
  LoopGradient pass(g, loop, cotangents, wanted);
  return pass.run();
}

constexpr List<int> pull_through_kernel(Builder& g, int kernel, const List<int>& cotangents, const List<char>& wanted) {
  ops::ComposedKernel composed(g, kernel);
  List<int> nodes, seeds, wrt, pulled(wanted.size(), -1);
  for (int k = 0; k < cotangents.size(); ++k)
    if (cotangents[k] >= 0) nodes.push(composed.result(k)), seeds.push(composed.input(cotangents[k]));
  for (int k = 0; k < wanted.size(); ++k)
    if (wanted[k] != 0) wrt.push(composed.operands[k]);
  ReverseMode pass(composed.inside, wrt);
  const List<int> found = composed.add_to(g, pass.run(nodes, seeds));
  for (int k = 0, i = 0; k < wanted.size(); ++k)
    if (wanted[k] != 0) pulled[k] = found[i++];
  return pulled;
}

}  // namespace sinter::internals::transform
