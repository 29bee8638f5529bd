// Contractions: (M, K) × (N, K) → (M, N) with batch axes; M, N and K may each be several axes. matmul and linear layers
// use them.
#pragma once
#include "permute.hpp"
#include "reduce.hpp"

namespace sinter::inline SINTER_ABI {

template <class A, class B> struct matmul_inner_extents_differ;    // undefined on purpose: the names are the errors
template <class A, class B> struct matmul_batch_extents_differ;
template <class A, class B> struct matmul_needs_operands_of_rank_1_or_more;
template <class A, class B, class Sums> struct matmul_cannot_sum_these_dtypes_in_the_one_named;

namespace ops {

/// a[batch…, m…, k…] · b[batch…, n…, k…] → [batch…, m…, n…]. attributes = {batch axes, contracted
/// axes}; and the dtype in which products are summed, which is the result's, where it is not the operands': int8 ·
/// int8 → int32, bfloat16 · bfloat16 → float32. A target decides where operands are widened.
///
/// After that may come a tag, which says what a target has written with the contraction, in numbers of its own: a
/// convolution, say. Its lowering gives it, after differentiation; passes keep it and show it to the target alone.
///
/// One order of axes suffices because a permutation is a view: kernels read operands by their strides.
struct Contract : graph::Registered<Contract> {
  static constexpr const char* name = "contract";
  static constexpr Type type(const Signature& s) {
    const Shape &a = s.shape(0), &b = s.shape(1);
    const int batch = int(s.attributes[0]), inner = int(s.attributes[1]);
    if (a.rank < batch + inner || b.rank < batch + inner || s.dtype(0) != s.dtype(1)) return Type::mismatch();
    Shape to;
    for (int i = 0; i < batch; ++i) {
      if (a[i] != b[i] || a.symbol(i) != b.symbol(i)) return Type::mismatch();
      to.push(a[i], a.symbol(i));
    }
    for (int i = 1; i <= inner; ++i)
      if (a[a.rank - i] != b[b.rank - i] || a.symbol(a.rank - i) != b.symbol(b.rank - i)) return Type::mismatch();
    if (batch + (a.rank - batch - inner) + (b.rank - batch - inner) > Shape::max_rank) return Type::mismatch();
    for (int i = batch; i < a.rank - inner; ++i) to.push(a[i], a.symbol(i));
    for (int i = batch; i < b.rank - inner; ++i) to.push(b[i], b.symbol(i));
    const Dtype sums = s.attribute_count > 2 ? Dtype(s.attributes[2]) : s.dtype(0);
    return holds(sums, s.dtype(0)) ? Type{sums, to} : Type::mismatch();
  }
  /// Whether products of a dtype may be summed in another.
  static constexpr bool holds(Dtype sums, Dtype operands) {
    return sums == operands || (promote(sums, operands) == sums && computed_as(sums) == sums);
  }
  static constexpr Primitive describe() {
    Primitive p{
        .name = name, .code = graph::code_of<Contract>, .kind = Kind::contract, .type = &type, .simplify = &simplify};
    p.vjp = [](const Site& s, int i, Value ct) { return pull(s, i, ct); };
    p.jvp = [](const Site& s, int i, Value tangent) {
      const std::array<int, 2> o{i == 0 ? tangent.id : s.operand(0).id, i == 1 ? tangent.id : s.operand(1).id};
      return apply(s.graph, o[0], o[1], int(s.attribute(0)), int(s.attribute(1)), s.result().dtype());
    };
    p.batch = &batch;
    p.flops = [](const Signature& s, const Shape& result) {
      double n = 2.0 * double(result.size());
      const Shape& a = s.shape(0);
      for (int i = 1; i <= int(s.attributes[1]); ++i) n *= a[a.rank - i];
      return n;
    };
    return p;
  }
  static constexpr Value apply(Builder* g, int a, int b, int batch, int inner) {
    return apply(g, a, b, batch, inner, (*g)[a].dtype);
  }
  /// The same, summed in this dtype, with a tag.
  static constexpr Value apply(Builder* g, int a, int b, int batch, int inner, Dtype sums, std::int64_t tag = 0) {
    const std::array<int, 2> o{a, b};
    const std::array<std::int64_t, 4> attributes{batch, inner, int(sums), tag};
    const int count = tag != 0 ? 4 : sums != (*g)[a].dtype ? 3 : 2;
    return {g, g->add(graph::primitive<Contract>, o.data(), 2, attributes.data(), count)};
  }
  /// 0 for none.
  static constexpr std::int64_t tag(const std::int64_t* attributes, int count) { return count > 3 ? attributes[3] : 0; }

