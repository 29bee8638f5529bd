// A graph that runs for one step after another, with values that it carries along: a primitive with a body.
//
// graph/iteration.hpp says what the attributes of a loop, its operands and its results are. transform/scan.hpp has the
// functions that make loops, transform/forward.hpp and transform/gradient.hpp their derivatives.
#pragma once
#include "batching.hpp"
#include "cast.hpp"
#include "compare.hpp"
#include "extrema.hpp"
#include "logical.hpp"
#include "permute.hpp"
#include "reshape.hpp"
#include "result.hpp"

namespace sinter::inline SINTER_ABI::ops {

using graph::Iteration;

[[noreturn]] SINTER_COLD inline void a_value_of_a_step_was_used_outside_of_its_loop() {
  throw_error(ErrorCode::unsupported, "loop", "expected values of one step to stay inside the function of that step",
              "return it from the function");
}
[[noreturn]] SINTER_COLD inline void a_buffer_cannot_be_updated_by_single_steps() {
  throw_error(ErrorCode::unsupported, "loop",
              "expected a function of one step that leaves buffers alone, found one that updates a buffer",
              "carry its value from step to step, and update it outside");
}

[[noreturn]] SINTER_COLD inline void a_carried_value_changes_its_type(const graph::Builder& g, int from, int to) {
  const auto text = [&](int i) { return std::string(sinter::name_of(g[i].dtype)) + to_string(g.shape(i)); };
  throw_error(ErrorCode::shape, "loop", "expected the next carried value to be " + text(from) + ", found " + text(to),
              "a step returns values of the types that it gets");
}

/// A carried value or an element of a stacked input, while the function of one step is traced. No program contains it.
struct StepValue : graph::Registered<StepValue> {
  static constexpr Primitive describe() {
    return {.name = "step_value", .code = graph::code_of<StepValue>, .kind = Kind::input, .unique = true};
  }
};

/// Operands, attributes and results: see graph::Iteration. The carried values before each step are there for the
/// gradient. Results that nobody reads are not computed.
struct Loop : graph::Registered<Loop> {
  static constexpr const char* name = "loop";
  static constexpr Type type(const Signature& s) {
    if (s.attribute_count != Iteration::numbers) return Type::mismatch();
    const Iteration f = Iteration::of(s.attributes);
    return f.carries > 0 && s.count >= f.carries + f.stacked ? Type{s.dtype(0), s.shape(0)} : Type::mismatch();
  }
  static constexpr Primitive describe() {
    Primitive p{.name = name, .code = graph::code_of<Loop>, .kind = Kind::loop, .type = &type};
    p.batch = &batch;
    p.kernel.batch_result = &batch_result;
    return p;
  }
  static constexpr Value batch(const graph::Batching& b);
  /// What is stacked has the axis of its steps first, that of the samples second.
  static constexpr Value batch_result(const graph::Batching& b, int number) {
    const Value loop = b.operand(0);
    const Value whole = further_result(loop, number);
    return number < Iteration::of(*b.graph, loop.id).carries ? whole : graph::swap_first_axes(whole);
  }
};

/// A loop in the making: its body, and the operands that are the body's inputs.
struct LoopDraft {
  Builder body;
  List<int> operands;
  Iteration iteration;

  /// Adds an input to the body, and its operand.
  constexpr int input(const Builder& g, int operand, bool stacked) {
    Shape each = g.shape(operand);
    if (stacked) {
      each = Shape{};
      for (int i = 1; i < g.shape(operand).rank; ++i) each.push(g.shape(operand)[i], g.shape(operand).symbol(i));
    }
    operands.push(operand);
    return body.input(g[operand].dtype, each);
  }
  /// Adds the loop without inputs that its body does not read.
  constexpr Value add_to(Builder& g) {
    const List<char> live = live_nodes(body);
    Builder rest;
    rest.accurate = g.accurate;
    List<int> now(body.size(), -1), kept;
    Iteration f = iteration;
    f.stacked = 0;
    for (int k = 0; k < operands.size(); ++k) {
      const int i = body.inputs[k];
      if (k >= f.carries && live[i] == 0) continue;
      now[i] = rest.input(body[i].dtype, body.shape(i));
      kept.push(operands[k]);
      f.stacked += iteration.is_stacked(k) ? 1 : 0;
    }
    copy_live(rest, body, now);
    for (const int o : body.outputs) rest.outputs.push(now[o]);
    f.body = g.bodies.size();
    g.bodies.resize(f.body + 1, rest);
    const auto attributes = f.attributes();
    return {&g, g.add(graph::primitive<Loop>, kept.data(), kept.size(), attributes.data(), Iteration::numbers)};
  }
};

/// Makes loops of functions. A function is traced for one step, in the graph that runs the loop; then every node that
/// depends on a value of the step becomes a node of the body. What it reads besides is computed once, before the loop,
/// and captured: weights, say.
///
///   LoopTrace trace(g);
///   const Value now = trace.value(Dtype::float32, shape);
///   const Value loop = trace.loop(…, f(now));
class LoopTrace {
 public:
  constexpr explicit LoopTrace(Builder& g) : g_(g), first_(g.size()) {}

