// Rows with lanes along them: each by itself with all its passes, or, where there are few and long ones, in parts that
// threads share.
#pragma once
#include "row_work.hpp"

namespace sinter::inline SINTER_ABI::cpu::row_detail {

/// Part of a row: points [from, to) of the folded loops but the last, and of that the elements [first, last).
struct Stretch {
  std::int64_t from, to, first, last;
};

template <class K, int N> struct Along : Task<K> {
  using Task<K>::L;
  using Task<K>::P;
  using Task<K>::a;

  SINTER_IN_KERNEL explicit Along(const Task<K>& t) : Task<K>(t) {}
  std::int64_t outer_points() const { return points(a, first_folded<K>, L - 1); }
  std::int64_t inner_extent() const { return a.extent[L - 1]; }
  Stretch whole() const { return {0, outer_points(), 0, inner_extent()}; }

  /// One pass over a stretch, folded into the registers of x. Four accumulators hide their latency where a pass does
  /// little else; after a block of vectors they are added to a total, which bounds the rounding of long sums.
  template <int Pass>
  SINTER_IN_KERNEL void pass(Row<K, N>& x, const Cursor<P>& start, Stretch part, std::byte* kept) const {
    constexpr int U = operations<K>(Pass) <= 4 ? 4 : 1;
    constexpr std::int64_t block = 512 * U * N;
    Sums<K, N> total, sum[std::size_t(U)];
    clear<K, N, Pass>(total);
    std::int64_t before = 0;
    for_each_point<K, first_folded<K>, L - 1>(
        a, start, part.from, part.to, [&](const Cursor<P>& w) SINTER_IN_KERNEL {
          for (std::int64_t i = part.first; i < part.last;) {
            unrolled<U>([&](auto u) SINTER_IN_KERNEL { clear<K, N, Pass>(sum[u]); });
            const std::int64_t stop = std::min(part.last, i + block);
            if constexpr (U > 1)
              for (; i + U * N <= stop; i += U * N)
                unrolled<U>([&](auto u) SINTER_IN_KERNEL {
                  x.template elements<Pass>(*this, sum[u], w, Span{i + u * N, N}, kept, before + i + u * N);
                });
            for (; i + N <= stop; i += N) x.template elements<Pass>(*this, sum[0], w, Span{i, N}, kept, before + i);
            if (i < stop) {
              x.template elements<Pass>(*this, sum[0], w, Span{i, int(stop - i)}, kept, before + i);
              i = stop;
            }
            unrolled<U>([&](auto u) SINTER_IN_KERNEL { add<K, N, Pass>(total, sum[u]); });
          }
          before += inner_extent();
        });
    for_each_fold<K, Pass>([&]<int J>() SINTER_IN_KERNEL {
      at<J>(x.r) = RegisterType<K, N, J>(fold_lanes<Fold<K, J>>(at<J>(total)));
    });
  }

  /// All passes over one row.
  template <int Pass = 0> SINTER_IN_KERNEL void passes(Row<K, N>& x, const Cursor<P>& w, std::byte* kept) const {
    x.template values<Pass>(*this, w, Span{0, N});
    x.template store_values<Pass>(*this, w, Span{0, N});
    if constexpr (Pass < K::body.passes) {
      pass<Pass>(x, w, whole(), kept);
      passes<Pass + 1>(x, w, kept);
    }
  }

  /// The same in parts. Their number and bounds depend on the row alone and their sums are added in order, so that the
  /// result does not depend on the number of threads.
  template <int Pass = 0>
  void passes_in_chunks(Row<K, N>& x, const Cursor<P>& w, std::int64_t chunks, int threads) const {
    x.template values<Pass>(*this, w, Span{0, N});
    x.template store_values<Pass>(*this, w, Span{0, N});
    if constexpr (Pass < K::body.passes) {
      Row<K, 1> sum[fold_chunks];
      const bool outer = outer_points() > 1;
      const std::int64_t n = outer ? outer_points() : inner_extent(), grain = outer ? 1 : 16 * N;
      const std::int64_t size = ((n + chunks - 1) / chunks + grain - 1) / grain * grain;
      Split::run(chunks, 1, 2, threads, [&](std::int64_t from, std::int64_t to) {
        const Along own = *this;
        for (std::int64_t k = from; k < to; ++k) {
          const std::int64_t begin = std::min(n, k * size), end = std::min(n, begin + size);
          Row<K, N> y = x;
          own.template pass<Pass>(y, w, outer ? Stretch{begin, end, 0, inner_extent()} : Stretch{0, 1, begin, end},
                                  nullptr);
          for_each_fold<K, Pass>([&]<int J>() SINTER_IN_KERNEL {
            at<J>(sum[k].r) = first(at<J>(y.r));
          });
        }
        if (own.streaming) streaming_fence();
      });
      for_each_fold<K, Pass>([&]<int J>() {
        Lanes<FoldType<K, J>, 1> total(identity_of<K, J>());
        for (std::int64_t k = 0; k < chunks; ++k) total = Fold<K, J>::combine(total, at<J>(sum[k].r));
        at<J>(x.r) = RegisterType<K, N, J>(total.v);
      });
      passes_in_chunks<Pass + 1>(x, w, chunks, threads);
    }
  }
};

template <class K, class Way, int N> SINTER_IN_KERNEL inline void run_along(const Task<K>& task) {
  constexpr int P = pointers<K>;
  const Along<K, N> work(task);
  const Cursor<P> start{work.a.address, work.a.origin};
  const std::int64_t rows = points(work.a, 0, first_folded<K>);
  if constexpr (!std::is_same_v<Way, Alone> && K::body.kept == 0) {
    if (const std::int64_t chunks = chunks_of(rows, work.row, 1); chunks > 1) {
      Row<K, N> x{};
      x.once(work, start);
      return for_each_point<K, 0, first_folded<K>>(
          work.a, start, 0, rows, [&](const Cursor<P>& w) { work.passes_in_chunks(x, w, chunks, work.c.threads); });
    }
  }
  Way::run(rows, 1, worth_a_team(element_ns<K> * double(std::max<std::int64_t>(work.row, 2 * N))), work.c.threads,
           [&](std::int64_t from, std::int64_t to) {
             alignas(64) std::byte kept[K::body.kept > 0 ? row_buffer_bytes : 1];
             const Along<K, N> own(task);
             Row<K, N> x;
             x.once(own, start);
             for_each_point<K, 0, first_folded<K>>(
                 own.a, start, from,
                 to, [&](const Cursor<P>& w) SINTER_IN_KERNEL { own.passes(x, w, kept); });
             if (own.streaming) streaming_fence();
           });
}

}  // namespace sinter::cpu::row_detail
