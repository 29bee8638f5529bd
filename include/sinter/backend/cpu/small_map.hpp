// The map kernel of a straight-line program.
#pragma once
#include "fixed.hpp"

namespace sinter::inline SINTER_ABI::cpu {

/// The same loops as in map.hpp, all of them over constants.
template <class K, class Step> struct SmallMap {
  using F = Fixed<K, Step>;
  static constexpr int L = F::L, P = F::P;
  static constexpr std::int64_t length = F::extent(L - 1);
  static constexpr int N = lanes_for(length);

  [[gnu::always_inline]] static void run(const Context& c) {
    constexpr std::int64_t whole = length / N * N;
    if constexpr (whole > 0) run<N, 0, whole>(c);
    if constexpr (whole < length) run<lanes_for(length - whole), whole, length>(c);
  }

 private:
  static constexpr auto stride = [](int p) { return F::stride(p, L - 1); };
  /// Elements [From, To) of every row, M at a time.
  template <int M, std::int64_t From, std::int64_t To> [[gnu::always_inline]] static void run(const Context& c) {
    RegisterFile<K, M> r;
    const Cursor<P> start = F::start(c);
    evaluate_each<K, M, OfLevel<0>>(r, start, Span{0, M}, c, stride);
    F::template for_each<0, L - 1>(
        start, [&](const Cursor<P>& w) __attribute__((always_inline)) {
          evaluate_each<K, M, OfLevel<1>>(r, w, Span{0, M}, c, stride);
          for (std::int64_t i = From; i + M <= To; i += M) evaluate_each<K, M, PerElement>(r, w, Span{i, M}, c, stride);
          if constexpr ((To - From) % M != 0)
            evaluate_each<K, M, PerElement>(r, w, Span{To - (To - From) % M, int((To - From) % M)}, c, stride);
        });
  }
};

}  // namespace sinter::cpu
