// Values that the backward pass recomputes instead of storing them.
//
// A checkpoint marks the part of the graph that its function computed. When a cotangent reaches it, reverse mode
// (transform/rematerialize.hpp) repeats that part on its inputs and differentiates the repetition. The repetition's
// inputs are separate nodes, so that hash-consing does not merge it with the original, and depend on the cotangent, so
// that no kernel of the forward pass computes it.
#pragma once
#include "derivative.hpp"
#include "reduce.hpp"

namespace sinter::inline SINTER_ABI {

// undefined: the name is the error
template <class Result> struct checkpoint_needs_a_function_with_one_tensor_as_result;

namespace ops {

/// Where a part of the graph begins: nodes before this one are the part's inputs. A node, so that passes that copy the
/// graph copy it too.
struct CheckpointBegin : graph::Registered<CheckpointBegin> {
  static constexpr Primitive describe() {
    Primitive p{
        .name = "checkpoint_begin", .code = graph::code_of<CheckpointBegin>, .kind = Kind::constant, .unique = true};
    p.type = [](const Signature&) { return Type{Dtype::boolean, Shape{}}; };
    return p;
  }
};

/// The result of a part of the graph. Operands: that result, and the node where the part begins.
struct Checkpoint : Identity<Checkpoint> {
  static constexpr const char* name = "checkpoint";
  static constexpr bool formula_is_differentiable = true, repeats = true;
  static constexpr Value pull(const Site&, int i, Value ct) { return i == 0 ? ct : Value{}; }
};

/// Its first operand, whose readers run after the second is computed; a view.
struct Later : graph::Registered<Later> {
  static constexpr Value batch(const graph::Batching& b);
  static constexpr Primitive describe() {
    Primitive p{.name = "later", .code = graph::code_of<Later>, .kind = Kind::view, .unique = true};
    p.type = [](const Signature& s) { return s.count == 2 ? Type{s.dtype(0), s.shape(0)} : Type::mismatch(); };
    p.vjp = [](const Site&, int i, Value ct) { return i == 0 ? ct : Value{}; };
    p.jvp = [](const Site&, int i, Value tangent) { return i == 0 ? tangent : Value{}; };
    p.batch = &batch;
    p.flops = [](const Signature&, const Shape&) { return 0.0; };
    p.view = {.layout = [](graph::Layout&, const Signature&, const Shape&) { return true; }, .waits = true};
    return p;
  }
};

constexpr Value Later::batch(const graph::Batching& b) {
  return {b.graph, b.graph->add(graph::primitive<Later>, b.operands, 2)};
}

template <class F, class... X> constexpr auto checkpointed(const F& f, const X&... x) {
  graph::Builder* const g = graph::builder_of(x...);
  const int begin = g->add(graph::primitive<CheckpointBegin>, nullptr, 0);
  const auto y = f(x...);
  using Y = std::remove_const_t<decltype(y)>;
  if constexpr (!Symbolic<Y>) {
    return checkpoint_needs_a_function_with_one_tensor_as_result<Y>{};
  } else {
    const std::array<int, 2> operands{y.id, begin};
    return Y(Value{g, g->add(graph::primitive<Checkpoint>, operands.data(), 2)});
  }
}
/// A function without state, as part of an expression.
template <class F> struct Checkpointed {
  constexpr auto operator()(auto... x) const { return checkpointed(F{}, x...); }
};

}  // namespace ops

/// f(x…), whose inner values a training step does not store but recomputes in its backward pass: less memory for more
/// arithmetic. f is a module or a function with one tensor as its result; without a gradient nothing changes. Dropout
/// draws the same numbers again, and running statistics are updated once. PyTorch: torch.utils.checkpoint.checkpoint.
///
///   for (const Block& block : blocks) x = checkpoint(block, x);
template <class F, class... X> requires Operands<X...> constexpr auto checkpoint(const F& f, X&&... x) {
  if constexpr ((Symbolic<X> || ...))
    return ops::checkpointed(f, graph::as_symbol<X...>(graph::builder_of(x...), x)...);
  else if constexpr (std::is_empty_v<F> && std::is_default_constructible_v<F>)
    return call<ops::Checkpointed<F>>(std::forward<X>(x)...);
  else return f(std::forward<X>(x)...);
}

}  // namespace sinter
