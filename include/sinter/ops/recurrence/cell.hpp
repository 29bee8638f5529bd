// The kinds of recurrent cells, and a sequence of them by plain loops in double
// precision: what the reference interpreter computes.
#pragma once
#include <algorithm>
#include <array>
#include <cmath>
#include <initializer_list>
#include <vector>

#include "../../graph/primitive.hpp"

namespace sinter::inline SINTER_ABI::ops {

enum class Cell : unsigned char { rnn_tanh, rnn_relu, gru, lstm };
/// The number of gates of a cell, and of the tensors of its state, each of `Hidden` elements.
constexpr int gates(Cell c) { return c == Cell::lstm ? 4 : c == Cell::gru ? 3 : 1; }
constexpr int states(Cell c) { return c == Cell::lstm ? 2 : 1; }

/// Operands and results are those of Recurrence and RecurrenceGradient (recurrence.hpp).
class PlainRecurrence {
 public:
  explicit PlainRecurrence(const graph::Elements& e)
      : e_(e),
        cell_(Cell(e.attributes[0])),
        reverse_(e.attributes[1] != 0),
        steps_(e.length(0, 0)),
        rows_(e.length(0, 1)),
        width_(e.length(0, 2)),
        hidden_(width_ / gates(cell_)) {}

  void forward() {
    for (std::int64_t b = 0; b < rows_; ++b) {
      std::vector<double> h = row(2, b, 0), c = states(cell_) > 1 ? row(2, b, hidden_) : h;
      for (std::int64_t k = 0; k < steps_; ++k) {
        const std::int64_t t = time(k);
        const std::vector<double> product = times_weight(1, h), before = h;
        for (std::int64_t j = 0; j < hidden_; ++j) {
          const auto input = [&](int g) { return at3(0, t, b, g * hidden_ + j); };
          const auto state = [&](int g) { return product[std::size_t(g * hidden_ + j)]; };
          const auto J = std::size_t(j);
          if (cell_ == Cell::lstm) {
            const double i = logistic(input(0) + state(0)), f = logistic(input(1) + state(1)),
                         g = std::tanh(input(2) + state(2)), o = logistic(input(3) + state(3));
            c[J] = f * c[J] + i * g;
            h[J] = o * std::tanh(c[J]);
            activations(t, b, j, {i, f, g, o});
            put_state(t, b, hidden_ + j, c[J]);
          } else if (cell_ == Cell::gru) {
            const double share = state(2) + at1(3, j), r = logistic(input(0) + state(0)),
                         z = logistic(input(1) + state(1)), n = std::tanh(input(2) + r * share);
            h[J] = n + z * (before[J] - n);
            activations(t, b, j, {r, z, n});
            put(2, t, b, j, share);
          } else {
            const double x = input(0) + state(0);
            h[J] = cell_ == Cell::rnn_relu ? std::max(x, 0.0) : std::tanh(x);
            activations(t, b, j, {h[J]});
          }
          put_state(t, b, j, h[J]);
        }
      }
    }
  }

