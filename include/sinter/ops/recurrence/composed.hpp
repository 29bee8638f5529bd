// A recurrence and its gradient as loops over other primitives: what derivatives of second and higher order, and those
// in forward mode, are derived from.
#pragma once
#include "../activation.hpp"
#include "../bounds.hpp"
#include "../concatenate.hpp"
#include "../contract.hpp"
#include "../loop.hpp"
#include "cell.hpp"

namespace sinter::inline SINTER_ABI::ops {

/// Operands and results are those of Recurrence and RecurrenceGradient (recurrence.hpp).
class ComposedRecurrence {
 public:
  constexpr explicit ComposedRecurrence(const Site& s, int input, int weight, int first)
      : g_(*s.graph),
        s_(s),
        cell_(Cell(s.attribute(0))),
        reverse_(s.attribute(1) != 0),
        input_(s.operand(input)),
        weight_(s.operand(weight)),
        first_(s.operand(first)),
        steps_(packed(input_.extents()[0], input_.extents().symbol(0))),
        hidden_(weight_.extents()[1]) {
    g_.accurate = s.attribute(2) != 0;
  }

  static constexpr void forward(const Site& s, Value* results) { ComposedRecurrence(s, 0, 1, 2).run(results); }
  static constexpr void backward(const Site& s, Value* results) { ComposedRecurrence(s, 0, 2, 3).run_back(results); }

  /// The states before each step [T, B, F], from those after it and the first ones [B, F].
  static constexpr Value states_before(Value after, Value first, bool reverse) {
    Builder& g = *after.graph;
    const Shape all = after.extents();
    const int steps = all[0];
    Shape one = all, fixed = all;
    one.set(0, 1);
    fixed.set(0, steps);
    const Value begin = graph::reshape_to(first, one);
    if (steps <= 1) return graph::with_bounds(begin, all);
    const Value others = graph::slice(graph::with_bounds(after, fixed), 0, reverse ? 1 : 0, steps - 1);
    const std::array<int, 2> parts{reverse ? others.id : begin.id, reverse ? begin.id : others.id};
    Value before = graph::concatenate(&g, parts.data(), 2, 0);
    if (reverse && all.symbol(0) != 0) {  // time begins at the length
      Shape along;
      for (int i = 0; i < all.rank; ++i) along.push(i == 0 ? steps : 1);
      const Value last = graph::iota(&g, steps) == graph::length(&g, all.symbol(0)) - 1;
      before = select(graph::reshape_to(last, along), begin, before);
    }
    return graph::with_bounds(before, all);
  }

 private:
  constexpr void run(Value* results) {
    LoopTrace trace(g_);
    const Value h = carried(trace, gate(first_, 0));
    const Value c = states(cell_) > 1 ? carried(trace, gate(first_, 1)) : h;
    const Value x = stacked(trace, input_), product = Contract::apply(&g_, h.id, weight_.id, 0, 1);
    const auto both = [&](int k) { return gate(x, k) + gate(product, k); };
    const auto open = [&](int k) { return sigmoid(both(k), tanh_approximation); };
    if (cell_ == Cell::lstm) {
      const Value i = open(0), f = open(1), g = tanh(both(2)), o = open(3), next = f * c + i * g;
      const Value out = o * tanh(next);
      loop(trace, {out, next}, {joined({out, next}), joined({i, f, g, o})}, reverse_, results);
    } else if (cell_ == Cell::gru) {
      const Value share = gate(product, 2) + s_.operand(3), r = open(0), z = open(1), n = tanh(gate(x, 2) + r * share);
      const Value out = n + z * (h - n);
      loop(trace, {out}, {out, joined({r, z, n}), share}, reverse_, results);
    } else {
      const Value out = cell_ == Cell::rnn_relu ? relu(both(0)) : tanh(both(0));
      loop(trace, {out}, {out, out}, reverse_, results);
    }
  }

