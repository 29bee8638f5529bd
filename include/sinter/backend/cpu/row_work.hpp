// What a row kernel computes per element: the registers of a row, or of N rows at a time, and the micro-operations on
// them.
//
// A row is what the folded loops span. If the innermost axis is folded, lanes run along the row (nest order: kept
// loops, folded loops). If not, every lane is a row of its own (kept loops, folded loops, the last kept loop).
#pragma once
#include "parallel.hpp"
#include "sizes.hpp"
#include "streaming.hpp"

namespace sinter::inline SINTER_ABI::cpu::row_detail {

template <class K> inline constexpr int loops = K::body.loops;
template <class K> inline constexpr int pointers = K::body.pointers;
template <class K> inline constexpr bool along = (K::body.folded >> (loops<K> - 1) & 1) != 0;
template <class K> inline constexpr int last_folded = along<K> ? loops<K> : loops<K> - 1;  ///< one past it
template <class K> inline constexpr int first_folded = last_folded<K> - std::popcount(K::body.folded);

template <class K, int J> inline constexpr bool is_fold = micro<K, J>.what == Micro::What::fold;
template <class K, int J> using Fold = graph::primitive_struct<micro<K, J>.code>;
template <class K, int J> using FoldType = element_type<micro<K, J>.dtype>;

/// What a pass does for every element.
template <int Pass> struct InPass {
  static constexpr bool holds(const Micro& m) { return (m.passes >> Pass & 1) != 0; }
};
template <int Pass> struct FoldsOf {
  static constexpr bool holds(const Micro& m) { return m.what == Micro::What::fold && InPass<Pass>::holds(m); }
};
/// Folds and running sums.
template <int Pass> struct SumsOf {
  static constexpr bool holds(const Micro& m) {
    return m.what == Micro::What::scan ? InPass<Pass>::holds(m) : FoldsOf<Pass>::holds(m);
  }
};
template <int Pass> struct ScansOf {
  static constexpr bool holds(const Micro& m) { return m.what == Micro::What::scan && InPass<Pass>::holds(m); }
};
/// What is known of a row after `Stage` passes, and what of it is stored.
template <int Stage> struct ValuesAfter {
  static constexpr bool holds(const Micro& m) {
    return m.level == 1 && m.stage == Stage && m.what != Micro::What::fold && m.what != Micro::What::store;
  }
};
template <int Stage> struct StoresAfter {
  static constexpr bool holds(const Micro& m) {
    return m.level == 1 && m.stage == Stage && m.what == Micro::What::store;
  }
};

template <class K, int Pass, class F> SINTER_IN_KERNEL inline void for_each_fold(F&& f) {
  for_each_micro<K, FoldsOf<Pass>>(f);
}
/// Calls f(0), f(1) … with compile-time numbers: registers indexed by a loop counter would be kept in memory.
template <int Count, class F> SINTER_IN_KERNEL constexpr void unrolled(F&& f) {
  [&]<std::size_t... Index>(std::index_sequence<Index...>) SINTER_IN_KERNEL {
    (f(std::integral_constant<int, int(Index)>{}), ...);
  }(std::make_index_sequence<std::size_t(Count)>{});
}

/// The work of one pass over a row, in micro-operations per element.
template <class K> constexpr int operations(int pass) {
  int n = 0;
  for (const Micro& m : K::body.micros) n += m.passes >> pass & 1;
  return n;
}

/// The initial value of a fold.
template <class K, int J> SINTER_IN_KERNEL inline auto identity_of() {
  using T = FoldType<K, J>;
  return ops::unforeseen(ops::element_from<T>(Fold<K, J>::identity));
}

/// The sums of a pass so far, at the positions of their folds.
template <class K, int N> using Sums = RegisterFile<K, N>;

template <class K, int N, int Pass> SINTER_IN_KERNEL inline void clear(Sums<K, N>& sum) {
  for_each_micro<K, SumsOf<Pass>>([&]<int J>() SINTER_IN_KERNEL {
    at<J>(sum) = RegisterType<K, N, J>(identity_of<K, J>());
  });
}
template <class K, int N, int Pass> SINTER_IN_KERNEL inline void add(Sums<K, N>& to, const Sums<K, N>& from) {
  for_each_fold<K, Pass>([&]<int J>() SINTER_IN_KERNEL {
    at<J>(to) = Fold<K, J>::combine(at<J>(to), at<J>(from));
  });
}

/// What the rows of a kernel share. Every thread has its own copy, which the compiler can see no store changes.
template <class K> struct Task {
  static constexpr int L = loops<K>, P = pointers<K>;

  Arguments<L, P> a;
  Context c;
  bool streaming;    ///< stores bypass the caches
  std::int64_t row;  ///< elements of a row

  SINTER_IN_KERNEL Task(const Arguments<L, P>& arguments, const Context& context, bool stores_past_caches)
      : a(arguments),
        c(context),
        streaming(stores_past_caches),
        row(points(arguments, first_folded<K>, last_folded<K>)) {}
  SINTER_IN_KERNEL auto stride() const {
    return [this](int p) SINTER_IN_KERNEL { return a.stride[p][L - 1]; };
  }
};

/// The registers of one row, or of N of them.
template <class K, int N> struct Row {
  static constexpr int P = pointers<K>;
  RegisterFile<K, N> r;

  /// Level 0: the same for all rows.
  SINTER_IN_KERNEL void once(const Task<K>& t, const Cursor<P>& w) {
    evaluate_each<K, N, OfLevel<0>>(r, w, Span{0, N}, t.c, t.stride());
  }
  SINTER_IN_KERNEL void once_as(const Row& other) {
    for_each_micro<K, OfLevel<0>>([&]<int J>() SINTER_IN_KERNEL { at<J>(r) = at<J>(other.r); });
  }
  /// Level 1: whatever is known after `Stage` passes.
  template <int Stage> SINTER_IN_KERNEL void values(const Task<K>& t, const Cursor<P>& w, Span s) {
    evaluate_each<K, N, ValuesAfter<Stage>>(r, w, s, t.c, t.stride());
  }
  template <int Stage> SINTER_IN_KERNEL void store_values(const Task<K>& t, const Cursor<P>& w, Span s) {
    for_each_micro<K, StoresAfter<Stage>>([&]<int J>() SINTER_IN_KERNEL { write<K, N, J>(r, w, s, t.stride()); });
  }
  /// Level 2 for one element in one pass; folds go into `sum`. Values kept from an earlier pass are in `kept`, by the
  /// index of the element; others where that pass has stored them.
  template <int Pass>
  SINTER_IN_KERNEL void elements(const Task<K>& t, Sums<K, N>& sum, const Cursor<P>& w, Span s,
                                 [[maybe_unused]] std::byte* kept, [[maybe_unused]] std::int64_t element) {
    for_each_micro<K, InPass<Pass>>([&]<int J>() SINTER_IN_KERNEL {
      constexpr Micro m = micro<K, J>;
      if constexpr (m.what == Micro::What::fold) {
        auto x = at<m.a>(r);
        if constexpr (along<K> && N > 1)
          if (s.n < N) x = select(ramp<N>(0, 1) < Lanes<std::int32_t, N>(s.n), x, decltype(x)(identity_of<K, J>()));
        at<J>(sum) = Fold<K, J>::combine(at<J>(sum), x);
      } else if constexpr (m.what == Micro::What::scan) {
        at<J>(sum) = Fold<K, J>::combine(at<J>(sum), at<m.a>(r));
        at<J>(r) = at<J>(sum);
      } else if constexpr (m.what == Micro::What::store) {
        write<K, N, J>(r, w, s, t.stride(), t.streaming);
      } else if constexpr (m.stored >= 0 && (m.passes & ((1u << Pass) - 1u)) != 0) {
        at<J>(r) = read<element_type<m.dtype>, N, m.stored, m.unit>(w, s, t.stride());
      } else if constexpr (m.kept >= 0) {
        using T = element_type<m.dtype>;
        T* buffer = reinterpret_cast<T*>(kept + m.kept * t.row * 8) + element;
        if constexpr ((m.passes & ((1u << Pass) - 1u)) == 0) {
          evaluate<K, N, J>(r, w, s, t.c, t.stride());
          store(at<J>(r), buffer, s.n);
        } else {
          at<J>(r) = load<T, N>(buffer, s.n);
        }
      } else {
        evaluate<K, N, J>(r, w, s, t.c, t.stride());
      }
    });
  }
};

}  // namespace sinter::cpu::row_detail
