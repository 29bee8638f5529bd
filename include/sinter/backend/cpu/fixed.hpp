// A step of a straight-line program: its extents, strides and offsets are constants.
#pragma once
#include "body.hpp"

namespace sinter::inline SINTER_ABI::cpu {

/// A step of a straight-line program.
template <class Step> concept ConstantStep = requires { Step::arguments; };

/// What the table says of a step whose arguments are constants, for a kernel K:
/// `Step::arguments` is laid out as `Arguments` reads it.
template <class K, class Step> struct Fixed {
  static constexpr int L = K::body.loops, P = K::body.pointers;
  static constexpr bool has_length(int l) {
    return compile::TableExtent::of(Step::arguments[l]).symbol != 0;
  }
  static constexpr std::int64_t extent(int l) {
    return compile::TableExtent::of(Step::arguments[l]).fixed;
  }
  static constexpr compile::TablePointer at(int p) {
    return compile::TablePointer::of(Step::arguments.data(), L, p);
  }
  static constexpr std::int64_t stride(int p, int l) { return at(p).stride(l); }
  static constexpr int base(int p) { return at(p).base(); }
  static constexpr unsigned char form(int p) { return at(p).form(); }
  static constexpr std::uint16_t method() { return at(0).method(); }  ///< of a contraction
  static constexpr std::int64_t offset(int p) { return at(p).offset(); }

  /// Where every pointer begins.
  [[gnu::always_inline]] static Cursor<P> start(const Context& c) {
    Cursor<P> w;
    [&]<std::size_t... Index>(std::index_sequence<Index...>) __attribute__((always_inline)) {
      ((w.address[Index] =
            base(int(Index)) < 0 ? nullptr : c.base[base(int(Index)) < 0 ? 0 : base(int(Index))] + offset(int(Index))),
       ...);
      ((w.count[Index] = base(int(Index)) < 0 ? offset(int(Index)) : 0), ...);
    }(std::make_index_sequence<std::size_t(P)>{});
    return w;
  }
  /// The same, `steps` further along loop `Loop`.
  template <int Loop> [[gnu::always_inline]] static Cursor<P> moved(const Cursor<P>& from, std::int64_t steps) {
    constexpr auto size = element_sizes<K>();
    Cursor<P> w;
    [&]<std::size_t... Index>(std::index_sequence<Index...>) __attribute__((always_inline)) {
      ((w.address[Index] = from.address[Index] + steps * stride(int(Index), Loop) * size[Index]), ...);
      ((w.count[Index] = from.count[Index] + steps * stride(int(Index), Loop)), ...);
    }(std::make_index_sequence<std::size_t(P)>{});
    return w;
  }
  /// The number of points of loops [First, Last).
  template <int First, int Last> static constexpr std::int64_t points() {
    std::int64_t n = 1;
    for (int l = First; l < Last; ++l) n *= extent(l);
    return n;
  }
  /// The same, at point i of loops [First, Last), counted in row-major order.
  template <int First, int Last>
  [[gnu::always_inline]] static Cursor<P> at_point(const Cursor<P>& from, std::int64_t i) {
    if constexpr (First == Last) return from;
    else return at_point<First, Last - 1>(moved<Last - 1>(from, i % extent(Last - 1)), i / extent(Last - 1));
  }
  /// Calls f(cursor) for every point of loops [First, Last).
  template <int First, int Last, class F> [[gnu::always_inline]] static void for_each(const Cursor<P>& w, F&& f) {
    if constexpr (First == Last) f(w);
    else
      for (std::int64_t i = 0; i < extent(First); ++i) for_each<First + 1, Last>(moved<First>(w, i), f);
  }
};

/// Lanes for n elements side by side: the narrowest register that holds them, else the widest.
constexpr int lanes_for(std::int64_t n) {
  if (n == 1) return 1;
  for (const int narrow : narrow_lanes)
    if (n <= narrow) return narrow;
  return lanes;
}

/// Whether no extent of a step is known at run time only.
template <class K, class Step> constexpr bool is_fixed() {
  if constexpr (!ConstantStep<Step>) return false;
  else
    for (int l = 0; l < K::body.loops; ++l)
      if (Fixed<K, Step>::has_length(l)) return false;
  return true;
}

}  // namespace sinter::cpu
