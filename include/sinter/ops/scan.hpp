// Running folds along one axis.
#pragma once
#include "flip.hpp"
#include "gather.hpp"
#include "reduce.hpp"

namespace sinter::inline SINTER_ABI {

template <class X, int Axis> struct scan_axis_out_of_range;  // undefined: the name is the error

namespace ops {

constexpr Value scanned(Value x, std::int64_t axis);
constexpr Value scanned_backwards(Value x, std::int64_t axis);

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
      return a[0] >= 0 && a[0] < s.rank && s[int(a[0])] == 1 && s.symbol(int(a[0])) == 0 ? Value{&b, o[0]} : Value{};
    };
    // The cotangent of element i is the sum of the cotangents of results i and later.
    p.vjp = [](const Site& s, int, Value ct) { return scanned_backwards(ct, s.attribute(0)); };
    p.jvp = [](const Site& s, int, Value tangent) { return scanned(tangent, s.attribute(0)); };
    p.batch = [](const graph::Batching& b) { return scanned(b.operand(0), b.attributes[0] + 1); };
    p.flops = [](const Signature& s, const Shape&) { return double(s.shape(0).size()); };
    p.fold.identity = identity;
    p.block = graph::primitive<Sum>.block;
    return p;
  }
};

constexpr Value scanned(Value x, std::int64_t axis) {
  return {x.graph, x.graph->add(graph::primitive<CumulativeSum>, &x.id, 1, &axis, 1)};
}

/// The sums of element i and all after it. A bounded axis ends at its run-time length: elements are gathered backwards
/// from there, since a difference of sums would lose small ones next to large ones, and finite ones next to infinities.
constexpr Value scanned_backwards(Value x, std::int64_t axis) {
  const Shape s = x.extents();
  const int symbol = s.symbol(int(axis));
  if (const std::int64_t set = std::int64_t(1) << axis; symbol == 0)
    return graph::flip(scanned(graph::flip(x, set), axis), set);
  Shape along;
  for (int i = 0; i < s.rank; ++i) along.push(i == axis ? s[i] : 1, i == axis ? symbol : 0);
  const Value opposite =
      graph::reshape_to(graph::length(x.graph, symbol) - 1 - graph::iota(x.graph, s[int(axis)], symbol), along);
  return gather(scanned(gather(x, opposite, int(axis)), axis), opposite, int(axis));
}

/// Floating-point numbers are accumulated in double precision and rounded once; bools and integers as int64.
constexpr Value cumulative_sum(Value x, std::int64_t axis) {
  const Dtype d = x.dtype(), single = computed_as(d);
  if (!is_floating(d)) return scanned(graph::cast_to(x, Dtype::int64), axis);
  return graph::cast_to(
      graph::cast_to(scanned(graph::cast_to(graph::cast_to(x, single), Dtype::float64), axis), single), d);
}

template <int Axis> struct Cumsum {
  template <class X> constexpr auto operator()(X x) const {
    if constexpr (is_sym_v<X>) {
      if constexpr (Axis >= X::shape.rank || Axis < -X::shape.rank) return scan_axis_out_of_range<X, Axis>{};
      else return graph::SymOf<Sums<X>>(cumulative_sum(x, Axis < 0 ? Axis + X::shape.rank : Axis));
    } else {
      return cumulative_sum(x, Axis < 0 ? Axis + x.extents().rank : Axis);
    }
  }

 private:
  template <class X> struct Sums {
    static constexpr Type type{is_floating(X::dtype) ? X::dtype : Dtype::int64, X::shape};
  };
};

}  // namespace ops

/// Sums of the elements up to each one along an axis, accumulated in double precision; bools and integers give int64.
/// PyTorch: torch.cumsum.
template <int Axis, Operand X> constexpr auto cumsum(X&& x) { return call<ops::Cumsum<Axis>>(std::forward<X>(x)); }

}  // namespace sinter
