// The row kernel: maps and reductions over rows, in as many passes as their dependencies need, while the row is in cache.
//
// A row is what the folded loops span. If the innermost axis is folded, lanes run along the row (nest order: kept loops,
// folded loops). If not, every lane is a row of its own (kept loops, folded loops, the last kept loop).
#pragma once
#include "parallel.hpp"
#include "streaming.hpp"

namespace sinter::cpu {
namespace row_detail {

template <class K> inline constexpr int loops = K::body.loops;
template <class K> inline constexpr int pointers = K::body.pointers;
template <class K> inline constexpr bool along = (K::body.folded >> (loops<K> - 1) & 1) != 0;
template <class K> inline constexpr int last_folded = along<K> ? loops<K> : loops<K> - 1;  ///< one past it
template <class K> inline constexpr int first_folded = last_folded<K> - std::popcount(K::body.folded);

template <class K, int J> inline constexpr bool is_fold = micro<K, J>.what == Micro::What::fold;
template <class K, int J> inline constexpr bool is_scan = micro<K, J>.what == Micro::What::scan;
template <class K, int J> inline constexpr bool is_store = micro<K, J>.what == Micro::What::store;
template <class K, int J> constexpr bool in_pass(int pass) { return (micro<K, J>.passes >> pass & 1) != 0; }
template <class K, int J> using Fold = graph::primitive_struct<micro<K, J>.code>;

template <class K, int Pass, class F> [[gnu::always_inline]] inline void for_each_fold(F&& f) {
  for_each_micro<K>([&]<int J>() __attribute__((always_inline)) { if constexpr (is_fold<K, J> && in_pass<K, J>(Pass)) f.template operator()<J>(); });
}

/// The work on one row, or on N of them.
template <class K, int N> struct Rows {
  static constexpr int L = loops<K>, P = pointers<K>;
  using File = RegisterFile<K, N>;

  const Arguments<L, P>& a;
  const Context& c;
  std::byte* kept;
  bool streaming;
  std::int64_t row;  ///< elements of a row
  File r;

  [[gnu::always_inline]] Rows(const Arguments<L, P>& arguments, const Context& context, std::byte* buffer, bool stores_past_caches)
      : a(arguments), c(context), kept(buffer), streaming(stores_past_caches), row(points(arguments, first_folded<K>, last_folded<K>)) {}

  [[gnu::always_inline]] auto stride() const { return [this](int p) { return a.stride[std::size_t(p)][std::size_t(L - 1)]; }; }

  [[gnu::always_inline]] void once(const Walk<P>& w) {
    for_each_micro<K>([&]<int J>() __attribute__((always_inline)) { if constexpr (micro<K, J>.level == 0) evaluate<K, N, J>(r, w, Span{0, N}, c, stride()); });
  }
  /// Level 1: whatever is known after `Stage` passes.
  template <int Stage> [[gnu::always_inline]] void stage(const Walk<P>& w, Span s) {
    for_each_micro<K>([&]<int J>() __attribute__((always_inline)) {
      if constexpr (micro<K, J>.level == 1 && micro<K, J>.stage == Stage && !is_fold<K, J>) {
        if constexpr (is_store<K, J>) write<K, N, J>(r, w, s, stride());
        else evaluate<K, N, J>(r, w, s, c, stride());
      }
    });
  }
  /// Level 2 at one place of one pass; folds go into `sum`.
  template <int Pass> [[gnu::always_inline]] void elements(File& sum, const Walk<P>& w, Span s, std::int64_t at_element) {
    for_each_micro<K>([&]<int J>() __attribute__((always_inline)) {
      constexpr Micro m = micro<K, J>;
      if constexpr (in_pass<K, J>(Pass)) {
        if constexpr (m.what == Micro::What::fold) {
          auto x = at<K, N, m.a>(r);
          if constexpr (along<K> && N > 1)
            if (s.n < N) x = select(ramp<N>(0, 1) < Lanes<std::int32_t, N>(s.n), x, decltype(x)(Fold<K, J>::identity));
          at<K, N, J>(sum) = Fold<K, J>::combine(at<K, N, J>(sum), x);
        } else if constexpr (m.what == Micro::What::scan) {
          at<K, N, J>(sum) = Fold<K, J>::combine(at<K, N, J>(sum), at<K, N, m.a>(r));
          at<K, N, J>(r) = at<K, N, J>(sum);
        } else if constexpr (m.what == Micro::What::store) {
          write<K, N, J>(r, w, s, stride(), streaming);
        } else if constexpr (m.kept >= 0) {
          using T = element_type<m.dtype>;
          T* buffer = reinterpret_cast<T*>(kept + m.kept * row * 8) + at_element;
          if constexpr ((m.passes & ((1u << Pass) - 1u)) == 0) {
            evaluate<K, N, J>(r, w, s, c, stride());
            store(at<K, N, J>(r), buffer, s.n);
          } else {
            at<K, N, J>(r) = load<T, N>(buffer, s.n);
          }
        } else {
          evaluate<K, N, J>(r, w, s, c, stride());
        }
      }
    });
  }
  template <int Pass> [[gnu::always_inline]] static void clear(File& sum) {
    for_each_micro<K>([&]<int J>() __attribute__((always_inline)) {
      if constexpr ((is_fold<K, J> || is_scan<K, J>) && in_pass<K, J>(Pass)) at<K, N, J>(sum) = RegisterType<K, N, J>(Fold<K, J>::identity);
    });
  }
  template <int Pass> [[gnu::always_inline]] static void add(File& to, const File& from) {
    for_each_fold<K, Pass>([&]<int J>() __attribute__((always_inline)) { at<K, N, J>(to) = Fold<K, J>::combine(at<K, N, J>(to), at<K, N, J>(from)); });
  }

  /// One pass with lanes along the row. Four accumulators hide their latency where a pass does little else; after a block
  /// of vectors they are added to a total, which bounds the rounding of long sums.
  template <int Pass> [[gnu::always_inline]] void pass_along(const Walk<P>& start) {
    constexpr int work = [] {
      int n = 0;
      for (const Micro& m : K::body.micros) n += m.passes >> Pass & 1;
      return n;
    }();
    constexpr int U = work <= 4 ? 4 : 1;
    constexpr std::int64_t block = 512 * U * N;
    const std::int64_t n = a.extent[std::size_t(L - 1)];
    File total, part[U];
    const auto each = [&](auto f) __attribute__((always_inline)) {  // by constant index: what a loop counts through stays in memory
      [&]<std::size_t... I>(std::index_sequence<I...>) __attribute__((always_inline)) { (f(part[I], int(I)), ...); }(std::make_index_sequence<std::size_t(U)>{});
    };
    clear<Pass>(total);
    std::int64_t before = 0;
    for_each_point<K, first_folded<K>, L - 1>(a, start, 0, points(a, first_folded<K>, L - 1), [&](const Walk<P>& w) __attribute__((always_inline)) {
      for (std::int64_t i = 0; i < n;) {
        each([](File& p, int) __attribute__((always_inline)) { clear<Pass>(p); });
        const std::int64_t stop = std::min(n, i + block);
        if constexpr (U > 1)
          for (; i + U * N <= stop; i += U * N)
            each([&](File& p, int u) __attribute__((always_inline)) { elements<Pass>(p, w, Span{i + u * N, N}, before + i + u * N); });
        for (; i + N <= stop; i += N) elements<Pass>(part[0], w, Span{i, N}, before + i);
        if (i < stop) {
          elements<Pass>(part[0], w, Span{i, int(stop - i)}, before + i);
          i = stop;
        }
        each([&](File& p, int) __attribute__((always_inline)) { add<Pass>(total, p); });
      }
      before += n;
    });
    for_each_fold<K, Pass>([&]<int J>() __attribute__((always_inline)) { at<K, N, J>(r) = RegisterType<K, N, J>(fold_lanes<Fold<K, J>>(at<K, N, J>(total))); });
  }
  template <int Pass> [[gnu::always_inline]] void passes_along(const Walk<P>& w) {
    stage<Pass>(w, Span{0, N});
    if constexpr (Pass < K::body.passes) {
      pass_along<Pass>(w);
      passes_along<Pass + 1>(w);
    }
  }

  /// All passes with a row a lane.
  template <int Pass> [[gnu::always_inline]] void passes_across(const Walk<P>& w, Span s) {
    stage<Pass>(w, s);
    if constexpr (Pass < K::body.passes) {
      File sum;
      clear<Pass>(sum);
      for_each_point<K, first_folded<K>, L - 1>(a, w, 0, row, [&](const Walk<P>& q) __attribute__((always_inline)) { elements<Pass>(sum, q, s, 0); });
      for_each_fold<K, Pass>([&]<int J>() __attribute__((always_inline)) { at<K, N, J>(r) = at<K, N, J>(sum); });
      passes_across<Pass + 1>(w, s);
    }
  }
  /// A single pass over several columns of lanes at once, so that memory is read in longer pieces.
  template <int Columns> [[gnu::always_inline]] void columns_across(const Walk<P>& w, std::int64_t first) {
    std::array<File, std::size_t(Columns)> sum;
    for (File& s : sum) clear<0>(s);
    for_each_point<K, first_folded<K>, L - 1>(a, w, 0, row, [&](const Walk<P>& q) __attribute__((always_inline)) {
      for (int k = 0; k < Columns; ++k) elements<0>(sum[std::size_t(k)], q, Span{first + k * N, N}, 0);
    });
    for (int k = 0; k < Columns; ++k) {
      stage<0>(w, Span{first + k * N, N});
      for_each_fold<K, 0>([&]<int J>() __attribute__((always_inline)) { at<K, N, J>(r) = at<K, N, J>(sum[std::size_t(k)]); });
      stage<1>(w, Span{first + k * N, N});
    }
  }
};

/// Whether elements can be computed before anything of level 1.
template <class K> constexpr bool elements_stand_alone() {
  if (K::body.passes != 1) return false;
  for (const Micro& m : K::body.micros) {
    if (m.what == Micro::What::gather && m.passes != 0 && K::body.micros[std::size_t(m.b)].level == 1) return false;
    if (m.passes == 0 || (m.what != Micro::What::apply && m.what != Micro::What::fold && m.what != Micro::What::scan && m.what != Micro::What::store)) continue;
    for (const int o : {int(m.a), m.what == Micro::What::apply ? int(m.b) : -1, int(m.c)})
      if (o >= 0 && K::body.micros[std::size_t(o)].level == 1) return false;
  }
  return true;
}

}  // namespace row_detail

template <class K, class Way, int N = lanes> [[gnu::always_inline]] inline void row(const std::int64_t* table, const Context& c) {
  using namespace row_detail;
  constexpr int L = loops<K>, P = pointers<K>;
  const Arguments<L, P> a(table, c);
  const Walk<P> start{a.address, a.origin};
  const std::int64_t size = points(a, first_folded<K>, last_folded<K>);
  const bool streaming = !std::is_same_v<Way, Alone> && N > 1 && streams<K>(a);
  if constexpr (along<K>) {
    const std::int64_t rows = points(a, 0, first_folded<K>);
    Way::run(rows, 1, std::max<std::int64_t>(2, 16384 / std::max<std::int64_t>(size, 1)), c.threads, [&](std::int64_t from, std::int64_t to) {
      alignas(64) std::byte kept[K::body.kept > 0 ? compile::row_buffer_bytes : 1];
      Rows<K, N> work(a, c, kept, streaming);
      work.once(start);
      for_each_point<K, 0, first_folded<K>>(a, start, from, to, [&](const Walk<P>& w) __attribute__((always_inline)) { work.template passes_along<0>(w); });
      if (streaming) streaming_fence();
    });
  } else {
    constexpr int columns = N > 1 && elements_stand_alone<K>() ? 8 : 1;
    const std::int64_t outer = points(a, 0, first_folded<K>), n = a.extent[std::size_t(L - 1)], least = std::max<std::int64_t>(2, 32768 / std::max<std::int64_t>(size, 1));
    const bool flat = outer == 1;
    Way::run(flat ? n : outer, flat ? columns * N : 1, flat || n == 0 ? least : std::max<std::int64_t>(2, least / n), c.threads, [&](std::int64_t begin, std::int64_t end) {
      const std::int64_t from = flat ? 0 : begin, to = flat ? 1 : end, first = flat ? begin : 0, last = flat ? end : n;
      Rows<K, N> work(a, c, nullptr, streaming);
      work.once(start);
      for_each_point<K, 0, first_folded<K>>(a, start, from, to, [&](const Walk<P>& w) __attribute__((always_inline)) {
        std::int64_t i = first;
        if constexpr (columns > 1)
          for (; i + columns * N <= last; i += columns * N) work.template columns_across<columns>(w, i);
        for (; i < last; i += N) work.template passes_across<0>(w, Span{i, int(std::min<std::int64_t>(N, last - i))});
      });
      if (streaming) streaming_fence();
    });
  }
}

}  // namespace sinter::cpu
