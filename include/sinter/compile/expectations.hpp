// A program that checks what another one expects of its inputs (ops/expect.hpp): the smallest and the largest of each
// value.
#pragma once
#include "../ops/extrema.hpp"
#include "program.hpp"

namespace sinter::inline SINTER_ABI::internals::compile {

template <class Trace> struct ExpectationTrace {
  constexpr Builder operator()() const {
    Builder g = Trace{}();
    g.outputs.clear();
    g.overwrites.clear();
    const List<Builder::Expectation> all = g.expectations;
    for (const Builder::Expectation& e : all) {
      graph::Value v = graph::cast_to({&g, e.value}, Dtype::int64);
      if (e.besides >= 0)
        v = select(v == graph::cast_to({&g, e.besides}, Dtype::int64),
                   graph::Value{&g, g.constant(double(e.low), Dtype::int64)}, v);
      g.outputs.push(amin(v).id);
      g.outputs.push(amax(v).id);
    }
    g.expectations.clear();
    g.length_rules.clear();
    return g;
  }
};

/// The expectations of a trace, as constants.
template <class Trace, int N> inline constexpr auto expectations_of = [] {
  Array<graph::Builder::Expectation, N> all{};
  const Builder g = Trace{}();
  for (int k = 0; k < N; ++k) all[k] = g.expectations[k];
  return all;
}();

}  // namespace sinter::internals::compile
