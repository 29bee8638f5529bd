// Parts of symbols and of expressions, `x(2)`, `x(range<>, range<1, 8>)`: the same types as parts of tensors
// (tensor/indexing.hpp) have.
#pragma once
#include "concatenate.hpp"
#include "gather.hpp"

namespace sinter::inline SINTER_ABI {

namespace ops {

/// Not constexpr on purpose: where a traced function is compiled the name is the error.
template <class X> [[noreturn]] SINTER_COLD void index_of_a_traced_value_is_out_of_range(int axis, std::int64_t index,
                                                                                         int extent) {
  tensor_detail::index_out_of_range(axis, index, extent, extent);
}

/// Operands: x, then one integer, of int64 and rank 0, for each axis that is not given by a range. `Index` has for each
/// of the first axes a `Range` or std::int64_t. An integer that is a number makes a slice; one that is computed, or an
/// index of a bounded axis, whose length is known at run time, makes a gather.
template <class... Index> struct Part {
  template <class X> constexpr auto operator()(X x, auto... integer) const {
    const std::array<Value, sizeof...(integer)> at{Value(integer)...};
    const Value v = nodes<X>(x, at.data());
    if constexpr (is_sym_v<X>) return typename SymbolOf<X>::type(v);
    else return v;
  }

 private:
  template <class X> struct SymbolOf;
  template <class T, auto... E> struct SymbolOf<Sym<T, E...>> {
    using Kept = typename tensor_detail::Selected<tensor_detail::Extents<>, std::tuple<Index...>,
                                                  tensor_detail::Extents<E...>>::type;
    using type = typename Kept::template Symbol<T>;
  };

  template <class X> static constexpr Value nodes(Value v, const Value* integer) {
    Shape kept;
    int axis = 0;
    const auto take = [&]<class Each>(std::type_identity<Each>) {
      const int n = v.extents()[axis];
      const int symbol = v.extents().symbol(axis);
      if constexpr (!tensor_detail::is_range_v<Each>) {
        v = at<X>(v, axis, *integer++);
      } else {
        if (Each::count(n) != n || symbol == 0)
          v = graph::slice(v, axis, Each::first(n), Each::count(n), Each::step);
        kept.push(Each::count(n), symbol);
      }
      ++axis;
    };
    (take(std::type_identity<Index>{}), ...);
    for (; axis < v.extents().rank; ++axis) kept.push(v.extents()[axis], v.extents().symbol(axis));
    return graph::reshape_to(v, kept);
  }
  /// The elements at one position of an axis, which stays with extent 1.
  template <class X> static constexpr Value at(Value v, int axis, Value index) {
    Builder& g = *v.graph;
    const Shape s = v.extents();
    const int symbol = s.symbol(axis);
    if (g.is_constant(index.id) && symbol == 0) {
      const auto i = std::int64_t(g.constant_value(index.id));
      if (i < -s[axis] || i >= s[axis]) index_of_a_traced_value_is_out_of_range<X>(axis, i, s[axis]);
      return graph::slice(v, axis, int(i < 0 ? i + s[axis] : i), 1);
    }
    const Value length = symbol != 0 ? graph::cast_to(graph::length(&g, symbol), Dtype::int64)
                                     : Value{&g, g.constant(s[axis], Dtype::int64)};
    const Value position = select(index < 0, index + length, index);
    graph::expect(position, "index of an axis, counted from its start,", 0, s[axis], {}, symbol);
    Shape one;
    for (int i = 0; i < s.rank; ++i) one.push(1);
    return ops::gather(v, graph::reshape_to(position, one), axis);
  }
};

/// Whether each range on a bounded axis is the whole of it.
template <class X> struct RangesFit;
template <class T, auto... E> struct RangesFit<Sym<T, E...>> {
  template <class... Index> static constexpr bool of =
      tensor_detail::ranges_fit<E...>(static_cast<void (*)(Index...)>(nullptr));
};

/// What a part is made of, for an index: a `Range` or int64.
template <class Index> using IndexKind =
    std::conditional_t<tensor_detail::is_range_v<Index>, Index, std::int64_t>;
template <class Index> constexpr auto integer_of(const Index& index) {
  if constexpr (tensor_detail::is_range_v<Index>) return std::tuple<>{};
  else return std::tuple{graph::NumberLeaf<std::int64_t>{std::int64_t(index)}};
}

}  // namespace ops

namespace graph {

template <class X, class... Index> constexpr auto part(const X& x, Index... index) {
  const auto of_numbers = [&x](auto... number) { return call<ops::Part<ops::IndexKind<Index>...>>(x, number...); };
  if constexpr (Untyped<X>) {
    return std::apply(of_numbers, std::tuple_cat(ops::integer_of(index)...));
  } else {
    using S = symbol_of<X>;
    if constexpr (int(sizeof...(Index)) > S::shape.rank)
      return more_indices_than_axes<S, Index...>{};
    else if constexpr (!ops::RangesFit<S>::template of<Index...>)
      return a_bounded_axis_takes_an_index_or_a_whole_range<S, Index...>{};
    else return std::apply(of_numbers, std::tuple_cat(ops::integer_of(index)...));
  }
}

}  // namespace graph
}  // namespace sinter
