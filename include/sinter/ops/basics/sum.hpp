// The family of reductions over axes, and the sum.
#pragma once
#include "broadcast.hpp"
#include "cast.hpp"
#include "reshape.hpp"

namespace sinter::inline SINTER_ABI {
namespace ops {

/// attributes = {bit set of axes}; reduced axes stay with extent 1. A member defines `identity`, `combine(a, b)` over
/// lanes, and `pull` and `push`, its two derivatives.
template <class Self> struct Reduction : graph::Registered<Self> {
  static constexpr Type type(const Signature& s) {
    Shape to = s.shape(0);
    if (s.attributes[0] >> to.rank != 0) return Type::mismatch();
    for (int i = 0; i < to.rank; ++i)
      if ((s.attributes[0] >> i & 1) != 0) to.set(i, 1);
    return {s.dtype(0), to};
  }
  static constexpr Primitive describe() {
    static_assert(
        graph::is_named_everywhere<Self>(),
        "move the primitive out of the unnamed namespace: kernels are shared between translation units by name");
    Primitive p{.name = Self::name, .code = graph::code_of<Self>, .kind = Kind::reduce, .type = &Reduction::type};
    p.simplify = [](Builder& b, const int* o, const std::int64_t* a, int) {  // all these axes have extent 1
      const Shape& s = b.shape(o[0]);
      for (int i = 0; i < s.rank; ++i)
        if ((a[0] >> i & 1) != 0 && (s[i] != 1 || s.symbol(i) != 0)) return Value{};
      return a[0] >> s.rank != 0 ? Value{} : Value{&b, o[0]};
    };
    p.vjp = [](const Site& s, int, Value ct) { return Self::pull(s, ct); };
    p.jvp = [](const Site& s, int, Value tangent) { return Self::push(s, tangent); };
    p.batch = [](const graph::Batching& b) {
      const std::int64_t axes = b.attributes[0] << 1;
      return Value{b.graph, b.graph->add(graph::primitive<Self>, b.operands, 1, &axes, 1)};
    };
    p.flops = [](const Signature& s, const Shape&) { return double(s.shape(0).size()); };
    p.fold.identity = Self::identity;
    add_blocks(p, std::make_index_sequence<std::size_t(number_of_dtypes)>{});
    return p;
  }

 private:
  /// Narrow types are folded in the type in which they are computed.
  template <std::size_t... D> static constexpr void add_blocks(Primitive& p, std::index_sequence<D...>) {
    ((p.block[Dtype(D)] =
          computed_as(Dtype(D)) != Dtype(D) ? nullptr : &evaluate<element_type<computed_as(Dtype(D))>>),
     ...);
  }
  template <class T> static constexpr void evaluate(const void* const* in, void* out, int n) {
    for (int k = 0; k < n; ++k)
      static_cast<T*>(out)[k] = Self::combine(Lanes<T, 1>(static_cast<const T*>(in[0])[k]),
                                              Lanes<T, 1>(static_cast<const T*>(in[1])[k]))
                                    .v;
  }
};

/// Narrow types are folded in the type in which they are computed.
template <class R> constexpr Value reduced(Value v, std::int64_t axes) {
  const Value wide = graph::cast_to(v, computed_as(v.dtype()));
  return graph::cast_to({v.graph, v.graph->add(graph::primitive<R>, &wide.id, 1, &axes, 1)}, v.dtype());
}

struct Sum : Reduction<Sum> {
  static constexpr const char* name = "sum";
  static constexpr double identity = 0;
  static constexpr auto combine(auto a, auto b) { return a + b; }
  static constexpr Value pull(const Site& s, Value ct) { return graph::broadcast_to(ct, s.operand(0).extents()); }
  static constexpr Value push(const Site& s, Value tangent) { return reduced<Sum>(tangent, s.attribute(0)); }
};

}  // namespace ops

namespace graph {

/// The sum over a bit set of axes, which stay with extent 1.
constexpr Value sum_over(Value v, std::int64_t axes) { return ops::reduced<ops::Sum>(v, axes); }

constexpr Value sum_to(Value v, Shape shape) {
  const Shape& s = v.extents();
  if (s == shape) return v;
  std::int64_t axes = 0;
  for (int i = 0; i < s.rank; ++i)
    if (const int j = i - (s.rank - shape.rank);
        j < 0 || (shape[j] == 1 && shape.symbol(j) == 0 && (s[i] != 1 || s.symbol(i) != 0)))
      axes |= std::int64_t(1) << i;
  return reshape_to(sum_over(v, axes), shape);
}

}  // namespace graph

}  // namespace sinter
