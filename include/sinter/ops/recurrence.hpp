// A recurrent layer over time as primitives with kernels of their own: neither code size nor compile time grows with
// the length of the sequence.
#pragma once
#include "concatenate.hpp"
#include "contract.hpp"
#include "gather.hpp"
#include "recurrence/composed.hpp"
#include "result.hpp"

namespace sinter::inline SINTER_ABI::ops {

/// A cell applied step after step, (B, H) × (H, gates · H) in each. Operands: the inputs' part of the gates
/// [T, B, gates · H], with all biases but a GRU's last; the recurrent weights [gates · H, H]; the initial state
/// [B, states · H], h and then c; of a GRU the last gate's bias inside the product with the reset gate [H]. Results:
/// the states after every step [T, B, states · H]; for the gradient the gates' activations [T, B, gates · H] and of a
/// GRU the state's part of the last gate [T, B, H]. attributes = {Cell, whether time runs backwards, whether functions
/// take their accurate forms}.
struct Recurrence : graph::Registered<Recurrence> {
  static constexpr const char* name = "recurrence";
  enum Loop : int { time, row, gate, unit, state };
  static constexpr Cell cell(const Signature& s) { return Cell(s.attributes[0]); }
  static constexpr Type type(const Signature& s) {
    const Cell c = cell(s);
    if (s.count != (c == Cell::gru ? 4 : 3)) return Type::mismatch();
    const Shape &x = s.shape(0), &w = s.shape(1), &first = s.shape(2);
    if (x.rank != 3 || w.rank != 2 || first.rank != 2) return Type::mismatch();
    const int hidden = w[1];
    if (x[2] != gates(c) * hidden || w[0] != x[2] || first[1] != states(c) * hidden || first[0] != x[1] ||
        first.symbol(0) != x.symbol(1))
      return Type::mismatch();
    for (int i = 0; i < s.count; ++i)
      if (s.dtype(i) != s.dtype(0)) return Type::mismatch();
    return {s.dtype(0), sequence(x, first[1])};
  }
  static constexpr Shape sequence(const Shape& x, int features) {
    Shape to;
    to.push(x[0], x.symbol(0));
    to.push(x[1], x.symbol(1));
    to.push(features);
    return to;
  }
  static constexpr Type further(const Signature& s, int result) {
    return {s.dtype(0), sequence(s.shape(0), result == 1 ? s.shape(0)[2] : s.shape(1)[1])};
  }
  static constexpr int loop(const Signature& s, int tensor, int axis) {
    if (tensor == 1) return axis == 0 ? gate : unit;
    if (tensor == 2) return axis == 0 ? row : state;
    if (tensor == 3 && s.count == 4) return unit;
    const int last = tensor == s.count ? state : tensor == s.count + 2 ? unit : gate;
    return axis == 0 ? time : axis == 1 ? row : last;
  }
  static constexpr double products(const Signature& s, int gates, int weight) {
    return 2.0 * double(s.shape(0)[0]) * s.shape(0)[1] * gates * s.shape(weight)[1];
  }
  static constexpr double gate_flops = 30, gradient_flops = 20;  ///< of a gate in addition to the products
  static constexpr double flops_of_loops(const std::int64_t* extent, double of_a_gate) {
    return double(extent[time]) * double(extent[row]) * double(extent[gate]) * (2.0 * double(extent[unit]) + of_a_gate);
  }
  static constexpr Value batch(const graph::Batching& b);
  static constexpr Primitive describe();
  static constexpr Value apply(Builder* b, const int* operands, int n, Cell c, bool reverse);
  static constexpr Value pull(const Site& s, int i, Value ct);
};

/// The samples of a vmap are further rows: (V, T, B, F) as (T, V · B, F), and (V, B, S) as (V · B, S).
struct RecurrentRows {
  static constexpr Value merged(Value v) {
    const Shape s = v.extents();
    Shape to;
    if (s.rank == 4) to.push(s[1], s.symbol(1));
    to.push(s[0] * s[s.rank - 2]);
    to.push(s[s.rank - 1]);
    return graph::reshape_to(s.rank == 4 ? with_front(v) : v, to);
  }
  static constexpr Value separated(Value v, int samples) {
    const Shape s = v.extents();
    Shape to;
    if (s.rank == 3) to.push(s[0], s.symbol(0));
    to.push(samples);
    to.push(s[s.rank - 2] / samples);
    to.push(s[s.rank - 1]);
    v = graph::reshape_to(v, to);
    return s.rank == 3 ? with_front(v) : v;
  }
  /// The same application to all rows. `shared`: a set of the operands that have no rows. None where these differ from
  /// sample to sample, or the rows have a run-time length: the samples are then those of the loop that it is composed
  /// of.
  template <class Op> static constexpr Value apply(const graph::Batching& b, int shared) {
    internals::Array<int, 6> operands{};
    for (int i = 0; i < b.count; ++i) {
      const bool has_rows = (shared >> i & 1) == 0;
      if ((!has_rows && b.mapped[i] != 0) || b.symbol != 0) return {};
      const Value v = has_rows ? graph::batched(b, i) : b.operand(i);
      if (has_rows && v.extents().symbol(v.extents().rank - 2) != 0) return {};
      operands[i] = has_rows ? merged(v).id : v.id;
    }
    return separated(
        {b.graph, b.graph->add(graph::primitive<Op>, operands.data(), b.count, b.attributes, b.attribute_count)},
        b.extent);
  }
  /// A further result, from what `apply` has returned: a view of a view of the kernel.
  static constexpr Value result(const graph::Batching& b, int number) {
    const int view = b.graph->operands(b.operand(0).id)[0];
    return separated(further_result({b.graph, b.graph->operands(view)[0]}, number), b.extent);
  }

