// Rows with one row per lane, [row, columns] → [columns]: reductions over any but the innermost axis, whose columns are
// contiguous in memory.
//
// A block of row positions is reduced for all columns before the next, four registers of columns at a time, so that
// memory is read in long runs whatever the number of columns. Between blocks the sums of the columns are kept in a
// table. Blocks are added in order; where there is only one tile of columns, parts of the rows go to several threads,
// each with a table, and the tables are added in order.
#pragma once
#include "row_work.hpp"

namespace sinter::inline SINTER_ABI::cpu::row_detail {

/// Tables of sums, one element per column for each fold, and the offset of each.
template <class K> struct FoldTable {
  static constexpr int folds_before(int j) {
    int n = 0;
    for (int i = 0; i < j; ++i) n += compile::is_folded(K::body.micros[i]) ? 1 : 0;
    return n;
  }
  static constexpr int bytes = folds_before(micros<K>) * fold_bytes;  ///< per column

  std::byte* data;
  std::int64_t columns;  ///< of the table, whose first is column `first` of the rows
  std::int64_t first;
  template <int J> SINTER_IN_KERNEL FoldType<K, J>* at(std::int64_t column) const {
    return reinterpret_cast<FoldType<K, J>*>(data + folds_before(J) * fold_bytes * columns) + (column - first);
  }
};

template <class K, int N> struct Across : Task<K> {
  using Task<K>::L;
  using Task<K>::P;
  using Task<K>::a;
  using Task<K>::row;
  /// Registers of columns per group: fewer where many operations need registers, and compile time.
  static constexpr int G = micros<K> <= 16 ? 4 : micros<K> <= 24 ? 2 : 1;

  SINTER_IN_KERNEL explicit Across(const Task<K>& t) : Task<K>(t) {}
  std::int64_t columns() const { return a.extent[L - 1]; }

  // ---- a register of columns, all passes: small programs ----
  template <int Pass = 0> SINTER_IN_KERNEL void passes(Row<K, N>& x, const Cursor<P>& w, Span s) const {
    x.template values<Pass>(*this, w, s);
    x.template store_values<Pass>(*this, w, s);
    if constexpr (Pass < K::body.passes) {
      Sums<K, N> sum;
      clear<K, N, Pass>(sum);
      for_each_point<K, first_folded<K>, L - 1>(
          a, w, 0, row, [&](const Cursor<P>& q) SINTER_IN_KERNEL {
            x.template elements<Pass>(*this, sum, q, s, nullptr, 0);
          });
      for_each_fold<K, Pass>([&]<int J>() SINTER_IN_KERNEL { at<J>(x.r) = at<J>(sum); });
      passes<Pass + 1>(x, w, s);
    }
  }

  // ---- blocks of row positions and tables of sums ----
  /// What is known of these columns after `Passes` passes, whose sums are in the table.
  template <int Passes>
  SINTER_IN_KERNEL void know(Row<K, N>& x, const Cursor<P>& w, Span s, const FoldTable<K>& table) const {
    [&]<std::size_t... Index>(std::index_sequence<Index...>) SINTER_IN_KERNEL {
      (know_after<int(Index)>(x, w, s, table), ...);
    }(std::make_index_sequence<std::size_t(Passes + 1)>{});
  }
  template <int Pass>
  SINTER_IN_KERNEL void know_after(Row<K, N>& x, const Cursor<P>& w, Span s, const FoldTable<K>& table) const {
    if constexpr (Pass > 0)
      for_each_fold<K, Pass - 1>([&]<int J>() SINTER_IN_KERNEL {
        at<J>(x.r) = load<FoldType<K, J>, N>(table.template at<J>(s.i), s.n);
      });
    x.template values<Pass>(*this, w, s);
  }
  template <int Pass> static void clear_table(const FoldTable<K>& table) {
    for_each_micro<K, SumsOf<Pass>>(
        [&]<int J>() { std::fill_n(table.template at<J>(table.first), table.columns, identity_of<K, J>()); });
  }
  /// Row positions [from, to) of `Count` registers of columns from s on. `table` holds the sums of earlier passes,
  /// `sums` takes those of this one.
  template <int Pass, int Count>
  [[gnu::noinline, gnu::flatten]] void group(const Row<K, N>& all, const Cursor<P>& w, std::int64_t from,
                                             std::int64_t to, Span s, std::int64_t ahead, const FoldTable<K>& table,
                                             const FoldTable<K>& sums) const {
    const Across own = *this;
    Row<K, N> x[std::size_t(Count)];
    Sums<K, N> sum[std::size_t(Count)];
    const auto span = [&](int k) SINTER_IN_KERNEL { return Span{s.i + k * N, s.n}; };
    unrolled<Count>([&](auto k) SINTER_IN_KERNEL {
      x[k].once_as(all);
      own.template know<Pass>(x[k], w, span(k), table);
      clear<K, N, Pass>(sum[k]);
      for_each_micro<K, ScansOf<Pass>>([&]<int J>() SINTER_IN_KERNEL {
        at<J>(sum[k]) = load<FoldType<K, J>, N>(sums.template at<J>(span(k).i), s.n);
      });
    });
    for_each_point<K, first_folded<K>, L - 1>(
        own.a, w, from, to, [&](const Cursor<P>& q) SINTER_IN_KERNEL {
          unrolled<Count>([&](auto k) SINTER_IN_KERNEL {
            x[k].template elements<Pass>(own, sum[k], q, span(k), nullptr, 0);
          });
          if (ahead > 0) own.template fetch<Pass, Count>(q, s.i, ahead);
        });
    unrolled<Count>([&](auto k) SINTER_IN_KERNEL {
      for_each_micro<K, SumsOf<Pass>>([&]<int J>() SINTER_IN_KERNEL {
        auto* const to_table = sums.template at<J>(span(k).i);
        if constexpr (is_fold<K, J>)
          at<J>(sum[k]) = Fold<K, J>::combine(load<FoldType<K, J>, N>(to_table, s.n), at<J>(sum[k]));
        store(at<J>(sum[k]), to_table, s.n);
      });
    });
  }
  /// One pass over row positions [from, to) of the columns [first, last).
  template <int Pass> SINTER_OUTLINE void pass(const Row<K, N>& all, const Cursor<P>& w, std::int64_t from,
                                               std::int64_t to, std::int64_t first, std::int64_t last,
                                               const FoldTable<K>& table, const FoldTable<K>& sums) const {
    constexpr std::int64_t block_bytes = 16384, out_of_reach = 131072;  // half of a first-level cache
    // each block begins with copies of arguments and registers
    constexpr std::int64_t shortest_step = 64, longest_step = 256;
    const std::int64_t step = std::clamp<std::int64_t>(
        block_bytes / std::max<std::int64_t>(1, (last - first) * 4 * tensors(Pass)), shortest_step, longest_step);
    const std::int64_t ahead = (to - from) * (last - first) * 4 > out_of_reach ? step : 0;
    for (std::int64_t i = from; i < to; i += step) {
      const std::int64_t end = std::min(to, i + step);
      std::int64_t k = first;
      for (; k + G * N <= last; k += G * N) group<Pass, G>(all, w, i, end, Span{k, N}, ahead, table, sums);
      for (; k < last; k += N)
        group<Pass, 1>(all, w, i, end, Span{k, int(std::min<std::int64_t>(N, last - k))}, ahead, table, sums);
    }
  }
  /// Prefetches what the next block reads, `ahead` positions further on: hardware prefetchers do not follow runs this
  /// short.
  template <int Pass, int Count>
  SINTER_IN_KERNEL void fetch(const Cursor<P>& q, std::int64_t column, std::int64_t ahead) const {
    for_each_micro<K, InPass<Pass>>([&]<int J>() SINTER_IN_KERNEL {
      constexpr Micro m = micro<K, J>;
      if constexpr (m.what == Micro::What::load && m.unit == 1 && loops<K> > 1) {
        const std::int64_t at =
            (ahead * this->a.stride[m.a][loops<K> - 2] + column) * bytes_of(m.dtype);
        unrolled<(Count * N * bytes_of(m.dtype) + 63) / 64>([&](auto line) SINTER_IN_KERNEL {
          __builtin_prefetch(q.address[m.a] + at + 64 * line, 0, 2);
        });
      }
    });
  }
  static constexpr int tensors(int pass) {
    int n = 0;
    for (const Micro& m : K::body.micros)
      if ((m.passes >> pass & 1) != 0 &&
          (m.what == Micro::What::load || m.what == Micro::What::store || m.what == Micro::What::gather))
        ++n;
    return std::max(n, 1);
  }
  /// Values per row are stored after all passes: other blocks might still read what they overwrite.
  [[gnu::noinline, gnu::flatten]] void finish(const Row<K, N>& all, const Cursor<P>& w, std::int64_t first,
                                              std::int64_t last, const FoldTable<K>& table) const {
    for (std::int64_t k = first; k < last; k += N) {
      const Span s{k, int(std::min<std::int64_t>(N, last - k))};
      Row<K, N> x{};
      x.once_as(all);
      know<K::body.passes>(x, w, s, table);
      unrolled<K::body.passes + 1>([&](auto stage) SINTER_IN_KERNEL {
        x.template store_values<decltype(stage)::value>(*this, w, s);
      });
    }
  }
  /// All passes over the columns [first, last) of one set of rows.
  SINTER_IN_KERNEL void tile(const Row<K, N>& all, const Cursor<P>& w, std::int64_t first, std::int64_t last,
                                   std::byte* room) const {
    const FoldTable<K> table{room, last - first, first};
    unrolled<K::body.passes>([&](auto p) SINTER_IN_KERNEL {
      clear_table<decltype(p)::value>(table);
      pass<decltype(p)::value>(all, w, 0, row, first, last, table, table);
    });
    finish(all, w, first, last, table);
  }
  /// The same for all columns, each pass in parts of the rows. Each part has a table in scratch memory; the first takes
  /// the total.
  void tile_in_chunks(const Row<K, N>& all, const Cursor<P>& w, std::int64_t chunks, int threads) const {
    const std::int64_t n = columns(), size = (row + chunks - 1) / chunks;
    const auto table = [&](std::int64_t k) {
      return FoldTable<K>{this->c.scratch + k * n * FoldTable<K>::bytes, n, 0};
    };
    unrolled<K::body.passes>([&](auto p) {
      constexpr int Pass = decltype(p)::value;
      Split::run(chunks, 1, 2, threads, [&](std::int64_t from, std::int64_t to) {
        const Across own = *this;
        for (std::int64_t k = from; k < to; ++k) {
          clear_table<Pass>(table(k));
          own.template pass<Pass>(all, w, std::min(row, k * size), std::min(row, (k + 1) * size), 0, n, table(0),
                                  table(k));
        }
        if (own.streaming) streaming_fence();
      });
      for_each_fold<K, Pass>([&]<int J>() {
        FoldType<K, J>* const total = table(0).template at<J>(0);
        for (std::int64_t k = 1; k < chunks; ++k) {
          const FoldType<K, J>* const part = table(k).template at<J>(0);
          for (std::int64_t i = 0; i < n; ++i)
            total[i] = Fold<K, J>::combine(Lanes<FoldType<K, J>, 1>(total[i]), Lanes<FoldType<K, J>, 1>(part[i])).v;
        }
      });
    });
    finish(all, w, 0, n, table(0));
  }
};

template <class K> constexpr bool has_scans() {
  for (const Micro& m : K::body.micros)
    if (m.what == Micro::What::scan) return true;
  return false;
}

template <class K, class Way, int N> SINTER_IN_KERNEL inline void run_across(const Task<K>& task) {
  constexpr int P = pointers<K>;
  const Across<K, N> work(task);
  const Cursor<P> start{work.a.address, work.a.origin};
  const std::int64_t outer = points(work.a, 0, first_folded<K>), n = work.columns();
  if constexpr (std::is_same_v<Way, Alone>) {
    Row<K, N> x;
    x.once(work, start);
    for_each_point<K, 0, first_folded<K>>(
        work.a, start, 0, outer, [&](const Cursor<P>& w) SINTER_IN_KERNEL {
          for (std::int64_t i = 0; i < n; i += N) work.passes(x, w, Span{i, int(std::min<std::int64_t>(N, n - i))});
        });
  } else {
    constexpr std::int64_t width = fold_columns;
    if constexpr (!has_scans<K>()) {
      if (const std::int64_t chunks = chunks_of(outer, work.row, n); chunks > 1) {
        Row<K, N> x{};
        x.once(work, start);
        return for_each_point<K, 0, first_folded<K>>(
            work.a, start, 0, outer, [&](const Cursor<P>& w) { work.tile_in_chunks(x, w, chunks, work.c.threads); });
      }
    }
    const std::int64_t tiles = (n + width - 1) / width;
    Way::run(outer * tiles, 1, worth_a_team(element_ns<K> * double(work.row) * double(std::min(n, width))),
             work.c.threads, [&](std::int64_t from, std::int64_t to) {
               alignas(64) std::byte room[std::size_t(FoldTable<K>::bytes * width)];
               const Across<K, N> own(task);
               Row<K, N> x{};  // most of its registers are never set, nor read
               x.once(own, start);
               for (std::int64_t at = from; at < to;) {
                 const std::int64_t first = at % tiles, last = std::min(tiles, first + to - at);
                 for_each_point<K, 0, first_folded<K>>(
                     own.a, start, at / tiles, at / tiles + 1, [&](const Cursor<P>& w) SINTER_IN_KERNEL {
                       for (std::int64_t k = first; k < last; ++k)
                         own.tile(x, w, k * width, std::min(n, (k + 1) * width), room);
                     });
                 at += last - first;
               }
               if (own.streaming) streaming_fence();
             });
  }
}

}  // namespace sinter::cpu::row_detail
