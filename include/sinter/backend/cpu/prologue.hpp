// The prologue of a contraction's kernel: the operations that compute an operand, evaluated into the panels that the
// tiles read, [K, width], while those are packed.
#pragma once
#include "body.hpp"
#include "pack.hpp"
#include "tile.hpp"

namespace sinter::inline SINTER_ABI::cpu {

/// The micro-operation that is operand `Side` of a contraction, 0 or 1, where the kernel computes it; else −1.
template <class K, int Side> constexpr int computed_operand() {
  for (int j = 0; j < micros<K>; ++j)
    if (K::body.micros[j].what == Micro::What::operand && K::body.micros[j].b == Side)
      return j;
  return -1;
}
template <class K>
inline constexpr bool computes_operands = computed_operand<K, 0>() >= 0 || computed_operand<K, 1>() >= 0;

/// The micro-operations that compute operand `Side` of a contraction.
template <int Side, int Level> struct OfOperand {
  static constexpr bool holds(const Micro& m) {
    return m.side == Side + 1 && m.level == Level && m.what != Micro::What::operand;
  }
};
/// Evaluates what operand `Side` is computed from: what is known once (level 0), once per line of lanes (1), or for N
/// elements (2).
template <class K, int Side, int Level, int N, int P, class Stride>
SINTER_IN_KERNEL inline void evaluate_operand(RegisterFile<K, N>& r, const Cursor<P>& w, Span s, const Context& c,
                                              Stride&& stride) {
  evaluate_each<K, N, OfOperand<Side, Level>>(r, w, s, c, stride);
}

template <class K, class T, int Side> class Prologue {
  static constexpr int L = K::body.loops, P = K::body.pointers, N = lanes;
  static constexpr compile::ContractLoops loops = compile::ContractLoops::of(K::body);
  static constexpr int first_line = Side == 0 ? loops.rows : loops.columns,
                       last_line = Side == 0 ? loops.columns : loops.inner;
  static constexpr int J = computed_operand<K, Side>();
  static constexpr bool along_inner = micro<K, J>.unit == 1;  ///< lanes run along the contracted axis
  static constexpr int vector = along_inner ? L - 1 : last_line - 1;
  static constexpr int most = Side == 0 ? Tile<T>::rows : Tile<T>::columns;

 public:
  const Arguments<L, P>& a;
  const Context& c;
  const Cursor<P>& start;  ///< at the first element of the matrix

  static void fill(const void* self, T* to, int width, std::int64_t line, int lines, std::int64_t first,
                   std::int64_t depth) {
    const Prologue& p = *static_cast<const Prologue*>(self);
    if (lines < width)
      for (std::int64_t k = 0; k < depth; ++k) std::fill(to + k * width + lines, to + (k + 1) * width, T(0));
    if constexpr (along_inner) p.turn(to, width, line, lines, first, depth);
    else p.lay(to, width, line, lines, first, depth);
  }

 private:
  using File = RegisterFile<K, N>;

  template <int Level> SINTER_IN_KERNEL void evaluate_level(File& r, const Cursor<P>& w, Span s) const {
    evaluate_operand<K, Side, Level>(r, w, s, c,
                                     [this](int p) { return a.stride[p][vector]; });
  }
  SINTER_IN_KERNEL auto& element(File& r) const { return at<micro<K, J>.a>(r); }

  /// Evaluates each line by itself, then transposes: a panel is [K, width].
  [[gnu::flatten]] void turn(T* to, int width, std::int64_t line, int lines, std::int64_t first,
                             std::int64_t depth) const {
    constexpr int strip = 128;
    alignas(64) T room[std::size_t(most * strip)];
    Nest strips;
    strips.add(lines, strip);
    const Lines<most> rows(strips, 0, lines);
    File r;
    evaluate_level<0>(r, start, Span{0, N});
    for (std::int64_t k = 0; k < depth;) {
      constexpr bool nested = L - loops.inner > 1;
      const std::int64_t extent = a.extent[L - 1], outer = nested ? (first + k) / extent : 0,
                         from = first + k - outer * extent;
      const std::int64_t n = std::min<std::int64_t>({strip, depth - k, nested ? extent - from : depth});
      Cursor<P> corner = start;
      if constexpr (nested) move<K, loops.inner, L - 1>(corner, a, outer);
      T* row = room;
      for_each_point<K, first_line, last_line>(
          a, corner, line, line + lines, [&](const Cursor<P>& w) SINTER_IN_KERNEL {
            evaluate_level<1>(r, w, Span{0, N});
            std::int64_t i = 0;
            for (; i + N <= n; i += N) {
              evaluate_level<2>(r, w, Span{from + i, N});
              store(element(r), row + i, N);
            }
            if (i < n) {
              evaluate_level<2>(r, w, Span{from + i, int(n - i)});
              store(element(r), row + i, N);
            }
            row += strip;
          });
      pack_run(to + k * width, width, room, rows, 1, n);
      k += n;
    }
  }

  /// Evaluates contiguous lines next to each other, as a panel has them.
  [[gnu::flatten]] void lay(T* to, int width, std::int64_t line, int lines, std::int64_t first,
                            std::int64_t depth) const {
    File r;
    evaluate_level<0>(r, start, Span{0, N});
    for (int done = 0; done < lines;) {
      constexpr bool nested = last_line - first_line > 1;
      const std::int64_t extent = a.extent[vector], outer = nested ? (line + done) / extent : 0,
                         from = line + done - outer * extent;
      const int length = nested ? int(std::min<std::int64_t>(lines - done, extent - from)) : lines;
      Cursor<P> corner = start;
      if constexpr (nested) move<K, first_line, vector>(corner, a, outer);
      T* row = to + done;
      for_each_point<K, loops.inner, L>(
          a, corner, first, first + depth, [&](const Cursor<P>& w) SINTER_IN_KERNEL {
            evaluate_level<1>(r, w, Span{0, N});
            int i = 0;
            for (; i + N <= length; i += N) {
              evaluate_level<2>(r, w, Span{from + i, N});
              store(element(r), row + i, N);
            }
            if (i < length) {
              evaluate_level<2>(r, w, Span{from + i, length - i});
              store(element(r), row + i, length - i);
            }
            row += width;
          });
      done += length;
    }
  }
};

}  // namespace sinter::cpu
