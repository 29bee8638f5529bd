// The gradient of a recurrence: back through time, row by row of the batch.
#pragma once
#include "recur.hpp"

namespace sinter::inline SINTER_ABI::cpu {

template <class T, ops::Cell C> class RecurGradient : Recurrent<T> {
  using Base = Recurrent<T>;
  using typename Base::V;
  using R = ops::Recurrence;
  static constexpr int W = Base::W, G = ops::gates(C);
  static constexpr int registers = 4;  ///< of columns, in the product with the weights

 public:
  explicit RecurGradient(const CustomCall& c)
      : Base{c},
        activations_(Sequence<const T>::of(c, 0, R::gate)),
        states_(Sequence<const T>::of(c, 1, R::state)),
        first_(Sequence<const T>::of(c, 3, R::state)),
        cotangent_(Sequence<const T>::of(c, 4, R::state)),
        share_(C == ops::Cell::gru ? Sequence<const T>::of(c, 5, R::unit) : Sequence<const T>{}),
        gates_(Sequence<T>::of(c, c.operands, R::gate)),
        initial_(Sequence<T>::of(c, c.operands + 1, R::state)),
        to_share_(Sequence<T>::of(c, c.operands + 2, R::unit)),
        width_(padded_units(G * this->hidden_size)),
        padded_(padded_units(this->hidden_size)) {}

  void run() {
    pack();
    this->for_rows([this](std::int64_t from, std::int64_t to) {
      for (std::int64_t b = from; b < to; ++b) std::fill(state(b), state(b) + 2 * padded_, T(0));
      for (std::int64_t k = this->steps - 1; k >= 0; --k) {
        for (std::int64_t b = from; b < to; ++b)
          for (std::int64_t j = 0; j < this->hidden_size; j += W) units(k, b, j);
        for (std::int64_t j = 0; j < padded_; j += registers * W)
          Base::template for_tiles<Base::rows_at_once>(from, to, [&]<int N>(std::int64_t b) {
            if (j + registers * W <= padded_) product<N, registers>(b, j);
            else
              for (std::int64_t i = j; i < padded_; i += W) product<N, 1>(b, i);
          });
      }
      if (initial_.at == nullptr) return;
      for (std::int64_t b = from; b < to; ++b)
        for (int s = 0; s < ops::states(C); ++s)
          std::copy_n(state(b) + s * padded_, this->hidden_size,
                      initial_.at + b * initial_.row + s * this->hidden_size);
    });
  }

 private:
  T* gates(std::int64_t b) const {
    return this->scratch + b * (width_ + 2 * padded_);
  }  ///< cotangents of the products with the state
  T* state(std::int64_t b) const { return gates(b) + width_; }                           ///< those of h, then of c
  T* weights() const { return gates(this->rows); }

  /// The weights, row by row, with zeros after each.
  void pack() {
    const T* const w = this->call.template at<const T>(2);
    const std::int64_t gate_stride = this->call.stride(2)[R::gate], unit_stride = this->call.stride(2)[R::unit];
    for (std::int64_t q = 0; q < G * this->hidden_size; ++q)
      for (std::int64_t j = 0; j < padded_; ++j)
        weights()[q * padded_ + j] = j < this->hidden_size ? w[q * gate_stride + j * unit_stride] : T(0);
  }

  /// Through the activations of W units of a row.
  [[gnu::flatten]] void units(std::int64_t k, std::int64_t b, std::int64_t j) const {
    const std::int64_t hidden = this->hidden_size, t = this->at_step(k);
    const int n = int(std::min<std::int64_t>(W, hidden - j));
    const auto read = [&](const Sequence<const T>& s, const T* line, std::int64_t feature) {
      return Base::read(line + feature * s.feature, s.feature, n);
    };
    const auto activation = [&](int g) { return read(activations_, activations_.line(t, b), g * hidden + j); };
    [[maybe_unused]] const auto before = [&](std::int64_t feature) {
      return k > 0 ? read(states_, states_.line(this->at_step(k - 1), b), feature)
                   : read(first_, first_.line(0, b), feature);
    };
    const auto set = [&](int g, const V& input, const V& through) {
      store(through, gates(b) + g * hidden + j, n);
      if (gates_.at != nullptr) store(input, gates_.line(t, b) + g * hidden + j, n);
    };
    T *const dh = state(b) + j, *const dc = dh + padded_;
    const V one(1), d = read(cotangent_, cotangent_.line(t, b), j) + load<T, W>(dh, W);
    V direct(0);  // to the previous state, past the gates
    if constexpr (C == ops::Cell::lstm) {
      const V i = activation(0), f = activation(1), g = activation(2), o = activation(3),
              top = this->tanh_of(read(states_, states_.line(t, b), hidden + j));
      const V dcell =
          read(cotangent_, cotangent_.line(t, b), hidden + j) + load<T, W>(dc, W) + d * o * (one - top * top);
      const V di = dcell * g * i * (one - i), df = dcell * before(hidden + j) * f * (one - f),
              dg = dcell * i * (one - g * g), output = d * top * o * (one - o);
      set(0, di, di), set(1, df, df), set(2, dg, dg), set(3, output, output);
      store(dcell * f, dc, n);
    } else if constexpr (C == ops::Cell::gru) {
      const V r = activation(0), z = activation(1), fresh = activation(2), dn = d * (one - z) * (one - fresh * fresh),
              through = dn * r;
      const V dr = dn * read(share_, share_.line(t, b), j) * r * (one - r),
              dz = d * (before(j) - fresh) * z * (one - z);
      set(0, dr, dr), set(1, dz, dz), set(2, dn, through);
      if (to_share_.at != nullptr) store(through, to_share_.line(t, b) + j, n);
      direct = d * z;
    } else {
      const V h = activation(0), x = C == ops::Cell::rnn_relu ? select(h > V(0), d, V(0)) : d * (one - h * h);
      set(0, x, x);
    }
    store(direct, dh, n);
  }

  /// dh[j …] += gates · weights, (N, gates) × (gates, units), of N rows and Count registers of columns.
  template <int N, int Count> SINTER_OUTLINE void product(std::int64_t b, std::int64_t j) const {
    const std::int64_t all = G * this->hidden_size;
    const T* w = weights() + j;
    PlainArray<V, N, Count> sum;
#pragma GCC unroll 4
    for (int r = 0; r < N; ++r)
#pragma GCC unroll 4
      for (int c = 0; c < Count; ++c) sum[r][c] = load<T, W>(state(b + r) + j + c * W, W);
    for (std::int64_t q = 0; q < all; ++q, w += padded_) {
#pragma GCC unroll 4
      for (int r = 0; r < N; ++r) {
        const V x(gates(b + r)[q]);
#pragma GCC unroll 4
        for (int c = 0; c < Count; ++c) sum[r][c] = fma(x, load<T, W>(w + c * W, W), sum[r][c]);
      }
    }
#pragma GCC unroll 4
    for (int r = 0; r < N; ++r)
#pragma GCC unroll 4
      for (int c = 0; c < Count; ++c) store(sum[r][c], state(b + r) + j + c * W, W);
  }

  Sequence<const T> activations_, states_, first_, cotangent_, share_;
  Sequence<T> gates_, initial_, to_share_;
  std::int64_t width_, padded_;
};

template <class T, class> inline void CustomKernel<ops::RecurrenceGradient>::run(const CustomCall& c) {
  switch (ops::Cell(c.attributes[0])) {
    case ops::Cell::lstm: return RecurGradient<T, ops::Cell::lstm>(c).run();
    case ops::Cell::gru: return RecurGradient<T, ops::Cell::gru>(c).run();
    case ops::Cell::rnn_relu: return RecurGradient<T, ops::Cell::rnn_relu>(c).run();
    default: return RecurGradient<T, ops::Cell::rnn_tanh>(c).run();
  }
}

}  // namespace sinter::cpu