 private:
  /// The first two axes in the other order.
  static constexpr Value with_front(Value v) {
    constexpr std::array<std::int64_t, 4> order{1, 0, 2, 3};
    return {v.graph, v.graph->add(graph::primitive<Permute>, &v.id, 1, order.data(), 4)};
  }
};

/// Operands: activations (of a simple cell its states), states, weights, initial state, the cotangent of the states, of
/// a GRU the state's part. Results: cotangents of the inputs' part, of the initial state, and of a GRU of the state's
/// part.
struct RecurrenceGradient : graph::Registered<RecurrenceGradient> {
  static constexpr const char* name = "recurrence_gradient";
  static constexpr Value batch(const graph::Batching& b);
  static constexpr Type type(const Signature& s) {
    return s.count == 5 || s.count == 6 ? Type{s.dtype(0), s.shape(0)} : Type::mismatch();
  }
  static constexpr Type further(const Signature& s, int result) {
    return {s.dtype(0), result == 1 ? s.shape(3) : Recurrence::sequence(s.shape(0), s.shape(2)[1])};
  }
  static constexpr int loop(const Signature& s, int tensor, int axis) {
    if (tensor == 2) return axis == 0 ? Recurrence::gate : Recurrence::unit;
    if (tensor == 3 || tensor == s.count + 1) return axis == 0 ? Recurrence::row : Recurrence::state;
    const int last = tensor == 0 || tensor == s.count ? Recurrence::gate
                     : tensor == 1 || tensor == 4     ? Recurrence::state
                                                      : Recurrence::unit;
    return axis == 0 ? Recurrence::time : axis == 1 ? Recurrence::row : last;
  }
  static constexpr Primitive describe() {
    Primitive p{.name = name, .code = graph::code_of<RecurrenceGradient>, .kind = Kind::kernel, .type = &type};
    p.kernel.results = 3;
    p.kernel.result_type = &further;
    p.kernel.loop = &loop;
    p.kernel.plain = [](const graph::Elements& e) { PlainRecurrence(e).backward(); };
    p.kernel.composed = &ComposedRecurrence::backward;
    p.batch = &batch;
    p.kernel.batch_result = &RecurrentRows::result;
    p.flops = [](const Signature& s, const Shape& to) {
      return Recurrence::products(s, s.shape(0)[2], 2) + Recurrence::gradient_flops * double(to.size());
    };
    p.kernel.flops = [](const std::int64_t* extent, int, const std::int64_t*) {
      return Recurrence::flops_of_loops(extent, Recurrence::gradient_flops);
    };
    return p;
  }
};

constexpr Primitive Recurrence::describe() {
  Primitive p{.name = name, .code = graph::code_of<Recurrence>, .kind = Kind::kernel, .type = &type};
  p.kernel.results = 3;
  p.kernel.result_type = &further;
  p.kernel.loop = &loop;
  p.kernel.plain = [](const graph::Elements& e) { PlainRecurrence(e).forward(); };
  p.vjp = &pull;
  p.kernel.composed = &ComposedRecurrence::forward;
  p.batch = &batch;
  p.kernel.batch_result = &RecurrentRows::result;
  p.flops = [](const Signature& s, const Shape&) {
    return products(s, s.shape(0)[2], 1) + gate_flops * double(s.shape(0).size());
  };
  p.kernel.flops = [](const std::int64_t* extent, int, const std::int64_t*) {
    return flops_of_loops(extent, gate_flops);
  };
  return p;
}

// After both descriptions, which clang needs to have seen.
constexpr Value Recurrence::batch(const graph::Batching& b) {
  return RecurrentRows::apply<Recurrence>(b, 1 << 1 | 1 << 3);
}
constexpr Value RecurrenceGradient::batch(const graph::Batching& b) {
  return RecurrentRows::apply<RecurrenceGradient>(b, 1 << 2);
}

constexpr Value Recurrence::apply(Builder* b, const int* operands, int n, Cell c, bool reverse) {
  const std::array<std::int64_t, 3> a{std::int64_t(c), reverse ? 1 : 0, b->accurate ? 1 : 0};
  return {b, b->add(graph::primitive<Recurrence>, operands, n, a.data(), 3)};
}
constexpr Value Recurrence::pull(const Site& s, int i, Value ct) {
  Builder& g = *s.graph;
  const auto c = Cell(s.attribute(0));
  const bool reverse = s.attribute(1) != 0;
  const Value y = s.result(), first = s.operand(2), weight = s.operand(1);
  const int hidden = weight.extents()[1];
  const std::array<int, 6> operands{gates(c) > 1 ? further_result(y, 1).id : y.id, y.id, weight.id, first.id, ct.id,
                                    c == Cell::gru ? further_result(y, 2).id : -1};
  const std::array<std::int64_t, 3> attributes{s.attribute(0), s.attribute(1), s.attribute(2)};
  const Value d{
      &g, g.add(graph::primitive<RecurrenceGradient>, operands.data(), c == Cell::gru ? 6 : 5, attributes.data(), 3)};
  if (i == 0) return d;
  if (i == 2) return further_result(d, 1);
  if (i == 3) return graph::reshape_to(reduced<Sum>(further_result(d, 2), 3), s.operand(3).extents());
  // The weights multiply the state before each step: one product over all steps and rows, (gates · H, T B) × (T B, H).
  const Value before =
      ComposedRecurrence::states_before(graph::slice(y, 2, 0, hidden), graph::slice(first, 1, 0, hidden), reverse);
  Value gate = d;
  if (c == Cell::gru) {
    const std::array<int, 2> sides{graph::slice(d, 2, 0, 2 * hidden).id, further_result(d, 2).id};
    gate = graph::concatenate(&g, sides.data(), 2, 2);
  }
  constexpr std::array<std::int64_t, 3> last_first{2, 0, 1};
  const auto transposed = [&](Value v) {
    return Value{&g, g.add(graph::primitive<Permute>, &v.id, 1, last_first.data(), 3)};
  };
  return Contract::apply(&g, transposed(gate).id, transposed(before).id, 0, 2);
}

template <Cell C, bool Reverse> struct Recur {
  template <TypedSymbol... X> constexpr auto operator()(X... x) const {
    constexpr Dtype common = type_of(X::dtype...);
    return typed(as<common>(x)...);
  }
  template <class... X> requires graph::Untyped<X...> constexpr Value operator()(X... x) const {
    const Dtype common = type_of(x.dtype()...);
    return nodes(Value(graph::cast_to(x, common))...);
  }

 private:
  struct Attributes {
    static constexpr std::array<std::int64_t, 3> of(const auto&...) { return {std::int64_t(C), Reverse ? 1 : 0, 0}; }
  };
  static constexpr Dtype type_of(auto... d) {
    Dtype common = Dtype::boolean;
    ((common = promote(common, d)), ...);
    return is_floating(common) ? computed_as(common) : Dtype::float32;
  }
  template <Dtype D, class X> static constexpr auto as(X x) {
    if constexpr (X::dtype == D) return x;
    else return Apply<Cast<D>>{}(x);
  }
  template <class... X> static constexpr auto typed(X... x) {
    using R = ResultOf<Recurrence, Attributes, X...>;
    if constexpr (R::type.valid) return graph::SymOf<R>(nodes(Value(x)...));
    else return operand_shapes_do_not_fit<Recurrence, X...>{};
  }
  static constexpr Value nodes(auto... x) {
    const std::array<int, sizeof...(x)> ids{x.id...};
    return Recurrence::apply(graph::builder_of(x...), ids.data(), int(ids.size()), C, Reverse);
  }
};

/// The states after the last step [1, B, F], from those after every step [T, B, F] and the first ones [B, F]: of a
/// bounded sequence those at its length, or at its beginning if time runs backwards, or the first ones if it is empty.
template <bool Reverse> struct LastStates {
  template <class Y, class First> constexpr auto operator()(Y all, First first) const {
    const Value last = nodes(all, first);
    if constexpr (is_sym_v<Y>) return graph::SymOf<Last<Y>>(last);
    else return last;
  }

 private:
  static constexpr Shape one_step(Shape s) {
    s.set(0, 1);
    return s;
  }
  template <class Y> struct Last {
    static constexpr Type type{Y::dtype, one_step(Y::shape)};
  };
  static constexpr Value nodes(Value all, Value first) {
    Builder& g = *all.graph;
    const Shape s = all.extents();
    if (s.symbol(0) == 0) return graph::slice(all, 0, Reverse ? 0 : s[0] - 1, 1);
    const Value steps = graph::length(&g, s.symbol(0));
    Shape fixed = s, number;
    fixed.set(0, s[0]);
    for (int i = 0; i < s.rank; ++i) number.push(1);
    const Value last = Reverse ? graph::slice(graph::with_bounds(all, fixed), 0, 0, 1)
                               : gather(all, graph::reshape_to(steps - 1, number), 0);
    return select(steps > 0, last, graph::reshape_to(first, one_step(s)));
  }
};

}  // namespace sinter::ops

namespace sinter::inline SINTER_ABI {

/// A recurrent cell for one step after another, as one kernel whatever their number: the part of the gates that does
/// not depend on the state, with its biases [T, B, gates · H], the weights of the state [gates · H, H], its first value
/// [B, states · H], h and then c, and of a GRU the bias inside the product with the reset gate [H] → the states after
/// each step [T, B, states · H]. T may be bounded: as many steps run as its length says. Order of gates and formulas
/// are those of torch.nn.LSTM, GRU and RNN, whose layers (nn/recurrent.hpp) use it. For a cell of your own see `scan`.
template <ops::Cell Cell, bool Reverse = false, class... X> requires Operands<X...>
constexpr auto recurrence(X&&... x) { return call<ops::Recur<Cell, Reverse>>(std::forward<X>(x)...); }

}  // namespace sinter
