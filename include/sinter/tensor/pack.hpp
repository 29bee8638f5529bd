// Values of several types: a std::tuple that costs the compiler a tenth, of which every statement and net has several.
#pragma once
#include <cstddef>
#include <utility>

#include "language.hpp"

namespace sinter::inline SINTER_ABI {

namespace tensor_detail {

template <std::size_t Position, class T> struct Packed {
  T value;
};
template <std::size_t Position, class T> constexpr const T& value_at(const Packed<Position, T>& p) { return p.value; }
template <std::size_t Position, class T> constexpr T& value_at(Packed<Position, T>& p) { return p.value; }
template <class Index, class... T> struct PackOf;
template <std::size_t... Position, class... T>
struct PackOf<std::index_sequence<Position...>, T...> : Packed<Position, T>... {
  /// The value at a position, as std::get: `pack.get<0>()`.
  template <std::size_t At> constexpr const auto& get() const { return value_at<At>(*this); }
  template <std::size_t At> constexpr auto& get() { return value_at<At>(*this); }
  /// Calls f with all of them, as std::apply does.
  template <class F> [[gnu::always_inline]] constexpr decltype(auto) spread(const F& f) const {
    return f(static_cast<const Packed<Position, T>*>(this)->value...);
  }
  template <class F> [[gnu::always_inline]] constexpr decltype(auto) spread(const F& f) {
    return f(static_cast<Packed<Position, T>*>(this)->value...);
  }
};

}  // namespace tensor_detail

/// In a module its items are named by their index.
template <class... T> using Pack = tensor_detail::PackOf<std::make_index_sequence<sizeof...(T)>, T...>;

}  // namespace sinter
