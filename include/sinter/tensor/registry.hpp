// Types by number: one is entered under a number in one place, and found again by it in another.
//
// A kernel is a list of integers, and the name of everything that a program instantiates contains the names of its
// arguments. So kernels know primitives by their codes, and functions know kernels by their keys: names of some bytes
// instead of several KiB, which g++ compiles slowly (it searches all free memory for each string beyond a page) and
// nobody can read in profiles and stack traces.
#pragma once
#include <cstdint>
#include <type_traits>

#include "language.hpp"

namespace sinter::inline SINTER_ABI::internals {

#if defined(__CUDACC__)
#pragma nv_diagnostic push
#pragma nv_diag_suppress 1301
#endif
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wnon-template-friend"
#endif
/// A number in a registry; any type names a registry. The function is declared here and defined by the `Entry`.
template <class Registry, std::uint64_t N> struct Number {
  friend constexpr auto entry(Number);
};
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif
#if defined(__CUDACC__)
#pragma nv_diagnostic pop
#endif

/// A base class that enters T; a second entry under the same number is an error of redefinition.
template <class Registry, std::uint64_t N, class T> struct Entry {
  friend constexpr auto entry(Number<Registry, N>) { return std::type_identity<T>(); }
};

/// The type that stands under a number.
template <class Registry, std::uint64_t N> using Entered = typename decltype(entry(Number<Registry, N>()))::type;

}  // namespace sinter::internals
