// What a node of kind loop says: how often its body runs, and what its operands and results are to the body.
//
// The body is a graph of its own, one of `Builder::bodies`. Its inputs are the carried values, one element of each
// stacked input, and captures, which are the same in every step; its outputs are the carried values of the next step,
// and one element of each stacked output. Passes ask this of a node; they name no primitive (ops/loop.hpp).
#pragma once
#include "builder.hpp"

namespace sinter::inline SINTER_ABI::graph {

/// The attributes of a loop. Its operands are the first carried values, the stacked inputs and the captures, in this
/// order; its results the last carried values (at least one), the stacked outputs, and the carried values before each
/// step, stacked too.
struct Iteration {
  int body = 0;            ///< its number among `Builder::bodies`
  std::int64_t count = 0;  ///< of steps: an extent, packed
  int carries = 0, stacked = 0, made = 0;  ///< carried values, stacked inputs and stacked outputs
  bool reverse = false;                    ///< from the last step to the first
  bool conditional = false;  ///< ends early, before the first step whose last carried value, a boolean, is false

  static constexpr int numbers = 6;
  constexpr std::array<std::int64_t, numbers> attributes() const {
    return {body, count, carries, stacked, made, (reverse ? 1 : 0) + (conditional ? 2 : 0)};
  }
  static constexpr Iteration of(const std::int64_t* a) {
    return {int(a[0]), a[1], int(a[2]), int(a[3]), int(a[4]), (a[5] & 1) != 0, (a[5] & 2) != 0};
  }
  static constexpr Iteration of(const Builder& g, int loop) { return of(g.attributes(loop)); }

  constexpr bool is_stacked(int operand) const { return operand >= carries && operand < carries + stacked; }
  constexpr int results() const { return 2 * carries + made; }
  /// The number of the result that holds carried value j before each step.
  constexpr int before(int j) const { return carries + made + j; }
  /// The number of steps, or the most, and its symbolic dimension; 0 if it is static.
  constexpr int extent() const { return int(count & 0x7fffffff); }
  constexpr int symbol() const { return int(count >> 32); }
  /// The shape of what has one element of this shape for each step.
  constexpr Shape with_steps(const Shape& each) const {
    Shape s;
    s.push(extent(), symbol());
    for (int i = 0; i < each.rank; ++i) s.push(each[i], each.symbol(i));
    return s;
  }
};

/// The graph that a loop runs, and dtype and shape of a result.
constexpr const Builder& body_of(const Builder& g, int loop) { return g.bodies[Iteration::of(g, loop).body]; }
constexpr Type type_of_result(const Builder& g, int loop, int result) {
  const Iteration it = Iteration::of(g, loop);
  const Builder& body = g.bodies[it.body];
  if (result < it.carries) {
    const int o = g.operands(loop)[result];
    return {g[o].dtype, g.shape(o)};
  }
  const bool made = result < it.carries + it.made;
  const int each = made ? body.outputs[result] : body.inputs[result - it.carries - it.made];
  return {body[each].dtype, it.with_steps(body.shape(each))};
}

/// The rule that a loop breaks, nullptr for none.
constexpr const char* rule_broken_by_loop(const Builder& g, int loop) {
  if (g[loop].attributes != Iteration::numbers) return "the attributes of a loop";
  const Iteration it = Iteration::of(g, loop);
  if (it.body < 0 || it.body >= g.bodies.size()) return "a body among those of the graph";
  const Builder& body = g.bodies[it.body];
  if (it.carries < 1) return "a loop that carries a value";
  if (it.stacked < 0 || it.made < 0) return "numbers of stacked inputs and outputs";
  if (it.conditional && it.made > 0) return "a conditional loop that stacks nothing";
  if (body.inputs.size() != g[loop].operands || it.carries + it.stacked > g[loop].operands)
    return "an input of the body for each operand";
  if (body.outputs.size() != it.carries + it.made)
    return "an output of the body for each carried value and each stacked output";
  for (const int i : body.inputs)
    if (i < 0 || i >= body.size()) return "inputs of the body among its nodes";
  for (const int o : body.outputs)
    if (o < 0 || o >= body.size()) return "outputs of the body among its nodes";
  for (int k = 0; k < body.inputs.size(); ++k) {
    const int i = body.inputs[k], o = g.operands(loop)[k];
    const Shape each = it.is_stacked(k) ? it.with_steps(body.shape(i)) : body.shape(i);
    if (body[i].dtype != g[o].dtype || !(each == g.shape(o))) return "operands of the types of the body's inputs";
  }
  for (int j = 0; j < it.carries; ++j) {
    const int i = body.inputs[j], o = body.outputs[j];
    if (body[i].dtype != body[o].dtype || !(body.shape(i) == body.shape(o)))
      return "carried values that keep their types from step to step";
  }
  const int last = body.inputs[it.carries - 1];
  if (it.conditional && (body[last].dtype != Dtype::boolean || body.shape(last).rank != 0))
    return "a condition that is one boolean";
  if (g[loop].dtype != body[body.outputs[0]].dtype || !(g.shape(loop) == body.shape(body.outputs[0])))
    return "a loop of the dtype and shape of its first carried value";
  return nullptr;
}

/// Whether a node of kind result names one of its loop or kernel, and has its dtype and shape.
constexpr bool is_further_result(const Builder& g, int i) {
  if (g[i].operands != 1 || g[i].attributes < 1) return false;
  const int first = g.operands(i)[0];
  const std::int64_t number = g.attributes(i)[0];
  const Primitive& op = *g[first].op;
  Type t;
  if (op.kind == Kind::loop) {
    const Iteration it = Iteration::of(g, first);
    if (number < 1 || number >= (it.conditional ? it.carries : it.results())) return false;
    t = type_of_result(g, first, int(number));
  } else {
    if (op.kind != Kind::kernel || number < 1 || number >= op.kernel.results || op.kernel.result_type == nullptr)
      return false;
    Signature::Operand room[most_operands];
    t = op.kernel.result_type(g.signature(first, room), int(number));
  }
  return g[i].dtype == t.dtype && g.shape(i) == t.shape;
}

}  // namespace sinter::graph
