// Compile errors whose text is the name of a type that is not defined.
#pragma once
#include <type_traits>

#include "language.hpp"

namespace sinter::inline SINTER_ABI::tensor_detail {

/// `static_assert(ErrorNamed<the_error<Found>>::absent);` names the error and leaves the function around it valid: its
/// result has a type and it can be evaluated, so that no further errors follow. (`return the_error<Found>{};` leaves
/// the result without a type, which silences a compiler as long as nobody asks for that type. g++ names an undefined
/// type in an assertion; to clang that is an invalid function, so there the type is defined, and the assertion false.)
#if defined(__clang__)
template <class Error> struct ErrorNamed {
  static constexpr bool absent = !std::is_same_v<Error, Error>;
};
#else
template <class Error> using ErrorNamed = Error;
#endif

}  // namespace sinter::tensor_detail
