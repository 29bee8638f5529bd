// Small contractions of straight-line programs: extents, strides and offsets are constants of the step, operands are
// read where they lie, and the epilogue runs on the accumulators.
//
// There are three forms, chosen while compiling:
//   outer: lanes along columns; one element of the left operand times a row of the right one. The right operand has its
//          columns side by side, by itself or in panels.
//   dot:   lanes along the contracted axis, folded at the end: few results of
//          long sums of two operands that both lie along it.
//   The outer form on a transposed copy of the right operand on the stack: everything else.
#pragma once
#include "../../ops/arithmetic.hpp"
#include "contract.hpp"
#include "fixed.hpp"

namespace sinter::inline SINTER_ABI::cpu {

/// The form for a contraction whose rows, columns and contracted axis are each one loop of a fixed extent, if one of
/// the three suits: what has to be transposed fits on the stack. Few results of long sums, of operands that both lie
/// along them, are dot products.
constexpr ContractMethod::Small small_method(const compile::StepView& s, Dtype sums) {
  using enum ContractMethod::Small;
  const compile::ContractLoops at = s.contract_loops();
  if (at.columns - at.rows != 1 || at.inner - at.columns != 1 || s.loops() - at.inner != 1) return none;
  for (int l = 0; l < s.loops(); ++l)
    if (s.varies(l)) return none;
  const std::int64_t rows = s.extent(at.rows), columns = s.extent(at.columns), inner = s.extent(at.inner),
                     right_column = s.stride(1, at.columns);
  if (rows == 0 || columns == 0 || inner == 0) return none;
  if (lanes > 1 && s.stride(0, at.inner) == 1 && s.stride(1, at.inner) == 1 && inner >= 4 &&
      (columns == 1 || (rows == 1 && inner >= 64)))
    return dot;
  if (right_column == 1 || s.form(1) == WeightForm::panels || columns == 1) return outer;
  return inner * columns * bytes_of(sums) <= 16384 ? transposed : none;
}

/// What the sums of a kernel may begin with: a number, or an element read from memory, that is added to them and
/// nothing else asks for the sums themselves.
struct FirstSummand {
  int addition = -1, summand = -1;  ///< micro-operations
};
template <class K> constexpr FirstSummand first_summand_of() {
  int result = -1;
  FirstSummand found;
  for (int j = 0; j < micros<K>; ++j) {
    const Micro& m = K::body.micros[j];
    if (m.what == Micro::What::result) result = j;
    if (result < 0 || j == result) continue;
    if (m.what == Micro::What::store && m.a == result) return {};
    if (m.what != Micro::What::apply || (m.a != result && m.b != result && m.c != result)) continue;
    if (found.addition >= 0 || m.code != graph::code_of<ops::Add> || m.a == m.b) return {};
    found = {j, m.a == result ? m.b : m.a};
  }
  if (found.addition < 0) return {};
  const Micro& m = K::body.micros[found.summand];
  return m.side == 0 && (m.what == Micro::What::load || m.what == Micro::What::constant) &&
                 m.dtype == K::body.micros[found.addition].dtype
             ? found
             : FirstSummand{};
}

template <class K, class Step> class SmallContraction {
  using F = Fixed<K, Step>;
  static constexpr int P = F::P;
  using T = element_type<dtype_of_result<K>()>;
  static constexpr auto loops = compile::ContractLoops::of(K::body);
  static constexpr std::int64_t rows = F::extent(loops.rows), columns = F::extent(loops.columns),
                                inner = F::extent(loops.inner);
  static constexpr std::int64_t left_row = F::stride(0, loops.rows), left_inner = F::stride(0, loops.inner);
  static constexpr std::int64_t right_column = F::stride(1, loops.columns), right_inner = F::stride(1, loops.inner);
  static constexpr int N = lanes_for(columns);
  using V = Lanes<T, N>;

  static constexpr auto method = ContractMethod::of(F::method()).in_line;
  static constexpr bool in_panels = F::form(1) == WeightForm::panels;  ///< packed in advance (lowering/panels.hpp)

  // The tile: accumulators fill most of the registers, and rows and columns fall into tiles of nearly equal size.
  static constexpr int parts = N > 1 ? std::max(1, N * int(sizeof(T)) / (lanes * int(sizeof(float)))) : 1;
#if defined(__AVX512F__) || defined(__aarch64__)
  static constexpr int accumulators = 24;
#else
  static constexpr int accumulators = 12;
#endif
  static constexpr int even(std::int64_t n, int most) {
    const std::int64_t count = (n + most - 1) / most;
    return int((n + count - 1) / count);
  }
  static constexpr int registers = int((columns + N - 1) / N);
  static constexpr int R = even(rows, std::min(8, accumulators / parts)),
                       C = even(registers, std::max(1, rows == 1 && in_panels ? Tile<T>::columns / N
                                                                              : accumulators / (R * parts)));
  static constexpr int addition = first_summand_of<K>().addition, begin = first_summand_of<K>().summand;
  /// A row that an earlier step has just computed is in registers, or on its way to memory: its elements are spread
  /// from registers, which is sooner than to read them one by one.
  static constexpr bool left_in_registers = rows == 1 && left_inner == 1 && F::base(0) == 0 &&
                                            std::is_same_v<T, float> && inner <= 32 && inner % N == 0 && N == lanes &&
                                            spreads_lanes;
  /// Sums that are independent of each other hide the latency of the multiply-add.
  static constexpr int chains(int tile) { return inner < 8 || tile * parts >= 8 ? 1 : tile * parts >= 4 ? 2 : 4; }

 public:
  [[gnu::always_inline]] static void run(const Context& c) {
    constexpr std::int64_t matrices = F::template points<0, loops.rows>(), work = rows * columns * inner;
    if constexpr (matrices > 1 && matrices * work > 1 << 19) {
      const Cursor<P> start = F::start(c);
      split(matrices, 1, std::max<std::int64_t>(2, (1 << 18) / work), c.threads,
            [&](std::int64_t from, std::int64_t to) {
              for (std::int64_t i = from; i < to; ++i) matrix(F::template at_point<0, loops.rows>(start, i), c);
            });
    } else {
      F::template for_each<0, loops.rows>(
          F::start(c), [&](const Cursor<P>& w) __attribute__((always_inline)) { matrix(w, c); });
    }
  }

 private:
  static constexpr auto stride = [](int p) { return F::stride(p, loops.columns); };

  [[gnu::always_inline]] static void matrix(const Cursor<P>& w, const Context& c) {
    const T* const a = reinterpret_cast<const T*>(w.address[0]);
    const T* const b = reinterpret_cast<const T*>(w.address[1]);
    if constexpr (method == ContractMethod::Small::dot) {
      dots(w, c, a, b);
    } else if constexpr (method == ContractMethod::Small::outer) {
      tiles<right_inner, in_panels>(w, c, a, b);
    } else {
      constexpr std::int64_t ld = registers * N;
      alignas(64) T transposed[std::size_t(inner * ld)];
      for (std::int64_t k = 0; k < inner; ++k)
        for (std::int64_t j = 0; j < columns; ++j) transposed[k * ld + j] = b[j * right_column + k * right_inner];
      tiles<ld, false>(w, c, a, transposed);
    }
  }

  // ---- outer ----
  /// Where a column of an operand in panels begins.
  static constexpr std::int64_t panel_at(std::int64_t column) {
    constexpr std::int64_t width = Tile<T>::columns;
    return column / width * right_column + column % width;
  }
  template <std::int64_t Ld, bool Panels>
  [[gnu::always_inline]] static void tiles(const Cursor<P>& w, const Context& c, const T* a, const T* b) {
    constexpr std::int64_t whole = columns / (C * N), rest = columns - whole * C * N;
    for (std::int64_t g = 0; g < whole; ++g) strip<Ld, Panels, C, N, N>(w, c, a, b, g * C * N);
    if constexpr (rest > 0) {
      // a few columns by themselves take narrower registers
      constexpr int M = rest < N ? lanes_for(rest) : N, last = int((rest + M - 1) / M);
      strip<Ld, Panels, last, int(rest - (last - 1) * M), M>(w, c, a, b, whole * C * N);
    }
  }
  /// `Count` registers of M columns from `column` on, the last of which holds `Tail` columns.
  template <std::int64_t Ld, bool Panels, int Count, int Tail, int M>
  [[gnu::always_inline]] static void strip(const Cursor<P>& w, const Context& c, const T* a, const T* b,
                                           std::int64_t column) {
    constexpr std::int64_t whole = rows / R, rest = rows % R;
    for (std::int64_t i = 0; i < whole; ++i) tile<Ld, Panels, Count, Tail, M, R>(w, c, a, b, i * R, column);
    if constexpr (rest > 0) tile<Ld, Panels, Count, Tail, M, int(rest)>(w, c, a, b, whole * R, column);
  }
  template <std::int64_t Ld, bool Panels, int Count, int Tail, int M, int Height>
  [[gnu::always_inline]] static void tile(const Cursor<P>& w, const Context& c, const T* a, const T* b,
                                          std::int64_t row, std::int64_t column) {
    using Register = Lanes<T, M>;
    constexpr int S = chains(Height * Count);
    Register sum[std::size_t(S)][std::size_t(Height)][std::size_t(Count)];
    const T* from[std::size_t(Count)];
#pragma GCC unroll 4
    for (int z = 0; z < S; ++z)
#pragma GCC unroll 16
      for (int i = 0; i < Height; ++i)
#pragma GCC unroll 32
        for (int j = 0; j < Count; ++j)
          sum[z][i][j] =
              z == 0 ? first_summand<M>(w, c, row + i, column + j * M, j + 1 == Count ? Tail : M) : Register(0);
#pragma GCC unroll 32
    for (int j = 0; j < Count; ++j) from[j] = b + (Panels ? panel_at(column + j * M) : column + j * M);
    a += row * left_row;
    const auto term = [&](int z, std::int64_t k, bool begins = false) __attribute__((always_inline)) {
      Register right[std::size_t(Count)];
#pragma GCC unroll 32
      for (int j = 0; j < Count; ++j) right[j] = load<T, M>(from[j] + k * Ld, j + 1 == Count ? Tail : M);
#pragma GCC unroll 16
      for (int i = 0; i < Height; ++i) {
        const Register left(a[i * left_row + k * left_inner]);
#pragma GCC unroll 32
        for (int j = 0; j < Count; ++j) sum[z][i][j] = begins ? left * right[j] : fma(left, right[j], sum[z][i][j]);
      }
    };
    if constexpr (left_in_registers && M == lanes && inner * Count <= 128) {
      Register left[std::size_t(inner / M)];
#pragma GCC unroll 4
      for (std::int64_t k = 0; k < inner / M; ++k) left[k] = Register::load(a + k * M);
      [&]<std::size_t... Index>(std::index_sequence<Index...>) __attribute__((always_inline)) {
        const auto at = [&]<int At>() __attribute__((always_inline)) {
          const Register x = lane<At % M>(left[At / M]);
#pragma GCC unroll 32
          for (int j = 0; j < Count; ++j) {
            const Register right = load<T, M>(from[j] + At * Ld, j + 1 == Count ? Tail : M);
            sum[At % S][0][j] = At > 0 && At < S ? x * right : fma(x, right, sum[At % S][0][j]);
          }
        };
        (at.template operator()<int(Index)>(), ...);
      }(std::make_index_sequence<std::size_t(inner)>{});
    } else if constexpr (inner <= 32 && inner * Height * Count <= 128) {
#pragma GCC unroll 32
      for (std::int64_t k = 0; k < inner; ++k) term(int(k % S), k, k > 0 && k < S);
    } else {
      constexpr std::int64_t step = S * (Height * Count * S < 8    ? 4
                                         : Height * Count * S < 16 ? 2
                                                                   : 1),
                             whole = inner / step * step;
      for (std::int64_t k = 0; k < whole; k += step)
#pragma GCC unroll 16
        for (int q = 0; q < int(step); ++q) term(q % S, k + q);
#pragma GCC unroll 16
      for (int q = 0; q < int(inner - whole); ++q) term(q % S, whole + q);
    }
    const auto add = [&](int to, int what) __attribute__((always_inline)) {
#pragma GCC unroll 16
      for (int i = 0; i < Height; ++i)
#pragma GCC unroll 32
        for (int j = 0; j < Count; ++j) sum[to][i][j] = sum[to][i][j] + sum[what][i][j];
    };
    static_assert(S == 1 || S == 2 || S == 4);
    if constexpr (S == 4) add(0, 2), add(1, 3);
    if constexpr (S > 1) add(0, 1);
    finish<M, Height, Count, Tail>(w, c, sum[0], row, column);
  }

  /// What the sums of n columns of a row begin with.
  template <int M> [[gnu::always_inline]] static Lanes<T, M> first_summand(const Cursor<P>& start, const Context& c,
                                                                           std::int64_t row, std::int64_t column,
                                                                           int n) {
    if constexpr (begin < 0) {
      return Lanes<T, M>(0);
    } else {
      RegisterFile<K, M> r;
      evaluate<K, M, begin>(r, F::template moved<loops.rows>(start, row), Span{column, n}, c, stride);
      return at<begin>(r);
    }
  }

  // ---- dot ----
  [[gnu::always_inline]] static T product(const T* a, const T* b, const Lanes<T, 1>& summand) {
    using W = Lanes<T, lanes>;
    constexpr std::int64_t whole = inner / lanes;
    constexpr int S = whole >= 4 ? 4 : whole >= 1 ? int(whole) : 1, tail = int(inner % lanes);
    W sum[std::size_t(S)];
#pragma GCC unroll 4
    for (int z = 0; z < S; ++z) sum[z] = W(0);
    const auto term = [&](int z, std::int64_t k, int n) __attribute__((always_inline)) {
      const W x = load<T, lanes>(a + k, n), y = load<T, lanes>(b + k, n);
      sum[z] = whole <= S && (whole == 0 || n == lanes) ? x * y : fma(x, y, sum[z]);
    };
    for (std::int64_t k = 0; k < whole / S * S; k += S)
#pragma GCC unroll 4
      for (int z = 0; z < S; ++z) term(z, (k + z) * lanes, lanes);
#pragma GCC unroll 4
    for (int z = 0; z < int(whole % S); ++z) term(z, (whole / S * S + z) * lanes, lanes);
    if constexpr (tail > 0) term(S - 1, whole * lanes, tail);
#pragma GCC unroll 4
    for (int z = 1; z < S; ++z) sum[0] = sum[0] + sum[z];
    if constexpr (begin < 0) return total(sum[0]);
    else return total(sum[0], summand.v);
  }
  [[gnu::always_inline]] static void dots(const Cursor<P>& w, const Context& c, const T* a, const T* b) {
    for (std::int64_t i = 0; i < rows; ++i)
      for (std::int64_t j = 0; j < columns; j += N) {
        const int n = int(std::min<std::int64_t>(N, columns - j));
        V sum[1][1];
        if constexpr (N == 1) {
          sum[0][0] = V(product(a + i * left_row, b + j * right_column, first_summand<1>(w, c, i, j, 1)));
        } else {
          alignas(64) T room[std::size_t(N)]{};
          for (int q = 0; q < n; ++q)
            room[q] = product(a + i * left_row, b + (j + q) * right_column, first_summand<1>(w, c, i, j + q, 1));
          sum[0][0] = V::load(room);
        }
        element<N>(w, c, sum[0][0], i, j, n);
      }
  }

  // ---- epilogue ----
  template <int M, int Height, int Count, int Tail>
  [[gnu::always_inline]] static void finish(const Cursor<P>& w, const Context& c,
                                            const Lanes<T, M> (&sum)[std::size_t(Height)][std::size_t(Count)],
                                            std::int64_t row, std::int64_t column) {
    if constexpr (micros<K> > 8 && Height * Count > 4) {  // long epilogues once, through memory
      alignas(64) T room[std::size_t(Height * Count * M)];
#pragma GCC unroll 16
      for (int i = 0; i < Height; ++i)
#pragma GCC unroll 32
        for (int j = 0; j < Count; ++j) store(sum[i][j], room + (i * Count + j) * M, M);
#pragma GCC unroll 1
      for (int i = 0; i < Height; ++i)
#pragma GCC unroll 1
        for (int j = 0; j < Count; ++j)
          element<M>(w, c, load<T, M>(room + (i * Count + j) * M, M), row + i, column + j * M,
                     j + 1 == Count ? Tail : M);
    } else {
#pragma GCC unroll 16
      for (int i = 0; i < Height; ++i)
#pragma GCC unroll 32
        for (int j = 0; j < Count; ++j) element<M>(w, c, sum[i][j], row + i, column + j * M, j + 1 == Count ? Tail : M);
    }
  }
  /// The operations after the sums, on n columns of a row.
  template <int M> [[gnu::always_inline]] static void element(const Cursor<P>& start, const Context& c,
                                                              const Lanes<T, M>& sum, std::int64_t row,
                                                              std::int64_t column, int n) {
    RegisterFile<K, M> r;
    const Cursor<P> w = F::template moved<loops.rows>(start, row);
    const Span s{column, n};
    for_each_micro<K>([&]<int J>() __attribute__((always_inline)) {
      constexpr Micro::What what = micro<K, J>.what;
      // which began with what is added here
      if constexpr (what == Micro::What::result || J == addition) at<J>(r) = sum;
      else if constexpr (what == Micro::What::store) write<K, M, J>(r, w, s, stride);
      else evaluate<K, M, J>(r, w, s, c, stride);
    });
  }
};

template <class K, class Step> constexpr bool is_small_contraction() {
  if constexpr (!ConstantStep<Step>) return false;
  else return ContractMethod::of(Fixed<K, Step>::method()).in_line != ContractMethod::Small::none;
}

}  // namespace sinter::cpu
