// Attention: means of values, weighted by how well keys agree with queries.
#pragma once
#include "attention/primitive.hpp"
#include "derivative.hpp"
#include "extrema.hpp"
#include "options.hpp"
#include "random.hpp"

namespace sinter::inline SINTER_ABI {

/// How attention is computed, with the names and defaults of torch.nn.functional.scaled_dot_product_attention.
struct AttentionOptions {
  bool is_causal = false;   ///< query i sees keys 0 … i
  double scale = 0;         ///< of the products of queries and keys; 0 means 1/√D
  bool enable_gqa = false;  ///< key and value heads divide the query heads; each is shared by consecutive query heads
  double dropout_p = 0;     ///< of the weights, in training steps; there it implies `composed`
  bool composed = false;    ///< softmax(q kᵀ) v by separate operations: the weights are in memory, and there are
                            ///< derivatives of every order
  bool operator==(const AttentionOptions&) const = default;
};

// Undefined on purpose: the names are the errors.
template <class Queries, class Keys, class Values> struct attention_needs_operands_of_the_last_axes_time_and_features;
template <class Queries, class Keys> struct attention_features_of_queries_and_keys_differ;
template <class Keys, class Values> struct attention_needs_as_many_values_as_keys;
template <class Queries, class Keys, class Values> struct attention_heads_or_batches_do_not_fit_together;
template <class Mask, class Scores> struct attention_mask_does_not_broadcast_to_the_scores;
template <class X, int Heads> struct heads_must_divide_the_features_of_their_attention;

namespace ops {

/// Shapes of an attention as the user writes them: [..., heads, time, features].
struct AttentionShapes {
  bool features = false, times = false, leading = false;
  Shape lead;  ///< leading axes of queries, keys and values, broadcast; without those of grouped heads
  int heads = 1,
      group = 1;  ///< of keys and values; queries' heads for each of them (1 and 1 where heads are just another axis)
  bool grouped = false;

