// Attention as primitives with kernels of their own: softmax(scale · q kᵀ +
// mask) v without the matrix of scores in memory, and its gradient.
//
// T. Dao, "FlashAttention-2: Faster Attention with Better Parallelism and Work
// Partitioning", 2023: softmax over tiles of keys with a running maximum and sum;
// the gradient computes the probabilities again from the logarithms of the sums.
#pragma once
#include "../contract.hpp"
#include "../exponential.hpp"
#include "../logical.hpp"
#include "plain.hpp"

namespace sinter::inline SINTER_ABI::ops {

/// Operands: queries, keys, values, and a mask (true: takes part; or numbers to be added) or none. Results: the values'
/// means; the logarithm of each query's sum of exponentials [batch…, G, Tq], ∞ where no key takes part, whose mean is
/// 0. attributes: AttentionGeometry.
struct Attention : graph::Registered<Attention> {
  static constexpr const char* name = "attention";
  static constexpr AttentionGeometry geometry(const Signature& s) {
    return AttentionGeometry::of(s.shape(1).rank, s.attributes);
  }
  static constexpr Type type(const Signature& s) {
    if ((s.count != 3 && s.count != 4) || !AttentionGeometry::fits(s)) return Type::mismatch();
    const AttentionGeometry g = geometry(s);
    return s.count == 3 || g.mask_fits(s, 3) ? Type{s.dtype(0), g.output(s)} : Type::mismatch();
  }
  static constexpr Type sums(const Signature& s, int) {
    const AttentionGeometry g = geometry(s);
    return {s.dtype(0), g.shape(s, g.batch + 2, [](int i) { return i; })};
  }
  static constexpr int loop(const Signature& s, int tensor, int axis) {
    const AttentionGeometry g = geometry(s);
    if (tensor == s.count) return g.output_loop(axis);
    if (tensor == s.count + 1) return axis;
    return tensor == 0   ? g.query_loop(axis)
           : tensor == 1 ? g.key_loop(axis, g.features())
           : tensor == 2 ? g.key_loop(axis, g.value_features())
                         : g.mask_loop(axis);
  }
  /// For each pair of a query and a key that it sees, so many multiplications and additions per feature of keys, and of
  /// values.
  static constexpr double products(const std::int64_t* extent, int loops, const std::int64_t* attributes, int keys,
                                   int values) {
    double pairs = attributes[1] != 0 ? 0.5 : 1;
    for (int l = 0; l + 2 < loops; ++l) pairs *= double(extent[l]);
    return 2 * pairs * (keys * double(extent[loops - 2]) + values * double(extent[loops - 1]));
  }
  static constexpr double flops_of_loops(const std::int64_t* extent, int loops, const std::int64_t* attributes) {
    return products(extent, loops, attributes, 1, 1);
  }
  /// The same from the shapes of queries, keys and values.
  template <class Op> static constexpr double flops(const Signature& s, const Shape&) {
    internals::Array<std::int64_t, Shape::max_rank + 5> extent{};
    for (int t = 0; t < 3; ++t)
      for (int i = 0; i < s.shape(t).rank; ++i) extent[Op::loop(s, t, i)] = s.shape(t)[i];
    return Op::flops_of_loops(extent.data(), geometry(s).value_features() + 1, s.attributes);
  }
  static constexpr Primitive describe();
  static constexpr Value apply(Builder* b, const int* operands, int n, const AttentionGeometry& g);
  /// The probabilities as a tensor [batch…, G, Tq, Tk], for rules that need them.
  static constexpr Value probabilities(const Site& s);
  /// d softmax: p ∘ (x − Σ p ∘ x) for the differentials x of scores, 0 for masked keys, whose values may be NaN.
  static constexpr Value differential(const Site& s, Value p, Value x);
  static constexpr Value pull(const Site& s, int i, Value ct);
  static constexpr Value push(const Site& s, int i, Value tangent);
  static constexpr Value batch(const graph::Batching& b);
};

/// Operands: those of the attention (the mask last), and before the mask its results and the cotangent of the first.
/// Results: cotangents of queries, keys and values, with the axis of time where the attention's result has it.
struct AttentionGradient : graph::Registered<AttentionGradient> {
  static constexpr const char* name = "attention_gradient";
  static constexpr Type result(const Signature& s, int r) {
    const AttentionGeometry g = Attention::geometry(s);
    if (r == 0)
      return {s.dtype(0),
              g.shape(s, g.batch + 3, [&](int i) { return g.moved(i, g.batch + 1, g.queries(), g.features()); })};
    const int last = r == 1 ? g.features() : g.value_features();
    return {s.dtype(0), g.shape(s, g.batch + 2, [&](int i) { return g.moved(i, g.batch, g.keys(), last); })};
  }
  static constexpr Type type(const Signature& s) {
    return (s.count == 6 || s.count == 7) && AttentionGeometry::fits(s) ? result(s, 0) : Type::mismatch();
  }
  static constexpr int loop(const Signature& s, int tensor, int axis) {
    const AttentionGeometry g = Attention::geometry(s);
    if (tensor >= s.count) {
      const int r = tensor - s.count, last = r == 2 ? g.value_features() : g.features();
      return r == 0 ? g.moved(axis, g.batch + 1, g.queries(), last) : g.moved(axis, g.batch, g.keys(), last);
    }
    switch (tensor) {
      case 0: return g.query_loop(axis);
      case 1: return g.key_loop(axis, g.features());
      case 2: return g.key_loop(axis, g.value_features());
      case 3:
      case 5: return g.output_loop(axis);
      default: return axis;  // sums, mask
    }
  }
  static constexpr Primitive describe() {
    Primitive p{.name = name, .code = graph::code_of<AttentionGradient>, .kind = Kind::kernel, .type = &type};
    p.kernel.results = 3;
    p.kernel.result_type = &result;
    p.kernel.loop = &loop;
    p.kernel.plain = [](const graph::Elements& e) { PlainAttention(e, e.operands == 7 ? 6 : -1, 5).backward(); };
    p.vjp = [](const Site&, int, Value) -> Value { further_results_have_no_derivative(); };
    p.jvp = [](const Site&, int, Value) -> Value { further_results_have_no_derivative(); };
    p.batch = &batch;
    p.flops = &Attention::flops<AttentionGradient>;
    p.kernel.flops = &flops_of_loops;
    return p;
  }
  static constexpr double flops_of_loops(const std::int64_t* extent, int loops, const std::int64_t* attributes) {
    return Attention::products(extent, loops, attributes, 3, 2);
  }
  static constexpr Value apply(Builder* b, const int* operands, int n, const AttentionGeometry& g);
  static constexpr Value batch(const graph::Batching& b);
};

constexpr Primitive Attention::describe() {
  Primitive p{.name = name, .code = graph::code_of<Attention>, .kind = Kind::kernel, .type = &type};
  p.kernel.results = 2;
  p.kernel.result_type = &sums;
  p.kernel.loop = &loop;
  p.kernel.plain = [](const graph::Elements& e) { PlainAttention(e, e.operands == 4 ? 3 : -1, -1).forward(); };
  p.vjp = &pull;
  p.jvp = &push;
  p.batch = &batch;
  p.flops = &flops<Attention>;
  p.kernel.flops = &flops_of_loops;
  return p;
}

constexpr Value Attention::apply(Builder* b, const int* operands, int n, const AttentionGeometry& g) {
  const auto a = g.attributes();
  return {b, b->add(graph::primitive<Attention>, operands, n, a.data(), AttentionGeometry::numbers)};
}
constexpr Value AttentionGradient::apply(Builder* b, const int* operands, int n, const AttentionGeometry& g) {
  const auto a = g.attributes();
  return {b, b->add(graph::primitive<AttentionGradient>, operands, n, a.data(), AttentionGeometry::numbers)};
}
/// One more axis in front of every operand.
template <class Op> constexpr Value batched_attention(const graph::Batching& b) {
  graph::List<int> operands;
  for (int i = 0; i < b.count; ++i) operands.push(graph::batched(b, i).id);
  AttentionGeometry g = AttentionGeometry::of(b.rank(1), b.attributes);
  ++g.time;
  return Op::apply(b.graph, operands.data(), b.count, g);
}
constexpr Value Attention::batch(const graph::Batching& b) { return batched_attention<Attention>(b); }
constexpr Value AttentionGradient::batch(const graph::Batching& b) { return batched_attention<AttentionGradient>(b); }

/// v with its axis `from` moved to `to`, the others in their order.
constexpr Value with_axis_at(Value v, int from, int to) {
  internals::Array<std::int64_t, Shape::max_rank> order{};
  const int rank = v.extents().rank;
  for (int i = 0, j = 0; i < rank; ++i) {
    if (i == to) {
      order[i] = from;
      continue;
    }
    if (j == from) ++j;
    order[i] = j++;
  }
  return {v.graph, v.graph->add(graph::primitive<Permute>, &v.id, 1, order.data(), rank)};
}

constexpr Value Attention::pull(const Site& s, int i, Value ct) {
  const AttentionGeometry g = AttentionGeometry::of(s.operand(1).extents().rank, s.graph->attributes(s.id));
  const bool masked = s.operands() == 4;
  if (i == 3 && s.operand(3).dtype() == Dtype::boolean) return {};
  if (i == 3) {  // as large as the matrix of scores
    const Value p = probabilities(s), each = with_axis_at(ct, g.time < g.batch + 1 ? g.time : g.batch + 1, g.queries());
    const Value products = Contract::apply(s.graph, each.id, s.operand(2).id, g.batch, 1);
    return differential(s, p, products);
  }
  const std::array<int, 7> operands{s.operand(0).id,
                                    s.operand(1).id,
                                    s.operand(2).id,
                                    s.id,
                                    further_result(s.result(), 1).id,
                                    ct.id,
                                    masked ? s.operand(3).id : -1};
  const Value dq = AttentionGradient::apply(s.graph, operands.data(), masked ? 7 : 6, g);
  if (i == 0) return with_axis_at(dq, g.time < g.batch + 1 ? g.time : g.batch + 1, g.batch + 1);
  return with_axis_at(further_result(dq, i), g.time < g.batch ? g.time : g.batch, g.batch);
}

/// [batch…, G, Tq, Tk] = q kᵀ: keys are the columns.
constexpr Value scores_of(Value q, Value k, const AttentionGeometry& g) {
  return Contract::apply(q.graph, q.id, k.id, g.batch, 1) * g.scale;
}

/// x broadcast to the scores' shape, and another number where a key is masked.
constexpr Value where_seen(Value x, Value mask, const AttentionGeometry& g, double otherwise) {
  const Shape all = x.extents();
  if (mask.exists() && mask.dtype() == Dtype::boolean) x = select(mask, x, otherwise);
  else if (mask.exists()) x = select(mask == -infinity<double>, otherwise, x);
  if (g.causal) {
    Shape row, column;
    row.push(all[g.queries()], all.symbol(g.queries()));
    row.push(1);
    column.push(all[g.keys()], all.symbol(g.keys()));
    const Value i = graph::reshape_to(graph::iota(x.graph, row[0], row.symbol(0)), row);
    const Value j = graph::iota(x.graph, column[0], column.symbol(0));
    x = select(j <= i, x, otherwise);
  }
  return x;
}
/// The scores with the mask, if any, applied; −∞ where a key does not take part.
constexpr Value masked_scores(Value q, Value k, Value mask, const AttentionGeometry& g) {
  Value x = scores_of(q, k, g);
  if (mask.exists() && mask.dtype() != Dtype::boolean) x = x + mask;
  return where_seen(x, mask, g, -infinity<double>);
}

constexpr Value Attention::probabilities(const Site& s) {
  const AttentionGeometry g = AttentionGeometry::of(s.operand(1).extents().rank, s.graph->attributes(s.id));
  const Value mask = s.operands() == 4 ? s.operand(3) : Value{}, x = masked_scores(s.operand(0), s.operand(1), mask, g);
  const Value sums = further_result(s.result(), 1);
  Shape last = sums.extents();
  last.push(1);
  return where_seen(exp(x - graph::reshape_to(sums, last)), mask, g, 0);  // a sum may be NaN
}

constexpr Value Attention::differential(const Site& s, Value p, Value x) {
  const AttentionGeometry g = AttentionGeometry::of(s.operand(1).extents().rank, s.graph->attributes(s.id));
  const Value mask = s.operands() == 4 ? s.operand(3) : Value{};
  const Value mean = reduced<Sum>(where_seen(p * x, mask, g, 0), std::int64_t(1) << g.keys());
  return where_seen(p * (x - mean), mask, g, 0);
}

/// d(P v) = P ∘ (ds − Σ P ds) v + P dv.
constexpr Value Attention::push(const Site& s, int i, Value tangent) {
  const AttentionGeometry g = AttentionGeometry::of(s.operand(1).extents().rank, s.graph->attributes(s.id));
  if (i == 3 && s.operand(3).dtype() == Dtype::boolean) return {};
  Value p = probabilities(s), v = s.operand(2);
  if (i == 2) {
    v = tangent;
  } else {
    const Value ds = i == 3 ? tangent : scores_of(i == 0 ? tangent : s.operand(0), i == 1 ? tangent : s.operand(1), g);
    p = differential(s, p, ds);
  }
  const Value y = Contract::apply(s.graph, p.id, with_axis_at(v, g.batch, g.batch + 1).id, g.batch, 1);
  return with_axis_at(y, g.batch + 1, g.time < g.batch + 1 ? g.time : g.batch + 1);
}

}  // namespace sinter::ops
