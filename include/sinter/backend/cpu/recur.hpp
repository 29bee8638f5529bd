// Recurrence over time: rows of a batch run through all steps by themselves, the weights stay in cache, and all gates
// of a few units are computed in registers up to the new state.
#pragma once
#include "custom_kernels.hpp"
#include "parallel.hpp"
#include "tile.hpp"

namespace sinter::inline SINTER_ABI::cpu {

/// A tensor [time, row, features] or [row, features] of a recurrence.
template <class T> struct Sequence {
  T* at = nullptr;
  std::int64_t time = 0, row = 0, feature = 0;

  static Sequence of(const CustomCall& c, int tensor, int last) {
    using R = ops::Recurrence;
    const std::int64_t* const s = c.stride(tensor);
    return {c.at<T>(tensor), s[R::time], s[R::row], s[last]};
  }
  T* line(std::int64_t t, std::int64_t b) const { return at + t * time + b * row; }
};

/// What forward and backward share: sizes, and reads of features that may be strided.
template <class T> struct Recurrent {
  static constexpr int W = Tile<T>::width;
  using V = Lanes<T, W>;
#if defined(__AVX512F__) || defined(__aarch64__)
  static constexpr int rows_at_once = 4;
#else
  static constexpr int rows_at_once = 2;
#endif

  const CustomCall& call;
  std::int64_t steps = call.extent[ops::Recurrence::time], rows = call.extent[ops::Recurrence::row],
               hidden_size = call.extent[ops::Recurrence::unit];
  ops::Cell cell = ops::Cell(call.attributes[0]);
  bool reverse = call.attributes[1] != 0, accurate = call.attributes[2] != 0;
  T* scratch = reinterpret_cast<T*>(call.context.scratch);

  std::int64_t at_step(std::int64_t k) const { return reverse ? steps - 1 - k : k; }

  SINTER_OUTLINE static V accurate_tanh_of(V x) { return accurate_tanh(x); }
  SINTER_OUTLINE static V accurate_gate_of(V x) { return logistic(x); }
  V tanh_of(const V& x) const { return accurate ? accurate_tanh_of(x) : tanh(x); }
  V gate_of(const V& x) const { return accurate ? accurate_gate_of(x) : sigmoid_by_tanh(x); }

  static V read(const T* p, std::int64_t stride, int n) {
    return stride == 1 ? load<T, W>(p, n) : gather<T, W>(p, stride, n);
  }

  /// Calls f(from, to) for runs of rows that go through time by themselves, on threads where that is worth it.
  template <class F> void for_rows(const F& f) const {
    const std::int64_t tiles = (rows + rows_at_once - 1) / rows_at_once,
                       work = std::max<std::int64_t>(1, steps * hidden_size * hidden_size * 4 * rows_at_once);
    split(tiles, 1, std::max<std::int64_t>(2, 262144 / work), call.context.threads,
          [&](std::int64_t from, std::int64_t to) { f(from * rows_at_once, std::min(rows, to * rows_at_once)); });
  }
  /// Calls f.operator()<rows>(first row) for the rows of such a run, `Most` at once as long as that many remain.
  template <int Most, class F>
  [[gnu::always_inline]] static void for_tiles(std::int64_t from, std::int64_t to, const F& f) {
    for (; from + Most <= to; from += Most) f.template operator()<Most>(from);
    if constexpr (Most > rows_at_once) for_tiles<rows_at_once>(from, to, f);
    else
      for (; from < to; ++from) f.template operator()<1>(from);
  }
};

template <class T, ops::Cell C> class Recur : Recurrent<T> {
  using Base = Recurrent<T>;
  using typename Base::V;
  using R = ops::Recurrence;
  static constexpr int W = Base::W, G = ops::gates(C);

 public:
  explicit Recur(const CustomCall& c)
      : Base{c},
        input_(Sequence<const T>::of(c, 0, R::gate)),
        first_(Sequence<const T>::of(c, 2, R::state)),
        states_(Sequence<T>::of(c, c.operands, R::state)),
        activations_(Sequence<T>::of(c, c.operands + 1, R::gate)),
        share_(Sequence<T>::of(c, c.operands + 2, R::unit)) {}

  void run() {
    pack();
    this->for_rows([this](std::int64_t from, std::int64_t to) {
      for (std::int64_t k = 0; k < this->steps; ++k)
        for (std::int64_t j = 0; j < this->hidden_size; j += W)
          Base::template for_tiles<2 * Base::rows_at_once>(from, to, [&]<int N>(std::int64_t b) { units<N>(k, b, j); });
    });
  }

 private:
  /// [block of W units][units of the state][gate][W].
  void pack() {
    const T* const w = this->call.template at<const T>(1);
    const std::int64_t gate_stride = this->call.stride(1)[R::gate], unit_stride = this->call.stride(1)[R::unit],
                       hidden = this->hidden_size;
    T* to = this->scratch;
    for (std::int64_t j = 0; j < hidden; j += W)
      for (std::int64_t k = 0; k < hidden; ++k)
        for (int g = 0; g < G; ++g)
          for (int l = 0; l < W; ++l)
            *to++ = j + l < hidden ? w[(g * hidden + j + l) * gate_stride + k * unit_stride] : T(0);
  }

  /// Gates [First, First + Count) of W units from j on: the weights' products with the states h of N rows. If there are
  /// many rows, all of them multiply a weight as it comes from the second-level cache, and registers suffice for half
  /// of the gates only.
  template <int N, int First, int Count>
  SINTER_OUTLINE void products(const T* h, const Sequence<const T>& from, T* sums, std::int64_t j) const {
    const std::int64_t hidden = this->hidden_size, row = from.row, feature = from.feature;
    const T* panel = this->scratch + j * hidden * G + First * W;
    PlainArray<V, N, Count> sum;
#pragma GCC unroll 8
    for (int r = 0; r < N; ++r)
#pragma GCC unroll 4
      for (int g = 0; g < Count; ++g) sum[r][g] = V(0);
    for (std::int64_t q = 0; q < hidden; ++q, panel += G * W, h += feature) {
      PlainArray<V, Count> w;
#pragma GCC unroll 4
      for (int g = 0; g < Count; ++g) w[g] = load<T, W>(panel + g * W, W);
#pragma GCC unroll 8
      for (int r = 0; r < N; ++r) {
        const V x(h[r * row]);
#pragma GCC unroll 4
        for (int g = 0; g < Count; ++g) sum[r][g] = fma(x, w[g], sum[r][g]);
      }
    }
#pragma GCC unroll 8
    for (int r = 0; r < N; ++r)
#pragma GCC unroll 4
      for (int g = 0; g < Count; ++g) store(sum[r][g], sums + (r * G + First + g) * W, W);
  }

  /// W units from j on, of N rows from b on, at step k.
  template <int N> SINTER_OUTLINE [[gnu::flatten]] void units(std::int64_t k, std::int64_t b, std::int64_t j) const {
    const std::int64_t hidden = this->hidden_size, t = this->at_step(k), before = k > 0 ? this->at_step(k - 1) : 0;
    const int n = int(std::min<std::int64_t>(W, hidden - j));
    const Sequence<const T> from =
        k > 0 ? Sequence<const T>{states_.at, states_.time, states_.row, states_.feature} : first_;
    const T* const h = from.line(before, b);
    alignas(64) PlainArray<T, N * G * W> sums;
    constexpr int most = (Base::rows_at_once > 2 ? 24 : 12) / N, count = G <= most ? G : (G + 1) / 2;
    products<N, 0, count>(h, from, sums, j);
    if constexpr (count < G) products<N, count, G - count>(h, from, sums, j);
    for (int r = 0; r < N; ++r) {
      const T* const x = input_.line(t, b + r);
      const T* const next = k + 1 < this->steps ? input_.line(this->at_step(k + 1), b + r) : x;
#pragma GCC unroll 4
      for (int g = 0; g < G; ++g) __builtin_prefetch(next + (g * hidden + j) * input_.feature);
      const auto product = [&](int g) { return load<T, W>(sums + (r * G + g) * W, W); };
      const auto input = [&](int g) { return Base::read(x + (g * hidden + j) * input_.feature, input_.feature, n); };
      T* const to = states_.line(t, b + r) + j;
      T* const kept = activations_.at != nullptr ? activations_.line(t, b + r) + j : nullptr;
      const auto keep = [&](int g, const V& v) { if (kept != nullptr) store(v, kept + g * hidden, n); };
      const T* const old = h + r * from.row;
      if constexpr (C == ops::Cell::lstm) {
        const V i = this->gate_of(product(0) + input(0)), f = this->gate_of(product(1) + input(1)),
                g = this->tanh_of(product(2) + input(2)), o = this->gate_of(product(3) + input(3));
        const V c = fma(f, Base::read(old + (hidden + j) * from.feature, from.feature, n), i * g);
        store(o * this->tanh_of(c), to, n);
        store(c, to + hidden, n);
        keep(0, i), keep(1, f), keep(2, g), keep(3, o);
      } else if constexpr (C == ops::Cell::gru) {
        const std::int64_t stride = this->call.stride(3)[R::unit];
        const V share = product(2) + Base::read(this->call.template at<const T>(3) + j * stride, stride, n);
        const V reset = this->gate_of(product(0) + input(0)), z = this->gate_of(product(1) + input(1)),
                fresh = this->tanh_of(fma(reset, share, input(2)));
        store(fma(z, Base::read(old + j * from.feature, from.feature, n) - fresh, fresh), to, n);
        keep(0, reset), keep(1, z), keep(2, fresh);
        if (share_.at != nullptr) store(share, share_.line(t, b + r) + j, n);
      } else {
        const V x0 = product(0) + input(0),
                y = C == ops::Cell::rnn_relu ? select(x0 < V(0), V(0), x0) : this->tanh_of(x0);
        store(y, to, n);
        keep(0, y);
      }
    }
  }

  Sequence<const T> input_, first_;
  Sequence<T> states_, activations_, share_;
};

template <class T, class> inline void CustomKernel<ops::Recurrence>::run(const CustomCall& c) {
  switch (ops::Cell(c.attributes[0])) {
    case ops::Cell::lstm: return Recur<T, ops::Cell::lstm>(c).run();
    case ops::Cell::gru: return Recur<T, ops::Cell::gru>(c).run();
    case ops::Cell::rnn_relu: return Recur<T, ops::Cell::rnn_relu>(c).run();
    default: return Recur<T, ops::Cell::rnn_tanh>(c).run();
  }
}

}  // namespace sinter::cpu
