// The memory space and layout of a tensor's elements: part of its type, so mixing them is a compile error.
#pragma once
#include <type_traits>

#include "language.hpp"

namespace sinter::inline SINTER_ABI {

/// The memory of the CPU.
struct Host {};
/// The memory of one CUDA device.
struct Cuda {};
/// Numbers and other values that work with any memory space.
struct Anywhere {};

/// Elements in row-major order without gaps; strides follow the capacity of each extent.
struct RowMajor {};
/// Elements at run-time strides in memory that is not owned.
struct Strided {};

namespace place_detail {
template <class A, class B> struct Common { using type = void; };
template <class A> struct Common<A, A> { using type = A; };
template <class A> requires(!std::is_same_v<A, Anywhere>) struct Common<A, Anywhere> { using type = A; };
template <class A> requires(!std::is_same_v<A, Anywhere>) struct Common<Anywhere, A> { using type = A; };
template <> struct Common<Anywhere, Anywhere> { using type = Anywhere; };

template <class... P> struct Fold { using type = Anywhere; };
template <class P, class... Rest> struct Fold<P, Rest...> {
  using type = typename Common<P, typename Fold<Rest...>::type>::type;
};
/// The memory space that all of these share, or void.
template <class... Places> using common_place = typename Fold<Places...>::type;

}  // namespace place_detail
}  // namespace sinter