  void backward() {
    for (std::int64_t b = 0; b < rows_; ++b) {
      std::vector<double> dh(std::size_t(hidden_), 0.0), dc = dh;
      for (std::int64_t k = steps_ - 1; k >= 0; --k) {
        const std::int64_t t = time(k);
        std::vector<double> through(std::size_t(width_), 0.0);  // cotangents of the products with the state
        const auto before = [&](std::int64_t j) { return k > 0 ? at3(1, time(k - 1), b, j) : at2(3, b, j); };
        for (std::int64_t j = 0; j < hidden_; ++j) {
          const auto J = std::size_t(j);
          const auto a = [&](int g) { return at3(0, t, b, g * hidden_ + j); };
          const auto set = [&](int g, double input, double state) {
            through[std::size_t(g * hidden_ + j)] = state;
            put(0, t, b, g * hidden_ + j, input);
          };
          const double d = at3(4, t, b, j) + dh[J];
          dh[J] = 0;
          if (cell_ == Cell::lstm) {
            const double i = a(0), f = a(1), g = a(2), o = a(3), top = std::tanh(at3(1, t, b, hidden_ + j));
            const double cell = at3(4, t, b, hidden_ + j) + dc[J] + d * o * (1 - top * top);
            const std::array<double, 4> all{cell * g * i * (1 - i), cell * before(hidden_ + j) * f * (1 - f),
                                            cell * i * (1 - g * g), d * top * o * (1 - o)};
            for (int q = 0; q < 4; ++q) set(q, all[std::size_t(q)], all[std::size_t(q)]);
            dc[J] = cell * f;
          } else if (cell_ == Cell::gru) {
            const double r = a(0), z = a(1), n = a(2), dn = d * (1 - z) * (1 - n * n),
                         dr = dn * at3(5, t, b, j) * r * (1 - r), dz = d * (before(j) - n) * z * (1 - z);
            set(0, dr, dr), set(1, dz, dz), set(2, dn, dn * r);
            put(2, t, b, j, dn * r);
            dh[J] = d * z;
          } else {
            const double h = a(0), x = cell_ == Cell::rnn_relu ? (h > 0 ? d : 0) : d * (1 - h * h);
            set(0, x, x);
          }
        }
        for (std::int64_t q = 0; q < width_; ++q)
          for (std::int64_t j = 0; j < hidden_; ++j) dh[std::size_t(j)] += through[std::size_t(q)] * at2(2, q, j);
      }
      for (std::int64_t j = 0; j < hidden_; ++j) {
        put2(1, b, j, dh[std::size_t(j)]);
        if (states(cell_) > 1) put2(1, b, hidden_ + j, dc[std::size_t(j)]);
      }
    }
  }

 private:
  static double logistic(double x) { return 1 / (1 + std::exp(-x)); }
  std::int64_t time(std::int64_t k) const { return reverse_ ? steps_ - 1 - k : k; }
  double at1(int tensor, std::int64_t i) const { return e_.get(tensor, &i); }
  double at2(int tensor, std::int64_t i, std::int64_t j) const {
    const std::array<std::int64_t, 2> index{i, j};
    return e_.get(tensor, index.data());
  }
  double at3(int tensor, std::int64_t i, std::int64_t j, std::int64_t k) const {
    const std::array<std::int64_t, 3> index{i, j, k};
    return e_.get(tensor, index.data());
  }
  std::vector<double> row(int tensor, std::int64_t b, std::int64_t first) const {
    std::vector<double> r;
    for (std::int64_t j = 0; j < hidden_; ++j) r.push_back(at2(tensor, b, first + j));
    return r;
  }
  std::vector<double> times_weight(int tensor, const std::vector<double>& h) const {
    std::vector<double> r;
    for (std::int64_t q = 0; q < width_; ++q) {
      double sum = 0;
      for (std::int64_t j = 0; j < hidden_; ++j) sum += at2(tensor, q, j) * h[std::size_t(j)];
      r.push_back(sum);
    }
    return r;
  }
  void put(int result, std::int64_t i, std::int64_t j, std::int64_t k, double x) const {
    const std::array<std::int64_t, 3> index{i, j, k};
    if (e_.result == result) e_.set(index.data(), x);
  }
  void put2(int result, std::int64_t i, std::int64_t j, double x) const {
    const std::array<std::int64_t, 2> index{i, j};
    if (e_.result == result) e_.set(index.data(), x);
  }
  void put_state(std::int64_t t, std::int64_t b, std::int64_t j, double x) const { put(0, t, b, j, x); }
  void activations(std::int64_t t, std::int64_t b, std::int64_t j, std::initializer_list<double> a) const {
    int g = 0;
    for (const double x : a) put(1, t, b, g++ * hidden_ + j, x);
  }

  const graph::Elements& e_;
  Cell cell_;
  bool reverse_;
  std::int64_t steps_, rows_, width_, hidden_;
};

}  // namespace sinter::ops
