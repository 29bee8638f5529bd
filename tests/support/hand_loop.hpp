// Loops written by hand in double precision, and derivatives of them by finite differences: what scan, for_loop and
// while_loop are held against. A step is a function of `Row`s as well as of a graph's values.
#pragma once
#include <sinter/backend/reference/interpreter.hpp>
#include <sinter/transform/forward.hpp>

#include <cmath>
#include <functional>
#include <vector>

namespace support {

using namespace sinter;
using namespace sinter::internals;

/// A row of numbers; one number combines with every element of another row.
struct Row {
  std::vector<double> at;

  Row() = default;
  Row(std::vector<double> values) : at(std::move(values)) {}
  Row(double x) : at{x} {}
  /// Element t of what is stacked, as n numbers.
  Row step(std::int64_t t, int n) const { return std::vector<double>(at.begin() + t * n, at.begin() + (t + 1) * n); }
  void append(const Row& r) { at.insert(at.end(), r.at.begin(), r.at.end()); }
};
template <class F> Row each(F f, const Row& a) {
  Row r = a;
  for (double& x : r.at) x = f(x);
  return r;
}
template <class F> Row each(F f, const Row& a, const Row& b) {
  const bool wide = a.at.size() != 1;
  Row r = wide ? a : b;
  for (std::size_t i = 0; i < r.at.size(); ++i) r.at[i] = f(a.at[wide ? i : 0], b.at[b.at.size() != 1 ? i : 0]);
  return r;
}
inline Row operator+(const Row& a, const Row& b) { return each(std::plus<>(), a, b); }
inline Row operator-(const Row& a, const Row& b) { return each(std::minus<>(), a, b); }
inline Row operator*(const Row& a, const Row& b) { return each(std::multiplies<>(), a, b); }
inline Row operator/(const Row& a, const Row& b) { return each(std::divides<>(), a, b); }
inline Row tanh(const Row& a) { return each([](double x) { return std::tanh(x); }, a); }
inline Row sin(const Row& a) { return each([](double x) { return std::sin(x); }, a); }
inline Row exp(const Row& a) { return each([](double x) { return std::exp(x); }, a); }
/// (K) × (K, N) → (N), the matrix row-major.
inline Row matmul(const Row& a, const Row& b) {
  const std::size_t k = a.at.size(), n = b.at.size() / k;
  Row r(std::vector<double>(n, 0.0));
  for (std::size_t i = 0; i < k; ++i)
    for (std::size_t j = 0; j < n; ++j) r.at[j] += a.at[i] * b.at[i * n + j];
  return r;
}
/// Row i of the transposed matrix of n columns is column i of this one.
inline Row transposed(const Row& a, std::size_t columns) {
  Row r = a;
  for (std::size_t i = 0; i < a.at.size(); ++i) {
    const std::size_t rows = a.at.size() / columns;
    r.at[i % columns * rows + i / columns] = a.at[i];
  }
  return r;
}
inline Row total(const Row& a) {
  double sum = 0;
  for (const double x : a.at) sum += x;
  return sum;
}

using Rows = std::vector<Row>;
/// Outputs for inputs, with a number of steps.
using HandLoop = std::function<Rows(const Rows&, int)>;

/// The scalar that is differentiated: Σ out (0.5 + k/8) + out²/4, over the floating outputs k.
inline double loss_of(const Rows& outputs) {
  double loss = 0;
  for (std::size_t k = 0; k < outputs.size(); ++k)
    for (const double x : outputs[k].at) loss += x * (0.5 + 0.125 * double(k)) + x * x * 0.25;
  return loss;
}
constexpr graph::Value loss_of(graph::Builder& g, const graph::List<int>& outputs) {
  graph::Value loss{&g, g.constant(0, g[outputs[0]].dtype)};
  for (int k = 0; k < outputs.size(); ++k) {
    const graph::Value x{&g, outputs[k]};
    if (is_floating(x.dtype())) loss = loss + graph::Value(sum(x * (0.5 + 0.125 * double(k)) + x * x * 0.25));
  }
  return loss;
}

/// Adds derivatives of the loss by all floating inputs to a graph. New inputs are tangents of them; new outputs are its
/// gradients, its tangent, and the Hessian times the tangents in three ways: reverse over reverse, forward over
/// reverse, reverse over forward.
constexpr void add_derivatives(graph::Builder& g, bool second) {
  graph::List<int> x, t;
  for (const int i : g.inputs)
    if (is_floating(g[i].dtype)) x.push(i);
  const graph::Value loss = loss_of(g, g.outputs);
  for (const int i : x) t.push(g.input(g[i].dtype, g.shape(i)));
  const auto give = [&](const graph::List<int>& ids) {
    for (const int i : ids) g.outputs.push(i);
  };
  const graph::List<int> slopes = transform::gradient(g, loss.id, x);
  const int along = transform::push_forward(g, loss.id, x, t);
  give(slopes);
  g.outputs.push(along);
  if (!second) return;
  graph::Value product{&g, g.constant(0, g[x[0]].dtype)};
  for (int k = 0; k < x.size(); ++k)
    product = product + graph::Value(sum(graph::Value{&g, slopes[k]} * graph::Value{&g, t[k]}));
  give(transform::gradient(g, product.id, x));
  give(transform::push_forward(g, slopes, x, t));
  give(transform::gradient(g, along, x));
}

/// The same from a hand loop: values, gradients, tangent, and the Hessian times the tangents once.
struct HandDerivatives {
  Rows values, gradients, curvatures;
  double tangent = 0;

  HandDerivatives(const HandLoop& f, Rows x, const Rows& t, const std::vector<bool>& floating, int steps, bool second) {
    const auto at = [&](const Rows& where) { return loss_of(f(where, steps)); };
    const auto moved = [&](Rows from, double h) {
      for (std::size_t k = 0; k < from.size(); ++k)
        if (floating[k]) from[k] = from[k] + t[k] * Row(h);
      return from;
    };
    values = f(x, steps);
    tangent = (at(moved(x, 1e-5)) - at(moved(x, -1e-5))) / 2e-5;
    for (std::size_t k = 0; k < x.size(); ++k) {
      if (!floating[k]) continue;
      gradients.emplace_back();
      curvatures.emplace_back();
      for (double& e : x[k].at) {
        const double before = e;
        const auto with = [&](double d, double along) {
          e = before + d;
          const double y = at(along == 0 ? x : moved(x, along));
          e = before;
          return y;
        };
        gradients.back().at.push_back((with(1e-5, 0) - with(-1e-5, 0)) / 2e-5);
        constexpr double h = 1e-4;
        if (second)
          curvatures.back().at.push_back((with(h, h) - with(-h, h) - with(h, -h) + with(-h, -h)) / (4 * h * h));
      }
    }
  }
};

}  // namespace support