  constexpr Value value(Dtype dtype, const Shape& shape) {
    values_.push(g_.insert(graph::primitive<StepValue>, dtype, g_.intern(shape), nullptr, 0));
    return {&g_, values_.back()};
  }
  /// `operands`: one for each value, carried ones first; `outputs`: the next carried values, then what is stacked.
  constexpr Value loop(const List<int>& operands, const List<int>& outputs, const Iteration& iteration) {
    find_dependent();
    draft_.iteration = iteration;
    for (int j = 0; j < iteration.carries; ++j)
      if (g_[outputs[j]].dtype != g_[values_[j]].dtype || !(g_.shape(outputs[j]) == g_.shape(values_[j])))
        a_carried_value_changes_its_type(g_, values_[j], outputs[j]);
    now_.resize(g_.size(), -1);
    for (int k = 0; k < values_.size(); ++k)
      now_[values_[k]] = draft_.input(g_, operands[k], iteration.is_stacked(k));
    List<char> wanted(g_.size(), 0);
    for (const int o : outputs) wanted[o] = 1;
    for (int i = g_.size() - 1; i >= first_; --i)
      for (int k = 0; wanted[i] != 0 && is_inside(i) && k < g_[i].operands; ++k) wanted[g_.operands(i)[k]] = 1;
    for (int i = first_; i < now_.size(); ++i)
      if (wanted[i] != 0) bring(i);
    for (const int o : outputs) draft_.body.outputs.push(bring(o));
    return draft_.add_to(g_);
  }

 private:
  constexpr void find_dependent() {
    const int n = g_.size();
    depends_.resize(n, 0);
    for (const int v : values_) depends_[v] = 1;
    for (int i = first_; i < n; ++i)
      for (int k = 0; k < g_[i].operands; ++k)
        if (depends_[g_.operands(i)[k]] != 0) depends_[i] = 1;
    for (const Builder::Update& u : g_.updates)
      if (depends_[u.value] != 0) a_buffer_cannot_be_updated_by_single_steps();
    // What is expected of values of single steps is not checked.
    List<Builder::Expectation> others;
    for (const Builder::Expectation& e : g_.expectations)
      if (depends_[e.value] == 0 && (e.besides < 0 || depends_[e.besides] == 0)) others.push(e);
    g_.expectations = others;
  }
  /// Whether the body computes a node: what depends on the step, numbers, and views that have no memory of their own
  /// and are no smaller than what they show.
  constexpr bool is_inside(int i) const {
    const graph::Node& n = g_[i];
    if (depends_[i] != 0 || n.op->kind == Kind::constant || n.op->kind == Kind::generate) return true;
    if (n.op->kind == Kind::broadcast && broadcast_scalar(g_, i) >= 0 && g_.is_constant(g_.operands(i)[0])) return true;
    return i >= first_ && i >= g_.views_kept && (n.op->kind == Kind::view || n.op->kind == Kind::broadcast) &&
           n.operands == 1 && g_.shape(i).size() >= g_.shape(g_.operands(i)[0]).size();
  }
  constexpr int bring(int i) {
    if (now_[i] >= 0) return now_[i];
    if (!is_inside(i)) return now_[i] = draft_.input(g_, i, false);
    List<int> operands;
    for (int k = 0; k < g_[i].operands; ++k) operands.push(bring(g_.operands(i)[k]));
    return now_[i] = copy_node(draft_.body, g_, i, operands.data());
  }

  Builder& g_;
  int first_;
  List<int> values_, now_;
  List<char> depends_;
  LoopDraft draft_;
};

/// Every carried value has the axis. A conditional loop goes on as long as any sample does; one whose condition no
/// longer holds keeps its values.
constexpr Value Loop::batch(const graph::Batching& b) {
  Builder& g = *b.graph;
  const Iteration f = Iteration::of(b.attributes);
  const Builder one = g.bodies[f.body];
  const auto any = [](Value flags) {
    const Value most = reduced<Amax>(graph::cast_to(flags, Dtype::int32), 1);
    return graph::reshape_to(most, Shape{}) > 0;  // of no samples: the least integer
  };
  LoopDraft d;
  Builder& body = d.body;
  d.iteration = f;
  List<int> inside;  // the body's inputs for one sample
  List<char> has;
  for (int k = 0; k < b.count; ++k) {
    Value v = k < f.carries ? graph::batched(b, k) : b.operand(k);
    has.push(k < f.carries || b.mapped[k] != 0 ? 1 : 0);
    if (has[k] != 0 && f.is_stacked(k)) v = graph::swap_first_axes(v);
    inside.push(d.input(g, v.id, f.is_stacked(k)));
    if (f.conditional && k + 1 == f.carries) d.input(g, any(v).id, false);
  }
  if (f.conditional) ++d.iteration.carries;
  graph::SampleTrace sample(body, b.extent, b.symbol);
  List<int> samples;
  for (int k = 0; k < b.count; ++k) samples.push(has[k] != 0 ? sample.sample({&body, inside[k]}).id : inside[k]);
  const List<int> outputs = inlined(body, one, samples);
  for (int k = 0; k < outputs.size(); ++k) {
    Value v = sample.whole({&body, outputs[k]});
    if (f.conditional) {
      const Value goes = graph::with_rank(Value{&body, inside[f.carries - 1]}, v.extents().rank - 1);
      const Value before{&body, inside[k]};
      v = select(goes, v, before);
    }
    body.outputs.push(v.id);
  }
  if (f.conditional) body.outputs.push(any({&body, body.outputs[f.carries - 1]}).id);
  return d.add_to(g);
}

}  // namespace sinter::ops