  /// From the last step to the first: carried are the cotangents of the state, stacked those of the gates.
  constexpr void run_back(Value* results) {
    const Value after = s_.operand(1), before = states_before(after, first_, reverse_), weight = transposed(weight_);
    LoopTrace trace(g_);
    Shape one = first_.extents();
    one.set(1, hidden_);
    const Value nothing = graph::broadcast_to(Value{&g_, g_.constant(0, first_.dtype())}, one);
    const Value dh = carried(trace, nothing), dc = states(cell_) > 1 ? carried(trace, nothing) : dh;
    const Value a = stacked(trace, input_), ct = stacked(trace, s_.operand(4)), d = gate(ct, 0) + dh;
    const auto through = [&](Value gates) { return Contract::apply(&g_, gates.id, weight.id, 0, 1); };
    std::array<Value, 3> found;
    if (cell_ == Cell::lstm) {
      const Value i = gate(a, 0), f = gate(a, 1), g = gate(a, 2), o = gate(a, 3);
      const Value top = tanh(gate(stacked(trace, after), 1)), old = gate(stacked(trace, before), 1);
      const Value cell = gate(ct, 1) + dc + d * o * (1.0 - top * top);
      const Value gates = joined({cell * g * i * (1.0 - i), cell * old * f * (1.0 - f), cell * i * (1.0 - g * g),
                                  d * top * o * (1.0 - o)});
      loop(trace, {through(gates), cell * f}, {gates}, !reverse_, found.data());
    } else if (cell_ == Cell::gru) {
      const Value r = gate(a, 0), z = gate(a, 1), n = gate(a, 2);
      const Value old = stacked(trace, before), share = stacked(trace, s_.operand(5));
      const Value dn = d * (1.0 - z) * (1.0 - n * n), dr = dn * share * r * (1.0 - r),
                  dz = d * (old - n) * z * (1.0 - z), of_share = dn * r;
      loop(trace, {d * z + through(joined({dr, dz, of_share}))}, {joined({dr, dz, dn}), of_share}, !reverse_,
           found.data());
    } else {
      const Value gates = cell_ == Cell::rnn_relu ? select(a > 0.0, d, 0.0) : d * (1.0 - a * a);
      loop(trace, {through(gates)}, {gates}, !reverse_, found.data());
    }
    results[0] = found[0];
    results[1] = states(cell_) > 1 ? joined({further_result(last_, 0), further_result(last_, 1)}) : last_;
    results[2] = found[1];
  }

  constexpr Value gate(Value v, int k) const { return graph::slice(v, 1, k * hidden_, hidden_); }
  static constexpr Value joined(std::initializer_list<Value> parts) {
    List<int> ids;
    for (const Value& v : parts) ids.push(v.id);
    return graph::concatenate(parts.begin()->graph, ids.data(), ids.size(), 1);
  }
  static constexpr Value transposed(Value v) {
    constexpr std::array<std::int64_t, 2> order{1, 0};
    return {v.graph, v.graph->add(graph::primitive<Permute>, &v.id, 1, order.data(), 2)};
  }
  constexpr Value carried(LoopTrace& trace, Value first) {
    operands_.push(first.id);
    return trace.value(first.dtype(), Shape(first.extents()));
  }
  constexpr Value stacked(LoopTrace& trace, Value all) {
    operands_.push(all.id);
    Shape each;
    for (int i = 1; i < all.extents().rank; ++i) each.push(all.extents()[i], all.extents().symbol(i));
    return trace.value(all.dtype(), each);
  }
  /// The loop whose steps return these; `results`: what it stacks.
  constexpr void loop(LoopTrace& trace, std::initializer_list<Value> next, std::initializer_list<Value> made,
                      bool reverse, Value* results) {
    List<int> outputs;
    for (const Value& v : next) outputs.push(v.id);
    for (const Value& v : made) outputs.push(v.id);
    const int carries = states(cell_);
    last_ = trace.loop(operands_, outputs,
                       {.count = steps_,
                        .carries = carries,
                        .stacked = operands_.size() - carries,
                        .made = outputs.size() - carries,
                        .reverse = reverse});
    for (int k = 0; k < outputs.size() - carries; ++k) results[k] = further_result(last_, carries + k);
  }

  Builder& g_;
  Site s_;
  Cell cell_;
  bool reverse_;
  Value input_, weight_, first_;
  std::int64_t steps_;  ///< an extent, packed
  int hidden_;
  List<int> operands_;
  Value last_;
};

}  // namespace sinter::ops
