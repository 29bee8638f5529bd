// What integers must be for a function to mean something: labels below the number of classes, ids of rows that exist.
// Statements on tensors look before they run and throw; compiled programs do if `SINTER_CHECKS` is defined, and compute
// what the function's documentation says otherwise.
#pragma once
#include "apply.hpp"

namespace sinter::graph {

/// Records that v lies in [low, end), or is equal to `besides`, if that exists.
/// Where there is a letter its run-time length is the end.
constexpr void expect(Value v, const char* what, std::int64_t low, std::int64_t end, Value besides = {},
                      char letter = 0) {
  for (const Builder::Expectation& e : v.graph->expectations)
    if (e.value == v.id && e.besides == besides.id && e.low == low && e.end == end && e.letter == letter) return;
  v.graph->expectations.push({what, v.id, besides.id, low, end, letter});
}

/// Refuses programs that run with one value along these axes together; static extents above 1 allow all.
constexpr void expect_several(Value v, const char* what, std::int64_t axes) {
  Builder::LengthRule rule{what, {}};
  std::size_t n = 0;
  for (int i = 0; i < v.extents().rank; ++i) {
    if ((axes >> i & 1) == 0) continue;
    const char letter = v.extents().letter(i);
    if (letter == 0 && v.extents()[i] != 1) return;
    bool known = letter == 0;
    for (std::size_t k = 0; k < n; ++k) known = known || rule.letters[k] == letter;
    if (!known && n < rule.letters.size()) rule.letters[n++] = letter;
  }
  if (n == 0) return;
  for (const Builder::LengthRule& r : v.graph->length_rules)
    if (r.letters == rule.letters) return;
  v.graph->length_rules.push(rule);
}

}  // namespace sinter::graph
