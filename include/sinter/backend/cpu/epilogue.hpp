// The epilogue of a contraction: what it does with its sums, on each tile while that is in cache.
#pragma once
#include "body.hpp"

namespace sinter::inline SINTER_ABI::cpu {

/// The operations of one kernel after the sums of products, on one tile.
template <class K, class T> struct Epilogue {
  static constexpr int L = K::body.loops, P = K::body.pointers, N = lanes;
  const Arguments<L, P>& a;
  const Context& c;
  const Cursor<P>& start;  ///< at the first element of the matrix

  static void finish(const void* self, const T* tile, std::int64_t ld, std::int64_t row, int rows, std::int64_t column,
                     int columns) {
    static_cast<const Epilogue*>(self)->run(tile, ld, row, rows, column, columns);
  }

 private:
  static constexpr compile::ContractLoops loops = compile::ContractLoops::of(K::body);
  static constexpr int last = loops.inner - 1;  ///< the loop along which lanes run

  /// Whether columns are one loop for all epilogue operands, whose strides may differ.
  bool columns_are_one_loop() const {
    for (int p = 2; p < P; ++p)
      if (!are_one_loop(a, p, loops.columns, loops.inner)) return false;
    return true;
  }

  /// Columns are processed in runs along the last loop; level 1 holds for one run of a row.
  [[gnu::flatten]] void run(const T* tile, std::int64_t ld, std::int64_t row, int rows, std::int64_t column,
                            int columns) const {
    const auto stride = [this](int p) { return a.stride[p][last]; };
    RegisterFile<K, N> r;
    evaluate_each<K, N, OfLevel<0>>(r, start, Span{0, N}, c, stride);
    const bool nested = loops.inner - loops.columns > 1 && !columns_are_one_loop();
    for (int done = 0; done < columns;) {
      const std::int64_t extent = a.extent[last], outer = nested ? (column + done) / extent : 0,
                         at_column = column + done - outer * extent;
      const int length = nested ? int(std::min<std::int64_t>(columns - done, extent - at_column)) : columns;
      Cursor<P> corner = start;
      if constexpr (loops.inner - loops.columns > 1)
        if (nested) move<K, loops.columns, last>(corner, a, outer);
      const T* sums = tile + done;
      for_each_point<K, loops.rows, loops.columns>(
          a, corner, row, row + rows, [&](const Cursor<P>& w) SINTER_IN_KERNEL {
            evaluate_each<K, N, OfLevel<1>>(r, w, Span{0, N}, c, stride);
            for (int j = 0; j < length; j += N) {
              const Span s{at_column + j, std::min(N, length - j)};
              for_each_micro<K, PerElement>([&]<int J>() SINTER_IN_KERNEL {
                constexpr Micro::What what = micro<K, J>.what;
                if constexpr (what == Micro::What::result)
                  at<J>(r) = load<T, N>(sums + j, s.n);
                else if constexpr (what == Micro::What::store)
                  write<K, N, J>(r, w, s, stride);
                else
                  evaluate<K, N, J>(r, w, s, c, stride);
              });
            }
            sums += ld;
          });
      done += length;
    }
  }
};

}  // namespace sinter::cpu
