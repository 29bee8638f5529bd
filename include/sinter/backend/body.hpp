// Runs the micro-operations of a kernel on N lanes, the same code for maps, rows and the epilogue of a contraction, and
// for all backends: with one lane it is an element's (access.hpp).
#pragma once
#include <algorithm>
#include <bit>
#include <type_traits>
#include <utility>

#include "access.hpp"
#include "arguments.hpp"

namespace sinter::inline SINTER_ABI::internals::backend {

using compile::Micro;

/// One register of a kernel. Equal types at equal positions are shared between kernels.
template <int J, class T> struct Slot {
  T value;
};

template <class K, int J> inline constexpr Micro micro = K::body.micros[J];
template <class K> inline constexpr int micros = int(K::body.micros.size());

template <class K, int N, int J> using RegisterType = Lanes<element_type<micro<K, J>.dtype>, N>;

template <class K, int N, class = std::make_index_sequence<micros<K>>> struct RegisterFile;
template <class K, int N, std::size_t... J> struct RegisterFile<K, N, std::index_sequence<J...>>
    : Slot<int(J), RegisterType<K, N, int(J)>>... {};

/// The register of micro-operation J in a file.
template <int J, class T> [[gnu::always_inline]] constexpr T& at(Slot<J, T>& slot) { return slot.value; }
template <int J, class T> [[gnu::always_inline]] constexpr const T& at(const Slot<J, T>& slot) { return slot.value; }

/// Where the pointers of a kernel stand: addresses, and counts for pointers without memory.
template <int P> struct Cursor {
  Array<std::byte*, P> address;
  Array<std::int64_t, P> count;
};

/// How far a kernel's vector loop has come: `n` of N lanes from element i on.
struct Span {
  std::int64_t i;
  int n;
};

/// Which micro-operations of a kernel are meant.
struct EveryMicro {
  static constexpr bool holds(const Micro&) { return true; }
};
/// What runs once (0), or once a row (1).
template <int Level> struct OfLevel {
  static constexpr bool holds(const Micro& m) { return m.level == Level && m.side == 0; }
};
/// What runs for every element: of level 2, or a store or sum into memory wherever it stands.
struct PerElement {
  static constexpr bool holds(const Micro& m) {
    return m.side == 0 && (m.level == 2 || m.what == Micro::What::store || m.what == Micro::What::scatter ||
                           m.what == Micro::What::result);
  }
};

template <class K, class Which> constexpr int count_micros() {
  int n = 0;
  for (const Micro& m : K::body.micros) n += Which::holds(m) ? 1 : 0;
  return n;
}
template <class K, int N, int J, int P, class File, class Context, class Stride>
[[gnu::always_inline]] constexpr void evaluate(File& r, const Cursor<P>& w, Span s, const Context& c,
                                               const Stride& stride);
template <class K, class Which, class = std::make_index_sequence<count_micros<K, Which>()>>
struct ChosenMicros;
template <class K, class Which, std::size_t... Index> struct ChosenMicros<K, Which, std::index_sequence<Index...>> {
  static constexpr auto number = [] {
    Array<int, int(sizeof...(Index)) + 1> r{};
    int n = 0, j = 0;
    for (const Micro& m : K::body.micros) {
      if (Which::holds(m)) r[n++] = j;
      ++j;
    }
    return r;
  }();
  template <class F> [[gnu::always_inline]] static constexpr void each(F&& f) {
    (f.template operator()<number[Index]>(), ...);
  }
  template <int N, int P, class File, class Context, class Stride> [[gnu::always_inline]] static constexpr void
  run(File& r, const Cursor<P>& w, Span s, const Context& c, const Stride& stride) {
    (evaluate<K, N, number[Index]>(r, w, s, c, stride), ...);
  }
};

/// Calls f<J>() for each micro-operation J of the kernel that `Which` names. Nothing is instantiated for the others:
/// what each call of a kernel leaves out would otherwise be most of what the compiler is asked to look at.
template <class K, class Which = EveryMicro, class F> [[gnu::always_inline]] constexpr void for_each_micro(F&& f) {
  if constexpr (count_micros<K, Which>() > 0) ChosenMicros<K, Which>::each(f);
}
/// Evaluates them, as `evaluate` does each.
template <class K, int N, class Which, int P, class File, class Context, class Stride>
[[gnu::always_inline]] constexpr void evaluate_each(File& r, const Cursor<P>& w, Span s, const Context& c,
                                                    const Stride& stride) {
  if constexpr (count_micros<K, Which>() > 0) ChosenMicros<K, Which>::template run<N>(r, w, s, c, stride);
}

/// Whether the lanes of register J agree: values a row do, unless every lane is a row of its own.
template <class K, int J>
inline constexpr bool same_for_all_lanes = micro<K, J>.level == 0 ||
                                           (micro<K, J>.level == 1 &&
                                            (K::body.kind != compile::KernelKind::row ||
                                             (K::body.folded >> (K::body.loops - 1) & 1) != 0));

/// N elements of pointer P, whose stride along the vector loop is 0, 1 or another.
template <class T, int N, int A, int Unit, int P, class Stride>
[[gnu::always_inline]] constexpr Lanes<T, N> read(const Cursor<P>& w, Span s, Stride&& stride) {
  const T* p = reinterpret_cast<const T*>(w.address[A]);
  if constexpr (Unit == 0) return Lanes<T, N>(*p);
  else if constexpr (Unit == 1) return Access<T, N>::load(p + s.i, s.n);
  else return Access<T, N>::load_strided(p + s.i * stride(A), stride(A), s.n);
}

/// Runs the store J; whole registers past the caches where `streaming` says so (see streaming.hpp).
template <class K, int N, int J, int P, class File, class Stride>
[[gnu::always_inline]] constexpr void write(const File& r, const Cursor<P>& w, Span s, Stride&& stride,
                                            [[maybe_unused]] bool streaming = false) {
  constexpr Micro m = micro<K, J>;
  using T = element_type<m.dtype>;
  T* p = reinterpret_cast<T*>(w.address[m.b]);
  const auto& x = at<m.a>(r);
  if constexpr (m.unit == 0) *p = first(x);
  else if constexpr (m.unit == 1) {
    if constexpr (N > 1 && m.level == 2 && sizeof(T) >= 4)
      if (streaming && s.n == N) return x.stream(p + s.i);
    Access<T, N>::store(x, p + s.i, s.n);
  } else Access<T, N>::store_strided(x, p + s.i * stride(m.b), stride(m.b), s.n);
}

/// Evaluates micro-operation J: load, constant, count, length, gather, apply or store. `stride(p)` gives the stride of
/// pointer p along the vector loop, asked only where it is neither 0 nor 1.
template <class K, int N, int J, int P, class File, class Context, class Stride>
[[gnu::always_inline]] constexpr void evaluate(File& r, const Cursor<P>& w, Span s, const Context& c,
                                               const Stride& stride) {
  constexpr Micro m = micro<K, J>;
  using T = element_type<m.dtype>;
  if constexpr (m.what == Micro::What::store) return write<K, N, J>(r, w, s, stride);
  [[maybe_unused]] auto& out = at<J>(r);
  if constexpr (m.what == Micro::What::load) {
    out = read<T, N, m.a, m.unit>(w, s, stride);
  } else if constexpr (m.what == Micro::What::constant) {
    out = Lanes<T, N>(ops::unforeseen(ops::converted<T>(std::bit_cast<double>(w.count[m.a]))));
  } else if constexpr (m.what == Micro::What::count) {
    if constexpr (m.unit == 0) out = Lanes<T, N>(w.count[m.a]);
    else if constexpr (m.unit == 1) out = Access<std::int32_t, N>::ramp(w.count[m.a] + s.i, 1);
    else out = Access<std::int32_t, N>::ramp(w.count[m.a] + s.i * stride(m.a), stride(m.a));
  } else if constexpr (m.what == Micro::What::length) {
    out = Lanes<T, N>(c.lengths[m.a]);
  } else if constexpr (m.what == Micro::What::gather) {
    const auto axis = compile::IndexedAxis::of(w.count[m.a + 1]);
    const T* p = reinterpret_cast<const T*>(w.address[m.a]);
    if constexpr (same_for_all_lanes<K, m.b>) {
      const auto position = std::int64_t(first(at<m.b>(r)));
      if (position < 0 || position >= axis.extent) out = Lanes<T, N>(ops::unforeseen(nothing<T>));
      else if constexpr (m.unit == 0) out = Lanes<T, N>(p[position * axis.stride]);
      else if constexpr (m.unit == 1) out = Access<T, N>::load(p + position * axis.stride + s.i, s.n);
      else out = Access<T, N>::load_strided(p + position * axis.stride + s.i * stride(m.a), stride(m.a), s.n);
    } else {
      const auto lane_stride = m.unit == 0   ? std::int64_t(0)
                               : m.unit == 1 ? std::int64_t(1)
                                             : std::int64_t(stride(m.a));
      out = Access<T, N>::gather(p + s.i * lane_stride, lane_stride, at<m.b>(r), axis.stride, axis.extent, s.n);
    }
  } else if constexpr (m.what == Micro::What::apply) {
    using Op = graph::primitive_struct<m.code>;
    if constexpr (m.c >= 0) out = Op::eval(at<m.a>(r), at<m.b>(r), at<m.c>(r));
    else if constexpr (m.b >= 0) out = Op::eval(at<m.a>(r), at<m.b>(r));
    else out = Op::eval(at<m.a>(r));
  }
}

/// Runs the scatter J: adds lane by lane, in order, what has a position.
template <class K, int N, int J, int P, class File, class Stride>
[[gnu::always_inline]] constexpr void add_at_positions(const File& r, const Cursor<P>& w, Span s, Stride&& stride) {
  constexpr Micro m = micro<K, J>;
  using T = element_type<m.dtype>;
  T* p = reinterpret_cast<T*>(w.address[m.b]);
  const auto axis = compile::IndexedAxis::of(w.count[m.b + 1]);
  const auto& x = at<m.a>(r);
  if constexpr (same_for_all_lanes<K, m.c> && m.unit == 1) {
    const auto position = std::int64_t(first(at<m.c>(r)));
    T* const to = p + position * axis.stride + s.i;
    if (position >= 0 && position < axis.extent) Access<T, N>::store(Access<T, N>::load(to, s.n) + x, to, s.n);
  } else {
    const auto lane_stride = m.unit == 0 ? std::int64_t(0) : m.unit == 1 ? std::int64_t(1) : std::int64_t(stride(m.b));
    Access<T, N>::add(x, p + s.i * lane_stride, lane_stride, at<m.c>(r), axis.stride, axis.extent, s.n);
  }
}

/// Bytes of one element of pointer P, for stepping it: the dtype of whoever loads or stores through it.
template <class K> constexpr auto element_sizes() {
  Array<int, std::max(1, K::body.pointers)> size{};
  for (const Micro& m : K::body.micros) {
    if (m.what == Micro::What::load || m.what == Micro::What::gather) size[m.a] = bytes_of(m.dtype);
    if (m.what == Micro::What::store || m.what == Micro::What::scatter) size[m.b] = bytes_of(m.dtype);
    if (m.what == Micro::What::result) size[0] = size[1] = bytes_of(operands_of(m));
  }
  for (const Micro& m : K::body.micros)
    if (m.what == Micro::What::operand) size[m.b] = 0;  // computed, not read
  return size;
}

/// Which pointers move along loops; numbers, and the axes of gathers, stand still.
template <class K> constexpr auto moving_pointers() {
  Array<bool, std::max(1, K::body.pointers)> moves{};
  for (const Micro& m : K::body.micros) {
    if (m.what == Micro::What::load || m.what == Micro::What::gather || m.what == Micro::What::count)
      moves[m.a] = true;
    if (m.what == Micro::What::store || m.what == Micro::What::scatter) moves[m.b] = true;
    if (m.what == Micro::What::result) moves[0] = moves[1] = true;
  }
  return moves;
}

/// Moves every pointer by a number of bytes, or of counts where it has no memory.
template <class K, int P>
SINTER_IN_KERNEL inline void advance(Cursor<P>& w, const Array<std::int64_t, P>& by) {
  static constexpr auto size = element_sizes<K>();
  static constexpr auto moves = moving_pointers<K>();
  [&]<std::size_t... Index>(std::index_sequence<Index...>) SINTER_IN_KERNEL {  // constant index: in registers
    ((size[Index] > 0 ? void(w.address[Index] += by[Index])
      : moves[Index]  ? void(w.count[Index] += by[Index])
                      : void()),
     ...);
  }(std::make_index_sequence<std::size_t(P)>{});
}
/// What moves every pointer by `steps` along loop i.
template <class K, int L, int P>
SINTER_IN_KERNEL inline auto steps_along(const Arguments<L, P>& a, int loop, std::int64_t steps) {
  static constexpr auto size = element_sizes<K>();
  static constexpr auto moves = moving_pointers<K>();
  Array<std::int64_t, P> by;
  [&]<std::size_t... Index>(std::index_sequence<Index...>) SINTER_IN_KERNEL {
    ((by[Index] = !moves[Index] ? 0 : steps * a.stride[Index][loop] * (size[Index] > 0 ? size[Index] : 1)),
     ...);
  }(std::make_index_sequence<std::size_t(P)>{});
  return by;
}
/// Moves every pointer by `steps` along loop i.
template <class K, int L, int P>
SINTER_IN_KERNEL inline void advance(Cursor<P>& w, const Arguments<L, P>& a, int loop, std::int64_t steps) {
  advance<K>(w, steps_along<K>(a, loop, steps));
}

/// Moves every pointer to point i of loops [First, Last), counted in row-major order.
template <class K, int First, int Last, int L, int P>
SINTER_IN_KERNEL inline void move(Cursor<P>& w, const Arguments<L, P>& a, std::int64_t i) {
  for (int l = Last - 1; l > First; --l) {
    advance<K>(w, a, l, i % a.extent[l]);
    i /= a.extent[l];
  }
  advance<K>(w, a, First, i);
}

/// Calls f(cursor) for the points [from, to) of loops [First, Last), counted in row-major order.
template <class K, int First, int Last, int L, int P, class F>
SINTER_IN_KERNEL inline void for_each_point(const Arguments<L, P>& a, const Cursor<P>& start, std::int64_t from,
                                            std::int64_t to, F&& f) {
  if constexpr (First == Last) {
    if (from < to) f(start);
  } else {
    if (from >= to) return;
    Array<std::int64_t, Last - First> index{};
    Cursor<P> w = start;
    std::int64_t rest = from;
    for (int i = Last - 1; i >= First; --i) {
      const std::int64_t e = a.extent[i];
      index[i - First] = rest % e;
      advance<K>(w, a, i, rest % e);
      rest /= e;
    }
    const auto step = steps_along<K>(a, Last - 1, 1);
    const std::int64_t extent = a.extent[Last - 1];
    for (std::int64_t at = from, begin = index[Last - 1 - First];;) {
      const std::int64_t run = std::min(to - at, extent - begin);
      for (std::int64_t k = 0; k < run; ++k) {
        f(std::as_const(w));
        advance<K>(w, step);
      }
      at += run;
      if (at >= to) return;
      begin = 0;  // a whole innermost loop has ended
      advance<K>(w, a, Last - 1, -extent);
      for (int i = Last - 2; i >= First; --i) {
        advance<K>(w, a, i, 1);
        if (++index[i - First] < a.extent[i]) break;
        advance<K>(w, a, i, -a.extent[i]);
        index[i - First] = 0;
      }
    }
  }
}

/// Whether loops [first, last) of a pointer are as one.
template <int L, int P> inline bool are_one_loop(const Arguments<L, P>& a, int pointer, int first, int last) {
  const auto& stride = a.stride[pointer];
  for (int l = first; l + 1 < last; ++l)
    if (stride[l] != stride[l + 1] * a.extent[l + 1]) return false;
  return true;
}

/// The number of points of loops [first, last).
template <int L, int P> inline std::int64_t points(const Arguments<L, P>& a, int first, int last) {
  std::int64_t n = 1;
  for (int i = first; i < last; ++i) n *= a.extent[i];
  return n;
}

}  // namespace sinter::internals::backend
