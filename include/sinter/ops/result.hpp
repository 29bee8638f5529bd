// Further results of a loop, or of a primitive with a kernel of its own.
#pragma once
#include "../graph/iteration.hpp"
#include "apply.hpp"

namespace sinter::inline SINTER_ABI {
namespace ops {

[[noreturn]] SINTER_COLD inline void further_results_have_no_derivative() {
  throw_error(ErrorCode::unsupported, "derivative",
              "expected a function with derivatives of this order, found one whose kernel has first derivatives only",
              "compose it of other operations: AttentionOptions{.composed = true}");
}

/// attributes = {number of the result, dtype, its shape}. The operand is the
/// kernel's first result; in memory neither is part of the other.
struct FurtherResult : graph::Registered<FurtherResult> {
  static constexpr const char* name = "further_result";
  static constexpr Type type(const Signature& s) {
    if (s.attribute_count < 2 || s.attribute_count > 2 + Shape::max_rank) return Type::mismatch();
    return {Dtype(s.attributes[1]), unpacked(s.attributes + 2, s.attribute_count - 2)};
  }
  static constexpr Primitive describe() {
    Primitive p{.name = name, .code = graph::code_of<FurtherResult>, .kind = Kind::result, .type = &type};
    p.vjp = [](const Site&, int, Value) -> Value { further_results_have_no_derivative(); };
    p.jvp = [](const Site&, int, Value) -> Value { further_results_have_no_derivative(); };
    p.batch = [](const graph::Batching& b) {
      const graph::Builder& g = *b.graph;
      const int first = b.operand(0).id;
      if (g[first].op->kind != Kind::kernel) {  // a loop, or a view of a kernel that has no axis of its own for samples
        int kernel = first;
        while (g[kernel].op->kind != Kind::kernel && g[kernel].op->kind != Kind::loop) kernel = g.operands(kernel)[0];
        return g[kernel].op->kernel.batch_result(b, int(b.attributes[0]));
      }
      const Shape each = unpacked(b.attributes + 2, b.attribute_count - 2);
      Shape to;
      to.push(b.extent, b.symbol);
      for (int i = 0; i < each.rank; ++i) to.push(each[i], each.symbol(i));
      return of(b.operand(0), int(b.attributes[0]), {Dtype(b.attributes[1]), to});
    };
    p.flops = [](const Signature&, const Shape&) { return 0.0; };
    return p;
  }
  static constexpr Value of(Value first, int number, const Type& type) {
    internals::Array<std::int64_t, 2 + Shape::max_rank> a{number, std::int64_t(type.dtype)};
    for (int i = 0; i < type.shape.rank; ++i) a[2 + i] = packed(type.shape[i], type.shape.symbol(i));
    return {first.graph,
            first.graph->add(graph::primitive<FurtherResult>, &first.id, 1, a.data(), 2 + type.shape.rank)};
  }
};

/// Result `number` of the kernel or loop whose first result is v.
constexpr Value further_result(Value v, int number) {
  if (number == 0) return v;
  const graph::Builder& g = *v.graph;
  const Primitive& op = *g[v.id].op;
  if (op.kind == Kind::loop) return FurtherResult::of(v, number, graph::type_of_result(g, v.id, number));
  Signature::Operand room[graph::most_operands];
  return FurtherResult::of(v, number, op.kernel.result_type(g.signature(v.id, room), number));
}

}  // namespace ops
}  // namespace sinter