 private:
  static constexpr Value simplify(Builder& b, const int* o, const std::int64_t* a, int count) {
    const Dtype sums = count > 2 ? Dtype(a[2]) : b[o[0]].dtype;
    const Value y = outer_product(b, o, int(a[0]), int(a[1]), sums);
    if (y.exists() || tag(a, count) != 0) return y;  // a tag may speak of the axes as they are
    return with_axes_split(b, o, a, sums);
  }
  /// With contracted extents of 1, (M, 1) × (N, 1) → (M, N) is an elementwise product, which fuses with its neighbours.
  static constexpr Value outer_product(Builder& b, const int* o, int batch, int inner, Dtype sums) {
    Shape x = b.shape(o[0]), y = b.shape(o[1]);
    for (int i = 1; i <= inner; ++i)
      if (x[x.rank - i] != 1 || x.symbol(x.rank - i) != 0) return {};
    const int rows = x.rank - batch - inner, columns = y.rank - batch - inner;
    if (rows == 0 || columns == 0) return {};
    x.rank -= inner;
    for (int i = 0; i < columns; ++i) x.push(1);
    Shape right;
    for (int i = 0; i < batch; ++i) right.push(y[i], y.symbol(i));
    for (int i = 0; i < rows; ++i) right.push(1);
    for (int i = 0; i < columns; ++i) right.push(y[batch + i], y.symbol(batch + i));
    return graph::cast_to(graph::reshape_to(Value{&b, o[0]}, x), sums) *
           graph::cast_to(graph::reshape_to(Value{&b, o[1]}, right), sums);
  }
  /// An axis merged from several only to be contracted (a flattened image) is contracted as several: [m, k] × [n, k]
  /// becomes [m, k1, k2…] × [n, k1, k2…], which needs no copy, whatever their order in memory.
  static constexpr Value with_axes_split(Builder& b, const int* o, const std::int64_t* a, Dtype sums) {
    if (a[1] != 1) return {};
    for (int k = 0; k < 2; ++k) {
      if (b[o[k]].op != &graph::primitive<Reshape> || o[k] < b.views_kept) continue;
      const int from = b.operands(o[k])[0], other = o[1 - k];
      const Shape whole = b.shape(o[k]), axes = b.shape(from);
      Shape split = b.shape(other);
      const int lines = whole.rank - 1, more = axes.rank - whole.rank;
      bool joins = more > 0 && split.rank + more <= Shape::max_rank && split.rank > 0 &&
                   split[split.rank - 1] == whole[lines] && split.symbol(split.rank - 1) == 0;
      for (int i = 0; i < lines && joins; ++i) joins = whole[i] == axes[i] && whole.symbol(i) == axes.symbol(i);
      for (int i = lines; i < axes.rank && joins; ++i) joins = axes.symbol(i) == 0;
      if (!joins) continue;
      --split.rank;
      for (int i = lines; i < axes.rank; ++i) split.push(axes[i]);
      const int opposite = graph::reshape_to(Value{&b, other}, split).id;
      return apply(&b, k == 0 ? from : opposite, k == 0 ? opposite : from, int(a[0]), axes.rank - lines, sums);
    }
    return {};
  }
  /// Batched a: (B M, K) × (N, K). Batched b: (M, K) × (B N, K), and the batch axis then moves to the front.
  static constexpr Value batch(const graph::Batching& b) {
    const int shared = int(b.attributes[0]), inner = int(b.attributes[1]);
    const Dtype sums = b.attribute_count > 2 ? Dtype(b.attributes[2]) : b.operand(0).dtype();
    const std::int64_t kept = tag(b.attributes, b.attribute_count);
    if (shared == 0 && b.mapped[1] == 0) return apply(b.graph, b.operands[0], b.operands[1], 0, inner, sums, kept);
    if (shared == 0 && b.mapped[0] == 0) {
      const Value y = apply(b.graph, b.operands[0], b.operands[1], 0, inner, sums, kept);
      const int rank = y.extents().rank, axis = b.rank(0) - inner;
      internals::Array<std::int64_t, Shape::max_rank> order{axis};
      for (int i = 0, n = 1; i < rank; ++i)
        if (i != axis) order[n++] = i;
      return {b.graph, b.graph->add(graph::primitive<Permute>, &y.id, 1, order.data(), rank)};
    }
    return apply(b.graph, graph::batched(b, 0).id, graph::batched(b, 1).id, shared + 1, inner, sums, kept);
  }
  /// Axis groups [0, p) [p, q) [q, rank) in the order first, third, second.
  static constexpr Value swap_tail(Value v, int p, int q) {
    internals::Array<std::int64_t, Shape::max_rank> order{};
    const int rank = v.extents().rank;
    int n = 0;
    for (int i = 0; i < p; ++i) order[n++] = i;
    for (int i = q; i < rank; ++i) order[n++] = i;
    for (int i = p; i < q; ++i) order[n++] = i;
    return {v.graph, v.graph->add(graph::primitive<Permute>, &v.id, 1, order.data(), rank)};
  }
  /// da[batch, m, k] = ct[batch, m, n] · b[batch, k, n];  db[batch, n, k] = ct[batch, n, m] · a[batch, k, m]. In the
  /// dtype of the sums, which is the cotangent's, and rounded to the operand's. The cotangent of sums that were rounded
  /// to the operands' dtype is of that dtype, and widened: products are then of narrow operands, as the forward ones.
  static constexpr Value pull(const Site& s, int i, Value ct) {
    const int batch = int(s.attribute(0)), inner = int(s.attribute(1));
    const Dtype to = s.operand(i).dtype(), sums = ct.dtype();
    if (const Value narrow = graph::before_widening(ct); narrow.dtype() == to) ct = narrow;
    const Value a = graph::cast_to(s.operand(0), ct.dtype()), b = graph::cast_to(s.operand(1), ct.dtype());
    const int m = a.extents().rank - batch - inner, n = b.extents().rank - batch - inner;
    if (i == 0) return graph::cast_to(apply(s.graph, ct.id, swap_tail(b, batch, batch + n).id, batch, n, sums), to);
    return graph::cast_to(
        apply(s.graph, swap_tail(ct, batch, batch + m).id, swap_tail(a, batch, batch + m).id, batch, m, sums), to);
  }
};

template <int Batch, int Inner> struct Axes {
  static constexpr std::array<std::int64_t, 2> of(const auto&...) { return std::array<std::int64_t, 2>{Batch, Inner}; }
};

/// The dtype of a product of tensors, and that in which it is summed. bool and narrow integers give int32, in which
/// they are summed; 16-bit floats are summed in float32 and rounded once, unless the caller names the dtype of sums.
struct PromotedSums {
  static constexpr bool holds(Dtype) { return true; }
  static constexpr Dtype result(Dtype d) { return is_half(d) ? d : computed_as(d); }
  static constexpr Dtype sums(Dtype d) { return computed_as(d); }
};
template <Dtype Sums> struct SumsIn {
  static constexpr bool holds(Dtype d) { return computed_as(Sums) == Sums && Contract::holds(Sums, d); }
  static constexpr Dtype result(Dtype) { return Sums; }
  static constexpr Dtype sums(Dtype) { return Sums; }
};

/// torch.matmul: the last two axes are matrices, those before them batches that broadcast; rank 1 is a vector.
template <class Sums = PromotedSums> struct Matmul {
  template <class A, class B> constexpr auto operator()(A a, B b) const {
    if constexpr (is_sym_v<A> && is_sym_v<B>) {
      if constexpr (A::shape.rank == 0 || B::shape.rank == 0) {
        return matmul_needs_operands_of_rank_1_or_more<A, B>{};
      } else {
        constexpr int inner = B::shape.rank == 1 ? 0 : B::shape.rank - 2;
        if constexpr (!Sums::holds(promote(A::dtype, B::dtype)))
          return matmul_cannot_sum_these_dtypes_in_the_one_named<A, B, Sums>{};
        else if constexpr (A::shape[A::shape.rank - 1] != B::shape[inner] ||
                      A::shape.symbol(A::shape.rank - 1) != B::shape.symbol(inner))
          return matmul_inner_extents_differ<A, B>{};
        else if constexpr (!result_type<A, B>().valid) return matmul_batch_extents_differ<A, B>{};
        else return graph::SymOf<Result<A, B>>(nodes(a, b));
      }
    } else {
      return nodes(graph::Value(a), graph::Value(b));
    }
  }

 private:
  static constexpr Type result_of(Dtype da, const Shape& a, Dtype db, const Shape& b) {
    Shape x, y, to;
    for (int i = 0; i + 2 < a.rank; ++i) x.push(a[i], a.symbol(i));
    for (int i = 0; i + 2 < b.rank; ++i) y.push(b[i], b.symbol(i));
    to = graph::broadcast(x, y);
    if (to.rank < 0) return Type::mismatch();
    if (a.rank > 1) to.push(a[a.rank - 2], a.symbol(a.rank - 2));
    if (b.rank > 1) to.push(b[b.rank - 1], b.symbol(b.rank - 1));
    return {Sums::result(promote(da, db)), to};
  }
  template <class A, class B> static constexpr Type result_type() {
    return result_of(A::dtype, A::shape, B::dtype, B::shape);
  }
  template <class A, class B> struct Result {
    static constexpr Type type = result_type<A, B>();
  };

  static constexpr Value nodes(Value a, Value b) {
    const Dtype d = promote(a.dtype(), b.dtype());
    if (!Sums::holds(d)) graph::operands_do_not_fit(graph::primitive<Contract>, {});
    return graph::cast_to(products(graph::cast_to(a, d), graph::cast_to(b, d), Sums::sums(d)), Sums::result(d));
  }
  /// (…, M, K) × (K, N) without batch axes in b is one contraction over all rows of a.
  static constexpr Value products(Value a, Value b, Dtype sums) {
    const Shape x = a.extents(), y = b.extents();
    if (y.rank > 1) b = Transpose{}(b);
    if (y.rank <= 2) return Contract::apply(a.graph, a.id, b.id, 0, 1, sums);
    Shape batch_a, batch_b;
    for (int i = 0; i + 2 < x.rank; ++i) batch_a.push(x[i], x.symbol(i));
    for (int i = 0; i + 2 < y.rank; ++i) batch_b.push(y[i], y.symbol(i));
    const Shape batch = graph::broadcast(batch_a, batch_b);
    if (batch.rank < 0) graph::operands_do_not_fit(graph::primitive<Contract>, {});
    Shape full_a = batch, full_b = batch;
    for (int i = x.rank > 1 ? x.rank - 2 : 0; i < x.rank; ++i) full_a.push(x[i], x.symbol(i));
    full_b.push(y[y.rank - 1], y.symbol(y.rank - 1));
    full_b.push(y[y.rank - 2], y.symbol(y.rank - 2));
    return Contract::apply(a.graph, graph::broadcast_to(a, full_a).id, graph::broadcast_to(b, full_b).id, batch.rank,
                           1, sums);
  }
};

}  // namespace ops

/// Matrix product (…, M, K) × (…, K, N) → (…, M, N), with torch.matmul's rules for batches and vectors. Sums
/// of narrow integers are int32, those of 16-bit floats are made in float32 and rounded.
template <class A, class B>
requires Operands<A, B>
constexpr auto matmul(A&& a, B&& b) { return call<ops::Matmul<>>(std::forward<A>(a), std::forward<B>(b)); }
/// The same, summed in a type that holds the operands', which is the result's: `matmul<float>(a, b)` of bfloat16 is not
/// rounded, `matmul<std::int64_t>(a, b)` of int8 does not overflow. Operands are widened as they are packed; a wide
/// copy is made of 16-bit floats alone, where it is read in place or by several products, as in a training step.
/// PyTorch: torch.mm(a, b, out_dtype=torch.float32), torch._int_mm.
template <Element Sums, class A, class B>
requires Operands<A, B>
constexpr auto matmul(A&& a, B&& b) {
  return call<ops::Matmul<ops::SumsIn<dtype_of<Sums>>>>(std::forward<A>(a), std::forward<B>(b));
}

}  // namespace sinter
