// The base of views: they map indices, no element moves, and a kernel folds them into its loads.
#pragma once
#include "elementwise.hpp"

namespace sinter::inline SINTER_ABI::ops {

/// A shape as attributes: one integer an axis, the capacity in the low half and the symbolic dimension in the high one.
constexpr std::int64_t packed(int extent, int symbol) { return std::int64_t(extent) | std::int64_t(symbol) << 32; }
constexpr Shape unpacked(const std::int64_t* a, int n) {
  Shape s;
  for (int i = 0; i < n; ++i) s.push(int(a[i] & 0x7fffffff), int(a[i] >> 32));
  return s;
}
struct PackedShape {
  internals::Array<std::int64_t, Shape::max_rank> value{};
  int rank = 0;
  constexpr explicit PackedShape(const Shape& s) : rank(s.rank) {
    for (int i = 0; i < rank; ++i) value[i] = packed(s[i], s.symbol(i));
  }
};

/// The scalar that a node broadcasts, or −1.
constexpr int broadcast_scalar(const Builder& b, int id) {
  if (b[id].op->kind == Kind::broadcast) id = b.operands(id)[0];
  return b[id].shape == 0 ? id : -1;
}

/// The base of all views. They are linear: the tangent is viewed the same way, the cotangent by the transpose (`pull`).
template <class Self, Kind K = Kind::view> struct View : graph::Registered<Self> {
  static constexpr bool keeps_order = false, selects_range = false;
  static constexpr Primitive describe() {
    Primitive p{.name = Self::name, .code = graph::code_of<Self>, .kind = K, .type = &Self::type};
    p.vjp = [](const Site& s, int, Value ct) { return Self::pull(s, ct); };
    p.jvp = [](const Site& s, int, Value tangent) {
      graph::List<std::int64_t> a;
      for (int i = 0; i < s.attributes(); ++i) a.push(s.attribute(i));
      return Value{s.graph, s.graph->add(graph::primitive<Self>, &tangent.id, 1, a.data(), a.size())};
    };
    p.flops = [](const Signature&, const Shape&) { return 0.0; };
    p.view = {.layout = &Self::view, .keeps_order = Self::keeps_order, .selects_range = Self::selects_range};
    p.batch = &Self::batch;
    p.simplify = [](Builder& b, const int* o, const std::int64_t* a, int m) {
      if constexpr (requires { &Self::simplify; })
        if (const Value v = Self::simplify(b, o, a, m); v.exists()) return v;
      if constexpr (K == Kind::broadcast) return Value{};
      const int number = broadcast_scalar(b, o[0]);  // any view of a repeated scalar is that scalar
      if (number < 0) return Value{};
      const Signature::Operand operand{b[o[0]].dtype, &b.shape(o[0])};
      const Type t = Self::type({&operand, 1, a, m});
      return t.valid ? graph::broadcast_to(Value{&b, number}, t.shape) : Value{};
    };
    return p;
  }
};

}  // namespace sinter::ops
