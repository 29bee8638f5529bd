// A graph for one sample as one for a batch, and the samples of what it computes.
#pragma once
#include <sinter/backend/reference/interpreter.hpp>
#include <sinter/ops/batching.hpp>

#include <algorithm>
#include <vector>

namespace support {

using namespace sinter;
using namespace sinter::internals;

/// Inputs that are mapped have an axis of samples in front, the others are shared by all; every output has it.
inline graph::Builder batched(const graph::Builder& one, const std::vector<bool>& mapped, int extent, char symbol) {
  graph::Builder g;
  graph::List<int> inputs;
  for (int k = 0; k < one.inputs.size(); ++k) {
    const Shape& s = one.shape(one.inputs[k]);
    Shape all;
    if (mapped[std::size_t(k)]) all.push(extent, symbol);
    for (int i = 0; i < s.rank; ++i) all.push(s[i], s.symbol(i));
    inputs.push(g.input(one[one.inputs[k]].dtype, all));
  }
  graph::SampleTrace sample(g, extent, symbol);
  for (int k = 0; k < inputs.size(); ++k)
    if (mapped[std::size_t(k)]) inputs[k] = sample.sample({&g, inputs[k]}).id;
  for (const int o : ops::inlined(g, one, inputs)) g.outputs.push(sample.whole({&g, o}).id);
  return g;
}
/// Sample b, of this shape, of what has an axis of them.
inline reference::Array sample_of(const reference::Array& all, const Shape& one, int b) {
  reference::Array a(all.dtype, one);
  std::copy_n(all.bytes.begin() + std::ptrdiff_t(a.bytes.size()) * b, a.bytes.size(), a.bytes.begin());
  return a;
}

}  // namespace support
