// A function over bounded axes against the same function of fixed tensors cut to the length, forward and backward: the
// fixed forms are those that are checked against PyTorch. What lies after the length is NaN.
#pragma once
#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <sinter/sinter.hpp>
#include <tuple>

namespace support {

using namespace sinter;

/// Calls f(position in A, position in B) for each element of the smaller box of two row-major tensors of one rank.
template <class F> void for_each_common(const Shape& a, const Shape& b, const std::int64_t* length, const F& f,
                                        int axis = 0, std::ptrdiff_t i = 0, std::ptrdiff_t j = 0) {
  if (axis == a.rank) return f(i, j);
  for (std::int64_t k = 0; k < length[axis]; ++k)
    for_each_common(a, b, length, f, axis + 1, i * a[axis] + k, j * b[axis] + k);
}

/// A bounded tensor with the elements and extents of a fixed one, and NaN (for integers a large number) after them.
template <class Bounded, class Fixed> Bounded with_room(const Fixed& x) {
  using T = typename Bounded::element;
  Bounded y;
  y.fill(std::numeric_limits<T>::has_quiet_NaN ? std::numeric_limits<T>::quiet_NaN() : T(77));
  std::int64_t length[Shape::max_rank]{};
  for (int i = 0; i < Fixed::shape.rank; ++i) {
    length[i] = Fixed::shape[i];
    if (Bounded::shape.symbol(i) != 0) y.set_length(Bounded::shape.symbol(i), length[i]);
  }
  for_each_common(Bounded::shape, Fixed::shape, length,
                  [&](std::ptrdiff_t i, std::ptrdiff_t j) { y.data()[i] = x.data()[j]; });
  return y;
}

/// Some numbers without a pattern, none of them twice.
template <class X> X numbers(double seed) {
  X x;
  for (std::ptrdiff_t i = 0; i < X::size(); ++i)
    x.data()[i] = typename X::element(std::sin(seed + 1.7 * double(i)) + .3 * std::cos(seed * double(i) * .37));
  return x;
}

/// A result along bounded axes has the lengths, and up to them the elements, of a fixed one.
template <class Bounded, class Fixed> void check_equal(const Bounded& found, const Fixed& expected, double within) {
  static_assert(Bounded::shape.rank == Fixed::shape.rank);
  std::int64_t length[Shape::max_rank]{};
  for (int i = 0; i < Fixed::shape.rank; ++i) {
    length[i] = Fixed::shape[i];
    REQUIRE(found.length_of_axis(i) == length[i]);
  }
  double worst = 0;
  for_each_common(Bounded::shape, Fixed::shape, length, [&](std::ptrdiff_t i, std::ptrdiff_t j) {
    const double error = std::abs(double(found.data()[i]) - double(expected.data()[j]));
    worst = error <= worst ? worst : error;
  });
  CHECK(worst <= within);
}

/// A loss of a function's result, whose elements have different cotangents.
template <class F> struct LossOf {
  constexpr auto operator()(auto... a) const {
    const auto y = F{}(a...);
    return sum(y * sin(y + .4f));
  }
};

/// f(x, others…) and its gradients by all arguments, of fixed x and of bounded ones that hold the same.
template <class Bounded, class Fixed, class F, class... Others>
void check_as_if_cut(const F& f, const Others&... others) {
  const auto x = numbers<Fixed>(.5);
  const auto room = with_room<Bounded>(x);
  constexpr LossOf<F> value;
  [&]<std::size_t... Index>(std::index_sequence<Index...>) {
    check_equal(jit(f)(room, others...), jit(f)(x, others...), 2e-5);
    const auto expected = value_and_grad(value, wrt<0, 1 + int(Index)...>)(x, others...);
    const auto found = value_and_grad(value, wrt<0, 1 + int(Index)...>)(room, others...);
    CHECK(double(std::get<0>(found).item()) == doctest::Approx(double(std::get<0>(expected).item())).epsilon(1e-4));
    check_equal(std::get<1>(found), std::get<1>(expected), 1e-4);
    (check_equal(std::get<2 + Index>(found), std::get<2 + Index>(expected), 2e-4), ...);
  }(std::index_sequence_for<Others...>{});
}

}  // namespace support