  static constexpr Shape before(const Shape& s, int last) {
    Shape to;
    for (int i = 0; i + last < s.rank; ++i) to.push(s[i], s.symbol(i));
    return to;
  }
  static constexpr AttentionShapes of(const Shape& q, const Shape& k, const Shape& v, bool grouped) {
    AttentionShapes r;
    r.grouped = grouped;
    const int last = grouped ? 3 : 2;
    if (q.rank < last || k.rank < last || v.rank < last) return r;
    const int d = q.rank - 1;
    r.features = q[d] == k[k.rank - 1] && q.symbol(d) == 0 && k.symbol(k.rank - 1) == 0 && v.symbol(v.rank - 1) == 0;
    r.times = k[k.rank - 2] == v[v.rank - 2] && k.symbol(k.rank - 2) == v.symbol(v.rank - 2);
    r.lead = graph::broadcast(before(q, last), before(k, last));
    if (r.lead.rank >= 0) r.lead = graph::broadcast(r.lead, before(v, last));
    r.leading = r.lead.rank >= 0 && r.lead.rank + last <= 7;
    if (grouped && r.leading) {
      r.heads = k[k.rank - 3];
      r.leading = r.heads > 0 && v[v.rank - 3] == r.heads && q[q.rank - 3] % r.heads == 0 &&
                  q.symbol(q.rank - 3) == 0 && k.symbol(k.rank - 3) == 0;
      r.group = r.leading ? q[q.rank - 3] / r.heads : 1;
    }
    return r;
  }
  /// lead, heads, and what follows.
  constexpr Shape with(bool groups, const Shape& of, int first) const {
    Shape to = lead;
    if (grouped) to.push(heads);
    if (groups) to.push(group);
    for (int i = of.rank - first; i < of.rank; ++i) to.push(of[i], of.symbol(i));
    return to;
  }
  /// [..., heads, Tq, Tk or Dv].
  constexpr Shape joined(const Shape& q, int last, int symbol) const {
    Shape to = lead;
    if (grouped) to.push(heads * group);
    to.push(q[q.rank - 2], q.symbol(q.rank - 2));
    to.push(last, symbol);
    return to;
  }
};

/// `Heads`: the result is [..., Tq, heads · Dv] instead of [..., heads, Tq, Dv].
template <AttentionOptions Options, bool Heads = false> struct ScaledDotProduct {
  static_assert(Options.dropout_p >= 0 && Options.dropout_p <= 1, "dropout_p of an attention must be 0 … 1");
  // Named: clang reads an option that follows padding wrong where a graph is made at run time.
  static constexpr double scale = Options.scale, dropout_p = Options.dropout_p;

  template <class Q, class K, class V> constexpr auto operator()(Q q, K k, V v) const {
    return with_mask(q, k, v, Value{});
  }
  template <class Q, class K, class V, class M> constexpr auto operator()(Q q, K k, V v, M mask) const {
    if constexpr (is_sym_v<Q> && is_sym_v<K> && is_sym_v<V> && is_sym_v<M>) {
      constexpr AttentionShapes s = AttentionShapes::of(Q::shape, K::shape, V::shape, Options.enable_gqa);
      if constexpr (s.features && s.times && s.leading) {
        if constexpr (!(graph::broadcast(M::shape, Scores<Q, K, V>::type.shape) == Scores<Q, K, V>::type.shape))
          return attention_mask_does_not_broadcast_to_the_scores<M, graph::SymOf<Scores<Q, K, V>>>{};
        else return with_mask(q, k, v, mask);
      } else {
        return with_mask(q, k, v, mask);
      }
    } else {
      return with_mask(q, k, v, mask);
    }
  }

 private:
  static constexpr Dtype result_dtype(Dtype q, Dtype k, Dtype v) {
    const Dtype d = promote(promote(q, k), v);
    return is_floating(d) ? d : Dtype::float32;
  }
  template <class Q, class K, class V> struct Scores {
    static constexpr Type type{result_dtype(Q::dtype, K::dtype, V::dtype),
                               AttentionShapes::of(Q::shape, K::shape, V::shape, Options.enable_gqa)
                                   .joined(Q::shape, K::shape[K::shape.rank - 2], K::shape.symbol(K::shape.rank - 2))};
  };
  static constexpr Shape result_shape(const Shape& q, const Shape& k, const Shape& v) {
    const Shape each = AttentionShapes::of(q, k, v, Options.enable_gqa).joined(q, v[v.rank - 1], 0);
    if (!Heads) return each;
    Shape to;
    for (int i = 0; i + 3 < each.rank; ++i) to.push(each[i], each.symbol(i));
    to.push(each[each.rank - 2], each.symbol(each.rank - 2));
    to.push(each[each.rank - 3] * each[each.rank - 1]);
    return to;
  }
  template <class Q, class K, class V> struct Means {
    static constexpr Type type{result_dtype(Q::dtype, K::dtype, V::dtype), result_shape(Q::shape, K::shape, V::shape)};
  };

  template <class Q, class K, class V> static constexpr auto with_mask(Q q, K k, V v, Value mask) {
    if constexpr (is_sym_v<Q> && is_sym_v<K> && is_sym_v<V>) {
      constexpr AttentionShapes s = AttentionShapes::of(Q::shape, K::shape, V::shape, Options.enable_gqa);
      constexpr int least = Options.enable_gqa || Heads ? 3 : 2;
      if constexpr (Q::shape.rank < least || K::shape.rank < least || V::shape.rank < least)
        return attention_needs_operands_of_the_last_axes_time_and_features<Q, K, V>{};
      else if constexpr (!s.features) return attention_features_of_queries_and_keys_differ<Q, K>{};
      else if constexpr (!s.times) return attention_needs_as_many_values_as_keys<K, V>{};
      else if constexpr (!s.leading) return attention_heads_or_batches_do_not_fit_together<Q, K, V>{};
      else return graph::SymOf<Means<Q, K, V>>(nodes(q, k, v, mask));
    } else {
      return nodes(q, k, v, mask);
    }
  }

  static constexpr Value nodes(Value q, Value k, Value v, Value mask) {
    const Shape shape = q.extents(), keys = k.extents(), values = v.extents();
    const AttentionShapes s = AttentionShapes::of(shape, keys, values, Options.enable_gqa);
    if (!s.features || !s.times || !s.leading) graph::operands_do_not_fit(graph::primitive<Attention>, {});
    const Dtype d = result_dtype(q.dtype(), k.dtype(), v.dtype()), wide = computed_as(d);
    // Queries as [lead…, heads, group, time, features], keys and values without the group.
    Shape split_shape = AttentionShapes::before(shape, s.grouped ? 3 : 2);
    if (s.grouped) split_shape.push(s.heads);
    split_shape.push(s.group);
    for (int i = shape.rank - 2; i < shape.rank; ++i) split_shape.push(shape[i], shape.symbol(i));
    q = graph::broadcast_to(graph::reshape_to(graph::cast_to(q, wide), split_shape), s.with(true, shape, 2));
    k = graph::broadcast_to(graph::cast_to(k, wide), s.with(false, keys, 2));
    v = graph::broadcast_to(graph::cast_to(v, wide), s.with(false, values, 2));
    if (mask.exists()) {
      if (mask.dtype() != Dtype::boolean) mask = graph::cast_to(mask, wide);
      Shape scores = s.joined(shape, keys[keys.rank - 2], keys.symbol(keys.rank - 2));
      mask = graph::broadcast_to(mask, scores);
      const int time = scores.rank - 2;
      split_shape = s.with(true, scores, 0);
      for (int i = time; i < scores.rank; ++i) split_shape.push(scores[i], scores.symbol(i));
      mask = graph::reshape_to(mask, split_shape);
    }
    const int batch = k.extents().rank - 2, features = keys[keys.rank - 1];
    const AttentionGeometry g{batch, Heads ? batch - 1 : batch + 1, Options.is_causal,
                              scale != 0 ? scale : 1 / square_root(features > 0 ? features : 1)};
    const bool drops = dropout_p > 0 && q.graph->training;
    const std::array<int, 4> operands{q.id, k.id, v.id, mask.id};
    const Value y = Options.composed || drops || features > AttentionGeometry::widest ||
                            values[values.rank - 1] > AttentionGeometry::widest
                        ? composed(q, k, v, mask, g)
                        : Attention::apply(q.graph, operands.data(), mask.exists() ? 4 : 3, g);
    return graph::cast_to(graph::reshape_to(y, result_shape(shape, keys, values)), d);
  }

  /// A row without keys has the sum 0 and the mean 0.
  static constexpr Value composed(Value q, Value k, Value v, Value mask, const AttentionGeometry& g) {
    const Value x = masked_scores(q, k, mask, g), top = stop_gradient(reduced<Amax>(x, std::int64_t(1) << g.keys()));
    const Value e = exp(x - select(isfinite(top), top, 0.0)), sum = reduced<Sum>(e, std::int64_t(1) << g.keys());
    Value p = e * (1.0 / select(sum == 0.0, 1.0, sum));
    if (dropout_p > 0 && q.graph->training) p = graph::dropped(p, dropout_p);
    const Value y = Contract::apply(q.graph, p.id, with_axis_at(v, g.batch, g.batch + 1).id, g.batch, 1);
    return with_axis_at(y, g.queries(), g.time < g.queries() ? g.time : g.queries());
  }
  static constexpr double square_root(double x) {
    double y = x;
    for (int i = 0; i < 64; ++i) y = (y + x / y) / 2;
    return y;
  }
};

/// [..., T, E] → [..., Heads, T, E / Heads].
template <int Heads> struct SplitHeads {
  template <class X> constexpr auto operator()(X x) const {
    if constexpr (is_sym_v<X>) {
      if constexpr (X::shape.rank < 2 || X::shape[X::shape.rank - 1] % Heads != 0)
        return heads_must_divide_the_features_of_their_attention<X, Heads>{};
      else return graph::SymOf<Split<X>>(nodes(x));
    } else {
      return nodes(x);
    }
  }

 private:
  static constexpr Value nodes(Value x) {
    return with_axis_at(graph::reshape_to(x, split_heads(x.extents())), x.extents().rank - 1, x.extents().rank - 2);
  }
  static constexpr Shape split_heads(const Shape& from) {
    Shape to;
    for (int i = 0; i + 1 < from.rank; ++i) to.push(from[i], from.symbol(i));
    to.push(Heads);
    to.push(from[from.rank - 1] / Heads);
    return to;
  }
  template <class X> struct Split {
    static constexpr Type type = [] {
      Shape to = split_heads(X::shape);
      const int last = to.rank - 2;
      to.set(last, to[last - 1], to.symbol(last - 1));
      to.set(last - 1, Heads);
      return Type{X::dtype, to};
    }();
  };
};

template <int Heads, AttentionOptions Options> struct MultiHead {
  constexpr auto operator()(auto q, auto k, auto v, auto... mask) const {
    return ScaledDotProduct<Options, true>{}(SplitHeads<Heads>{}(q), SplitHeads<Heads>{}(k), SplitHeads<Heads>{}(v),
                                             mask...);
  }
};

}  // namespace ops

/// softmax(q kᵀ · scale) v for queries [..., Tq, D], keys [..., Tk, D], values [..., Tk, Dv] → [..., Tq, Dv]; leading
/// axes broadcast. One kernel, whose memory grows with Tq + Tk:
/// `scaled_dot_product_attention<IsCausal>(q, k, v)`. Bounded time axes keep their lengths:
/// what is past them is not computed. Differences: the mean of a query whose keys are all masked is 0 (in the composed
/// form too); keys and values must have equally many heads. PyTorch: torch.nn.functional.scaled_dot_product_attention.
template <AttentionOptions First = AttentionOptions{}, auto... More, class Q, class K, class V>
requires Operands<Q, K, V>
constexpr auto scaled_dot_product_attention(Q&& q, K&& k, V&& v) {
  return call<ops::ScaledDotProduct<ops::options<AttentionOptions, First, More...>>>(
      std::forward<Q>(q), std::forward<K>(k), std::forward<V>(v));
}
/// With a mask that broadcasts to [..., Tq, Tk]: of bool, true where a key takes part (for padded keys [B, 1, 1, Tk]),
/// or of numbers that are added to the scaled products.
template <AttentionOptions First = AttentionOptions{}, auto... More, class Q, class K, class V, class M>
requires Operands<Q, K, V, M>
constexpr auto scaled_dot_product_attention(Q&& q, K&& k, V&& v, M&& mask) {
  return call<ops::ScaledDotProduct<ops::options<AttentionOptions, First, More...>>>(
      std::forward<Q>(q), std::forward<K>(k), std::forward<V>(v), std::forward<M>(mask));
}

/// The same for each of Heads parts of the features: queries [..., Tq, E], keys and values [..., Tk, E] → [..., Tq, E],
/// as between the projections of PyTorch's torch.nn.MultiheadAttention. A mask broadcasts to [..., Heads, Tq, Tk].
/// They may be slices of one tensor; nothing is copied.
template <int Heads, AttentionOptions First = AttentionOptions{}, auto... More, class Q, class K, class V, class... M>
requires(Operands<Q, K, V, M...> && sizeof...(M) <= 1) constexpr auto multi_head_attention(Q&& q, K&& k, V&& v,
                                                                                           M&&... mask) {
  return call<ops::MultiHead<Heads, ops::options<AttentionOptions, First, More...>>>(
      std::forward<Q>(q), std::forward<K>(k), std::forward<V>(v), std::forward<M>(mask)...);
}

}  // namespace sinter
