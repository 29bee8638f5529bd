// What a program may be called with, and the errors of other calls.
#pragma once
#include "../eager/evaluate.hpp"

namespace sinter::inline SINTER_ABI {

namespace graph { template <class... Symbols> struct Tensors {}; }  // a list of them, in the names of errors

// Undefined on purpose: the names are the errors.
/// A program that is called with tensors of other types than it was made for: its name shows both lists.
template <class MadeFor, class CalledWith> struct program_is_called_with_other_tensors_than_it_was_made_for;
template <class MadeFor, class CalledWith> struct program_is_called_with_other_dtypes_than_it_was_made_for_write_cast;
template <class... Places> struct program_is_called_with_tensors_of_another_place_copy_them_by_to_Host;
template <class Expected, class Found> struct into_takes_the_programs_inputs_and_then_a_tensor_for_each_result;

namespace internals::train {

/// Makes the leaves of a result: tensors in memory of a pool, to which they return it, and numbers.
struct InPool {
  tensor_detail::Pool& pool;
  template <class T> SINTER_INLINE T operator()(std::type_identity<T>) const {
    if constexpr (Operand<T>) return T(uninitialized, pool);
    else return T{};
  }
};

/// A tensor or view, or a tree of them.
template <class X>
concept Held = graph::Tree<X> && !Expression<X>;

/// Where a tree's tensors are: the place of one, Host for several.
template <class X> struct PlaceOf { using type = Host; };
template <Operand X> struct PlaceOf<X> { using type = typename X::place; };
template <class... X> inline constexpr bool all_on_host = (... && std::is_same_v<
    place_detail::common_place<Host, typename PlaceOf<X>::type>, Host>);

/// A call of a program made for these symbols with other tensors, or with those of another place.
template <class MadeFor, class... Given>
concept RefusedCall = !std::is_same_v<graph::Tensors<graph::symbols_of<Given>...>, MadeFor> || !all_on_host<Given...>;

template <class A, class B> inline constexpr bool same_shape = [] {
  if constexpr (is_sym_v<A> && is_sym_v<B>) return A::shape == B::shape;
  else return std::is_same_v<A, B>;
}();
/// The error of such a call: of tensors of another shape or number, only of other dtypes, or in another place.
template <class... A, class... Given> auto report_call(graph::Tensors<A...>, const Given&...) {
  using MadeFor = graph::Tensors<A...>;
  using CalledWith = graph::Tensors<graph::symbols_of<Given>...>;
  if constexpr (std::is_same_v<MadeFor, CalledWith>)
    return program_is_called_with_tensors_of_another_place_copy_them_by_to_Host<typename PlaceOf<Given>::type...>{};
  else if constexpr (sizeof...(A) != sizeof...(Given))
    return program_is_called_with_other_tensors_than_it_was_made_for<MadeFor, CalledWith>{};
  else if constexpr ((!same_shape<A, graph::symbols_of<Given>> || ...))
    return program_is_called_with_other_tensors_than_it_was_made_for<MadeFor, CalledWith>{};
  else return program_is_called_with_other_dtypes_than_it_was_made_for_write_cast<MadeFor, CalledWith>{};
}

}  // namespace internals::train
}  // namespace sinter
