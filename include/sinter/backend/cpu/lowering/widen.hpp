// Products of 16-bit floats as a CPU computes them: of operands in the dtype of the sums, mostly float32. They are
// converted while they are packed (compile/prologue.hpp), or once, where a kernel reads them in place or several read
// them; weights where they are prepared.
#pragma once
#include "../../../compile/layout.hpp"
#include "../../../ops/ops.hpp"

namespace sinter::inline SINTER_ABI::cpu {

using graph::Value;

/// A value in another dtype. What a view shows is converted, as other views of it may be, unless it is larger.
constexpr Value widened(Value v, Dtype to) {
  graph::Builder& b = *v.graph;
  const graph::Node n = b[v.id];
  if (n.dtype == to || !internals::compile::is_view(n.op->kind) || n.op->view.waits) return graph::cast_to(v, to);
  Value from{&b, b.operands(v.id)[0]};
  if (from.extents().size() > v.extents().size()) return graph::cast_to(v, to);
  from = widened(from, to);
  graph::List<std::int64_t> attributes;
  for (int i = 0; i < n.attributes; ++i) attributes.push(b.attributes(v.id)[i]);
  return {&b, b.add(*n.op, &from.id, 1, attributes.data(), n.attributes)};
}
/// An operand in the dtype of the result, where it is of 16 bits.
constexpr Value widened_operand(const graph::Site& s, int i) {
  return is_half(s.operand(i).dtype()) ? widened(s.operand(i), s.result().dtype()) : s.operand(i);
}
constexpr Value expand_contraction(const graph::Site& s) {
  if (!is_half(s.operand(0).dtype())) return s.result();
  return ops::Contract::apply(s.graph, widened_operand(s, 0).id, widened_operand(s, 1).id, int(s.attribute(0)),
                              int(s.attribute(1)));
}

}  // namespace sinter::cpu
