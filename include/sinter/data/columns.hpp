// Data sets from the columns of a table.
#pragma once
#include <array>
#include <span>

#include "../tensor/decimal.hpp"
#include "csv.hpp"
#include "samples.hpp"

namespace sinter::inline SINTER_ABI::data {

/// N adjacent columns.
template <int N> constexpr std::array<std::size_t, std::size_t(N)> columns(std::size_t first = 0) {
  std::array<std::size_t, std::size_t(N)> all{};
  for (std::size_t& c : all) c = first++;
  return all;
}

namespace columns_detail {
inline void check(const Table& t, std::span<const std::size_t> columns, const char* what) {
  for (const std::size_t c : columns)
    if (c >= t.columns)
      throw_error(ErrorCode::argument, t.name + ", " + what,
                  "expected columns below " + std::to_string(t.columns) + ", found " + std::to_string(c));
}
}  // namespace columns_detail

/// Samples with classes from a table: N columns are the features, one is the label, an integer from 0 on. Without
/// lists, the first N columns and the one after them. Throws `Error`: (argument) for a column that does not exist,
/// (format) for any other label.
///
///   const auto t = data::read_csv("flowers.csv", {.header = true});
///   const auto flowers =
///       data::labelled<2>(t, {t.column("petal length"), t.column("petal width")}, t.column("species"));
template <int N> Labelled<N> labelled(const Table& t,
                                      const std::array<std::size_t, std::size_t(N)>& features = columns<N>(),
                                      std::size_t label = N) {
  columns_detail::check(t, features, "features");
  columns_detail::check(t, {&label, 1}, "label");
  Labelled<N> all;
  all.reserve(t.rows);
  std::array<float, std::size_t(N)> x;
  for (std::size_t r = 0; r < t.rows; ++r) {
    for (std::size_t c = 0; c < x.size(); ++c) x[c] = t(r, features[c]);
    const float y = t(r, label);
    if (!(y >= 0 && y < 0x1p24f) || y != float(int(y)))
      damaged(t.name + ", row " + std::to_string(r + 1) + ", column " + std::to_string(label + 1),
              "a label, a whole number 0, 1, …", tensor_detail::general_text(double(y), 9));
    all.add(x.data(), int(y));
  }
  return all;
}

/// Samples with M numbers to predict each, from a table; without lists, the first N columns are the features and the
/// next M the targets. Throws `Error` (argument) for a column that does not exist.
template <int N, int M = 1> Samples<Tensor<float, N>, Tensor<float, M>> regression(
    const Table& t, const std::array<std::size_t, std::size_t(N)>& features = columns<N>(),
    const std::array<std::size_t, std::size_t(M)>& targets = columns<M>(N)) {
  columns_detail::check(t, features, "features");
  columns_detail::check(t, targets, "targets");
  Samples<Tensor<float, N>, Tensor<float, M>> all;
  all.reserve(t.rows);
  std::array<float, std::size_t(N)> x;
  std::array<float, std::size_t(M)> y;
  for (std::size_t r = 0; r < t.rows; ++r) {
    for (std::size_t c = 0; c < x.size(); ++c) x[c] = t(r, features[c]);
    for (std::size_t c = 0; c < y.size(); ++c) y[c] = t(r, targets[c]);
    all.add(x.data(), y.data());
  }
  return all;
}

}  // namespace sinter::data
