// Running folds along one axis.
#pragma once
#include "flip.hpp"
#include "reduce.hpp"

namespace sinter {

template <class X, int Axis> struct scan_axis_out_of_range;  // undefined: the name is the error

namespace ops {

constexpr Value cumulative_sum(Value x, std::int64_t axis);

/// attributes = {axis}: result i is the fold of elements 0 … i.
struct CumulativeSum : graph::Registered<CumulativeSum> {
  static constexpr const char* name = "cumsum";
  static constexpr double identity = 0;
  static constexpr auto combine(auto a, auto b) { return a + b; }
  static constexpr Type type(const Signature& s) {
    const std::int64_t axis = s.attributes[0];
    return axis < 0 || axis >= s.shape(0).rank ? Type::mismatch() : Type{s.dtype(0), s.shape(0)};
  }
  static constexpr Primitive describe() {
    Primitive p{.name = name, .code = graph::code_of<CumulativeSum>, .kind = Kind::scan, .type = &type};
    p.simplify = [](Builder& b, const int* o, const std::int64_t* a, int) {
      const Shape& s = b.shape(o[0]);
      return a[0] >= 0 && a[0] < s.rank && s[int(a[0])] == 1 && s.letter(int(a[0])) == 0 ? Value{&b, o[0]} : Value{};
    };
    // What comes back to element i is what all later results received. A bounded axis cannot be reversed: the total less what came before.
    p.vjp = [](const Site& s, int, Value ct) {
      const std::int64_t axis = s.attribute(0), set = std::int64_t(1) << axis;
      if (ct.extents().letter(int(axis)) != 0) return reduced<Sum>(ct, set) - cumulative_sum(ct, axis) + ct;
      return graph::flip(cumulative_sum(graph::flip(ct, set), axis), set);
    };
    p.jvp = [](const Site& s, int, Value tangent) { return cumulative_sum(tangent, s.attribute(0)); };
    p.batch = [](const graph::Batching& b) { return cumulative_sum(b.operand(0), b.attributes[0] + 1); };
    p.flops = [](const Signature& s, const Shape&) { return double(s.shape(0).size()); };
    p.identity = identity;
    p.block = graph::primitive<Sum>.block;
    return p;
  }
};

constexpr Value cumulative_sum(Value x, std::int64_t axis) {
  if (const Dtype d = x.dtype(); computed_as(d) != d) return graph::cast_to(cumulative_sum(graph::cast_to(x, computed_as(d)), axis), d);
  return {x.graph, x.graph->add(graph::primitive<CumulativeSum>, &x.id, 1, &axis, 1)};
}

template <int Axis> struct Cumsum {
  template <class X> constexpr auto operator()(X x) const {
    if constexpr (is_sym_v<X>) {
      if constexpr (Axis >= X::shape.rank || Axis < -X::shape.rank) return scan_axis_out_of_range<X, Axis>{};
      else return X(cumulative_sum(x, Axis < 0 ? Axis + X::shape.rank : Axis));
    } else {
      return cumulative_sum(x, Axis < 0 ? Axis + x.extents().rank : Axis);
    }
  }
};

}  // namespace ops

/// Sums of the elements up to each one along an axis. PyTorch: torch.cumsum (which makes int64 of integers; here the dtype stays).
template <int Axis, Operand X> constexpr auto cumsum(X&& x) { return call<ops::Cumsum<Axis>>(std::forward<X>(x)); }

}  // namespace sinter
