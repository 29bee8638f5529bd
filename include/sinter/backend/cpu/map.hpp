// The map kernel: every element of an index space by itself.
//
// Nest order: outer loops, then the innermost, which is vectorised. Level 0 runs once, level 1 once per row (a row is
// the innermost loop), level 2 for every N elements.
#pragma once
#include <cstring>

#include "parallel.hpp"
#include "streaming.hpp"

namespace sinter::inline SINTER_ABI::cpu {

template <class K, class Way, int N, int L, int P>
SINTER_IN_KERNEL inline void map_elements(const Arguments<L, P>& a, const Context& c) {
  const std::int64_t rows = points(a, 0, L - 1), n = a.extent[L - 1];
  const auto stride = [&](int p) { return a.stride[p][L - 1]; };

  const bool streaming = !std::is_same_v<Way, Alone> && N > 1 && streams<K>(a);
  const bool flat = rows == 1;
  Way::run(flat ? n : rows, flat ? 1024 : 1, worth_a_team(element_ns<K> * double(flat ? 1 : n)), c.threads,
           [&](std::int64_t begin, std::int64_t end) {
             const std::int64_t from = flat ? 0 : begin, to = flat ? 1 : end, first = flat ? begin : 0,
                                last = flat ? end : n;
             RegisterFile<K, N> r;
             const Cursor<P> start{a.address, a.origin};
             evaluate_each<K, N, OfLevel<0>>(r, start, Span{0, N}, c, stride);
             for_each_point<K, 0, L - 1>(
                 a, start, from, to, [&](const Cursor<P>& w) SINTER_IN_KERNEL {
                   evaluate_each<K, N, OfLevel<1>>(r, w, Span{0, N}, c, stride);
                   const auto elements = [&](Span s) SINTER_IN_KERNEL {
                     for_each_micro<K, PerElement>([&]<int J>() SINTER_IN_KERNEL {
                       if constexpr (micro<K, J>.what == Micro::What::store)
                         write<K, N, J>(r, w, s, stride, streaming);
                       else if constexpr (micro<K, J>.what == Micro::What::scatter)
                         add_at_positions<K, N, J>(r, w, s, stride);
                       else
                         evaluate<K, N, J>(r, w, s, c, stride);
                     });
                   };
                   std::int64_t i = first;
                   for (; i + N <= last; i += N) elements({i, N});
                   if (i < last) elements({i, int(last - i)});
                 });
             if (streaming) streaming_fence();
           });
}

template <class K, class Way, int N = lanes>
SINTER_IN_KERNEL inline void map(const std::int64_t* table, const Context& c) {
  map_elements<K, Way, N>(Arguments<K::body.loops, K::body.pointers>(table, c), c);
}

/// The loop along which threads may share a scatter: its iterations never add to the same address. The innermost of
/// them if it is long enough for all, else the longest; −1 for none.
template <class K, int L, int P> inline int loop_of_owners(const Arguments<L, P>& a) {
  constexpr std::int64_t long_enough = 128;
  int best = -1;
  for (int l = 0; l < L; ++l) {
    bool separate = true;
    for (const Micro& m : K::body.micros)
      if (m.what == Micro::What::scatter) separate = separate && a.stride[m.b][l] != 0;
    const std::int64_t n = a.extent[l];
    if (separate && (best < 0 || n >= std::min(long_enough, a.extent[best]))) best = l;
  }
  return best;
}

/// A map that adds at positions which other elements may share, in the order of the elements. Memory is cleared first.
/// Threads share a loop along which addresses differ, so that each address belongs to one thread.
template <class K, int N = lanes> [[gnu::flatten]] inline void scatter(const std::int64_t* table, const Context& c) {
  constexpr int L = K::body.loops, P = K::body.pointers;
  const Arguments<L, P> a(table, c);
  for_each_micro<K>([&]<int J>() {
    constexpr Micro m = micro<K, J>;
    if constexpr (m.what == Micro::What::scatter) {
      constexpr std::int64_t page = 4096;
      split(a.origin[m.b + 2] * std::int64_t(sizeof(element_type<m.dtype>)), page, worth_a_team(1. / 16),
            c.threads, [to = a.address[m.b]](std::int64_t from, std::int64_t end) {
              std::memset(to + from, 0, std::size_t(end - from));
            });
    }
  });
  const int loop = loop_of_owners<K>(a);
  if (loop < 0) return map_elements<K, Alone, N>(a, c);
  const std::int64_t n = a.extent[loop], others = points(a, 0, L) / std::max<std::int64_t>(1, n);
  const std::int64_t grain = loop == L - 1 ? 16 : 1;  // one cache line
  split(n, grain, worth_a_team(element_ns<K> * double(others)), c.threads,
        [&](std::int64_t from, std::int64_t to) SINTER_KERNEL {
          static constexpr auto size = element_sizes<K>();
          Arguments<L, P> part = a;
          part.extent[loop] = to - from;
          for (int p = 0; p < P; ++p) {
            const std::int64_t by = from * a.stride[p][loop];
            if (size[p] > 0)
              part.address[p] += by * size[p];
            else
              part.origin[p] += by;
          }
          map_elements<K, Alone, N>(part, c);
        });
}

}  // namespace sinter::cpu
