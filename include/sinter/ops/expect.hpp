// What functions require of integers: labels below the number of classes, ids of existing rows. Statements on tensors
// check before they run and throw; compiled programs do if `SINTER_CHECKS` is defined, and otherwise compute what the
// function's documentation says.
#pragma once
#include "apply.hpp"

namespace sinter::inline SINTER_ABI {
namespace graph {

/// Records that v is in [low, end), or equal to `besides`, if that exists. With a symbolic dimension the end is its
/// run-time length.
constexpr void expect(Value v, const char* what, std::int64_t low, std::int64_t end, Value besides = {},
                      int symbol = 0) {
  for (const Builder::Expectation& e : v.graph->expectations)
    if (e.value == v.id && e.besides == besides.id && e.low == low && e.end == end && e.symbol == symbol) return;
  v.graph->expectations.push({what, v.id, besides.id, low, end, symbol});
}

/// Refuses programs in which these axes together hold one value; a static extent above 1 allows all.
constexpr void expect_several(Value v, const char* what, std::int64_t axes) {
  Builder::LengthRule rule{what, {}};
  std::size_t n = 0;
  for (int i = 0; i < v.extents().rank; ++i) {
    if ((axes >> i & 1) == 0) continue;
    const int symbol = v.extents().symbol(i);
    if (symbol == 0 && v.extents()[i] != 1) return;
    bool known = symbol == 0;
    for (std::size_t k = 0; k < n; ++k) known = known || rule.symbols[k] == symbol;
    if (!known && n < rule.symbols.size()) rule.symbols[n++] = symbol;
  }
  if (n == 0) return;
  for (const Builder::LengthRule& r : v.graph->length_rules)
    if (r.symbols == rule.symbols) return;
  v.graph->length_rules.push(rule);
}

}  // namespace graph

/// Says that the integers of a traced x are in low … end − 1, or equal to a further symbol of rank 0, `besides`:
/// labels that a loss reads, ids of a table. `what` begins the text of the `Error` that a statement throws otherwise,
/// and a program with `SINTER_CHECKS`; other programs do not check, and what they then compute is for the function to
/// say.
template <Symbolic X, Symbolic... B>
requires(sizeof...(B) <= 1) constexpr void check_range(const X& x, const char* what, std::int64_t low, std::int64_t end,
                                                       const B&... besides) {
  graph::expect(x, what, low, end, besides...);
}

/// Refuses to run a program with an `Error` where these axes of a traced x together hold one value, as a variance
/// needs several; at fixed extents nothing is left to check at run time.
template <int... Axes, Symbolic X> constexpr void check_several(const X& x, const char* what) {
  graph::expect_several(x, what, ((std::int64_t(1) << Axes) | ...));
}

}  // namespace sinter
