// The map kernel: every element of an index space by itself.
//
// Nest order: outer loops, then the innermost, which is vectorised. Level 0 runs once, level 1 once a row (a row is the
// innermost loop), level 2 for every N elements.
#pragma once
#include <cstring>

#include "parallel.hpp"
#include "streaming.hpp"

namespace sinter::cpu {

template <class K, class Way, int N = lanes> [[gnu::always_inline]] inline void map(const std::int64_t* table, const Context& c) {
  constexpr int L = K::body.loops, P = K::body.pointers;
  const Arguments<L, P> a(table, c);
  const std::int64_t rows = points(a, 0, L - 1), n = a.extent[std::size_t(L - 1)];
  const auto stride = [&](int p) { return a.stride[std::size_t(p)][std::size_t(L - 1)]; };

  const bool streaming = !std::is_same_v<Way, Alone> && N > 1 && streams<K>(a);
  const bool flat = rows == 1;
  Way::run(flat ? n : rows, flat ? 1024 : 1, worth_a_team(element_ns<K> * double(flat ? 1 : n)), c.threads, [&](std::int64_t begin, std::int64_t end) {
    const std::int64_t from = flat ? 0 : begin, to = flat ? 1 : end, first = flat ? begin : 0, last = flat ? end : n;
    RegisterFile<K, N> r;
    const Walk<P> start{a.address, a.origin};
    for_each_micro<K, OfLevel<0>>([&]<int J>() __attribute__((always_inline)) { evaluate<K, N, J>(r, start, Span{0, N}, c, stride); });
    for_each_point<K, 0, L - 1>(a, start, from, to, [&](const Walk<P>& w) __attribute__((always_inline)) {
      for_each_micro<K, OfLevel<1>>([&]<int J>() __attribute__((always_inline)) { evaluate<K, N, J>(r, w, Span{0, N}, c, stride); });
      const auto elements = [&](Span s) __attribute__((always_inline)) {
        for_each_micro<K, PerElement>([&]<int J>() __attribute__((always_inline)) {
          if constexpr (micro<K, J>.what == Micro::What::store) write<K, N, J>(r, w, s, stride, streaming);
          else if constexpr (micro<K, J>.what == Micro::What::scatter) add_at_places<K, N, J>(r, w, s, stride);
          else evaluate<K, N, J>(r, w, s, c, stride);
        });
      };
      std::int64_t i = first;
      for (; i + N <= last; i += N) elements({i, N});
      if (i < last) elements({i, int(last - i)});
    });
    if (streaming) streaming_fence();
  });
}

/// A map that adds at places which other elements may share: on one thread, in the order of the elements. Memory is cleared first.
template <class K, int N = lanes> inline void scatter(const std::int64_t* table, const Context& c) {
  constexpr int L = K::body.loops, P = K::body.pointers;
  const Arguments<L, P> a(table, c);
  for_each_micro<K>([&]<int J>() {
    constexpr Micro m = micro<K, J>;
    if constexpr (m.what == Micro::What::scatter)
      std::memset(a.address[std::size_t(m.b)], 0, std::size_t(a.origin[std::size_t(m.b + 2)]) * sizeof(element_type<m.dtype>));
  });
  map<K, Alone, N>(table, c);
}

}  // namespace sinter::cpu
