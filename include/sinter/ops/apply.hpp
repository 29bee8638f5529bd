// Applying a primitive to symbols. One shape rule gives the type of the result for typed symbols, at compile time, and
// its shape for untyped ones, at run time.
#pragma once
#include "basics.hpp"

namespace sinter::inline SINTER_ABI {

/// The compile error of operands that an operation cannot combine: its name shows operation, dtypes and shapes.
template <class Operation, class... Operands> struct operand_shapes_do_not_fit;

namespace ops {

/// Attributes of an application, from the operands' shapes. Most primitives have none.
struct NoAttributes {
  static constexpr std::array<std::int64_t, 0> of(const auto&...) { return {}; }
};

template <class Op, class Attributes, class... S> struct ResultOf {
  static constexpr auto attributes = Attributes::of(S::shape...);
  static constexpr Type type = [] {
    const std::array<Signature::Operand, sizeof...(S)> operands{Signature::Operand{S::dtype, &S::shape}...};
    return Op::type({operands.data(), int(sizeof...(S)), attributes.data(), int(attributes.size())});
  }();
};

/// Not deduced: nvcc would write the deduced type, everywhere, as one that g++ refuses.
template <std::size_t N> using Ids = std::array<int, N>;

template <class Op, std::size_t N, std::size_t M>
constexpr Value apply_nodes(Builder* b, Ids<N> ids, const std::array<std::int64_t, M>& attributes) {
  if constexpr (requires { Op::arity; }) return graph::apply_elementwise<Op>(b, ids.data());
  else return {b, b->add(graph::primitive<Op>, ids.data(), int(N), attributes.data(), int(M))};
}

/// A primitive as a function object.
template <class Op, class Attributes = NoAttributes> struct Apply {
  template <TypedSymbol... X> constexpr auto operator()(X... x) const {
    using R = ResultOf<Op, Attributes, X...>;
    if constexpr (R::type.valid) {
      return graph::SymOf<R>(apply_nodes<Op>(graph::builder_of(x...), Ids<sizeof...(X)>{x.id...}, R::attributes));
    } else {
      static_assert(tensor_detail::ErrorNamed<operand_shapes_do_not_fit<Op, X...>>::absent);
      return graph::RefusedFor<X...>{};
    }
  }
  template <class... X> requires graph::Untyped<X...> constexpr Value operator()(X... x) const {
    return apply_nodes<Op>(graph::builder_of(x...), Ids<sizeof...(X)>{x.id...}, Attributes::of(x.extents()...));
  }
};

}  // namespace ops

/// Applies a primitive, also one of your own: `constexpr auto log_cosh(auto&& x) { return apply<LogCosh>(x); }`.
template <class Op, class... X> requires Operands<X...>
constexpr graph::Result<ops::Apply<Op>, X...> apply(X&&... x) { return call<ops::Apply<Op>>(std::forward<X>(x)...); }

}  // namespace sinter
