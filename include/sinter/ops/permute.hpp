// Axes in another order.
#pragma once
#include "apply.hpp"

namespace sinter::inline SINTER_ABI {
namespace ops {

/// Result axis i is operand axis attribute[i].
struct Permute : View<Permute> {
  static constexpr const char* name = "permute";
  static constexpr Type type(const Signature& s) {
    const Shape& from = s.shape(0);
    if (s.attribute_count != from.rank) return Type::mismatch();
    Shape to;
    unsigned seen = 0;
    for (int i = 0; i < from.rank; ++i) {
      const int axis = int(s.attributes[i]);
      if (axis < 0 || axis >= from.rank || (seen >> axis & 1u) != 0) return Type::mismatch();
      seen |= 1u << axis;
      to.push(from[axis], from.symbol(axis));
    }
    return {s.dtype(0), to};
  }
  static constexpr Value pull(const Site& s, Value ct) {
    internals::Array<std::int64_t, Shape::max_rank> inverse{};
    for (int i = 0; i < s.attributes(); ++i) inverse[s.attribute(i)] = i;
    return {s.graph, s.graph->add(graph::primitive<Permute>, &ct.id, 1, inverse.data(), s.attributes())};
  }
  static constexpr Value batch(const graph::Batching& b) {
    internals::Array<std::int64_t, Shape::max_rank + 1> order{};
    for (int i = 0; i < b.attribute_count; ++i) order[i + 1] = b.attributes[i] + 1;
    return {b.graph, b.graph->add(graph::primitive<Permute>, b.operands, 1, order.data(), b.attribute_count + 1)};
  }
  static constexpr bool view(graph::Layout& l, const Signature& s, const Shape&) {
    std::int64_t from[Shape::max_rank]{};
    for (int i = 0; i < s.attribute_count; ++i) from[i] = l.stride[i];
    for (int i = 0; i < s.attribute_count; ++i) l.stride[i] = from[s.attributes[i]];
    l.gapless = false;
    return true;
  }
  static constexpr Value simplify(Builder& b, const int* o, const std::int64_t* a, int m) {
    bool still = m == b.shape(o[0]).rank;
    for (int i = 0; i < m; ++i) still = still && a[i] == i;
    if (still) return {&b, o[0]};
    if (b[o[0]].op != &graph::primitive<Permute> || m != b.shape(o[0]).rank) return {};
    internals::Array<std::int64_t, Shape::max_rank> both{};
    for (int i = 0; i < m; ++i) both[i] = b.attributes(o[0])[a[i]];
    const int inner = b.operands(o[0])[0];
    return {&b, b.add(graph::primitive<Permute>, &inner, 1, both.data(), m)};
  }
};

template <int... Axes> struct AxisOrder {
  static constexpr auto of(const Shape& s) {
    const int rank = s.rank;
    return std::array<std::int64_t, sizeof...(Axes)>{(Axes < 0 ? Axes + rank : Axes)...};
  }
};

/// The axes in the order of the first `rank` numbers.
constexpr Value permuted(Value v, const internals::Array<std::int64_t, Shape::max_rank>& order) {
  return {v.graph, v.graph->add(graph::primitive<Permute>, &v.id, 1, order.data(), v.extents().rank)};
}

/// Swaps the last two axes.
struct Transpose {
  template <class X> struct Order {
    static constexpr auto of(const Shape&) {
      internals::Array<std::int64_t, X::shape.rank> order{};
      for (int i = 0; i < X::shape.rank; ++i) order[i] = axis(X::shape.rank, i);
      return order;
    }
  };
  template <class X> constexpr auto operator()(X x) const {
    if constexpr (is_sym_v<X>) {
      return Apply<Permute, Order<X>>{}(x);
    } else {
      internals::Array<std::int64_t, Shape::max_rank> order{};
      const int rank = x.extents().rank;
      for (int i = 0; i < rank; ++i) order[i] = axis(rank, i);
      return permuted(x, order);
    }
  }

 private:
  static constexpr int axis(int rank, int i) { return rank < 2 || i < rank - 2 ? i : 2 * rank - 3 - i; }
};

}  // namespace ops

namespace graph {

/// [A, B, …] as [B, A, …].
constexpr Value swap_first_axes(Value v) {
  internals::Array<std::int64_t, Shape::max_rank> order{1, 0};
  const int rank = v.extents().rank;
  for (int i = 2; i < rank; ++i) order[i] = i;
  return {v.graph, v.graph->add(primitive<ops::Permute>, &v.id, 1, order.data(), rank)};
}

}  // namespace graph

/// Axes in another order: `permute<0, 2, 1>(x)`. PyTorch: torch.permute.
template <int... Axes, Operand X>
constexpr graph::Result<ops::Apply<ops::Permute, ops::AxisOrder<Axes...>>, X> permute(X&& x) {
  return call<ops::Apply<ops::Permute, ops::AxisOrder<Axes...>>>(std::forward<X>(x));
}

/// The last two axes swapped. PyTorch: x.mT.
template <Operand X> constexpr auto transpose(X&& x) { return call<ops::Transpose>(std::forward<X>(x)); }
/// Two axes swapped; a negative one counts from the end. PyTorch: torch.transpose(x, 0, 1).
template <int First, int Second, Operand X> constexpr auto transpose(X&& x) {
  constexpr int rank = symbol_of<X>::shape.rank, a = First < 0 ? First + rank : First,
                b = Second < 0 ? Second + rank : Second;
  return [&]<int... Axis>(std::integer_sequence<int, Axis...>) {
    return permute<(Axis == a ? b : Axis == b ? a : Axis)...>(std::forward<X>(x));
  }(std::make_integer_sequence<int, rank>{});
}

}  // namespace sinter
