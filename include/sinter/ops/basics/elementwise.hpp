// The family of elementwise primitives: what a member declares and what the family adds.
//
//   struct Tanh : Elementwise<Tanh> {
//     static constexpr const char* name = "tanh";
//     static constexpr auto eval(auto x) { return tanh(x); }
//     static constexpr auto derivative(int, auto x, auto y, auto t) { return t * (1.f - y * y); }
//   };
//
// `eval` computes elements (see lanes.hpp). `derivative(i, operands…, result, t)` is the
// partial derivative along operand i times t, in symbols; being diagonal it serves both modes: reverse mode passes a
// cotangent, forward mode a tangent. A fast form may name the primitive that accurate programs use instead:
// `using Accurate = AccurateTanh;`.
#pragma once
#include "../../graph/call.hpp"
#include "../elementary.hpp"

namespace sinter {
namespace graph {

// What the rules of all families use; the other files here define it.

/// Sums a value over the axes along which an operand of this shape was repeated.
constexpr Value sum_to(Value v, Shape shape);
/// Repeats axes of extent 1 and adds axes at the left until v has this shape.
constexpr Value broadcast_to(Value v, Shape shape);
/// The same elements in row-major order under other extents.
constexpr Value reshape_to(Value v, Shape shape);
/// The value as another dtype.
constexpr Value cast_to(Value v, Dtype d);
/// A batched value with axes of extent 1 inserted after its batch axis, so that it broadcasts with others of this rank.
constexpr Value with_rank(Value v, int rank);

template <class Op> constexpr Value apply_elementwise(Builder* b, int* ids);

}  // namespace graph

namespace ops {

using graph::Builder;
using graph::Kind;
using graph::Primitive;
using graph::Signature;
using graph::Site;
using graph::Type;
using graph::Value;

/// How the result's dtype follows from the operands'. A primitive names one of these; the default is `Promoted`.
struct Promoted {  ///< as torch.promote_types, but bool and narrow integers make int32; 16-bit floats are computed as
                   ///< float32 and rounded
  static constexpr int first = 0;
  static constexpr Dtype operand(int, Dtype promoted) { return computed_as(promoted); }
  static constexpr Dtype result(Dtype promoted) { return is_half(promoted) ? promoted : operand(0, promoted); }
};
struct Floating : Promoted {  ///< integers are converted to float32, as in torch.exp
  static constexpr Dtype operand(int, Dtype promoted) {
    return is_floating(promoted) ? computed_as(promoted) : Dtype::float32;
  }
  static constexpr Dtype result(Dtype promoted) { return is_half(promoted) ? promoted : operand(0, promoted); }
};
struct Comparing : Promoted {  ///< the result is bool
  static constexpr Dtype result(Dtype) { return Dtype::boolean; }
};

template <class Self, int Arity = 1, class Types = Promoted> struct Elementwise : graph::Registered<Self> {
  static constexpr int arity = Arity;
  static constexpr double flops = 1;
  static constexpr graph::Affine affine = graph::Affine::none;  ///< whether it scales or shifts its first operand
  static constexpr bool converts = false, copies = false;       ///< whether its result is the operand, as another type
  using types = Types;

  static constexpr Dtype promoted(const Signature& s) {
    Dtype d = Dtype::boolean;
    for (int i = Types::first; i < s.count; ++i) d = promote(d, s.dtype(i));
    return d;
  }
  static constexpr Type type(const Signature& s) {
    Shape shape = s.shape(0);
    for (int i = 1; i < s.count && shape.rank >= 0; ++i) shape = graph::broadcast(shape, s.shape(i));
    if (shape.rank < 0) return Type::mismatch();
    return {Types::result(promoted(s)), shape};
  }

  static constexpr Primitive describe() {
    static_assert(
        graph::is_named_everywhere<Self>(),
        "move the primitive out of the unnamed namespace: kernels are shared between translation units by name");
    Primitive p{
        .name = Self::name, .code = graph::code_of<Self>, .kind = Kind::elementwise, .type = &Elementwise::type};
    p.elementwise = {&Types::result, Self::affine, Self::converts, Self::copies};
    p.flops = [](const Signature&, const Shape& result) { return Self::flops * double(result.size()); };
    if constexpr (has_simplify(std::make_index_sequence<Arity>{}))
      p.simplify = [](Builder& b, const int* o, const std::int64_t*, int) {
        return [&]<std::size_t... Index>(std::index_sequence<Index...>) {
          return Self::simplify(Value{&b, o[Index]}...);
        }(std::make_index_sequence<Arity>{});
      };
    if constexpr (differentiable(std::make_index_sequence<Arity>{})) {
      p.vjp = [](const Site& s, int i, Value ct) {
        const Value d = along(s, i, ct, std::make_index_sequence<Arity>{});
        return d.exists() ? like_operand(s, i, d) : d;
      };
      p.jvp = [](const Site& s, int i, Value tangent) {
        return along(s, i, tangent, std::make_index_sequence<Arity>{});
      };
    }
    p.batch = [](const graph::Batching& b) {
      int rank = 0;
      for (int i = 0; i < Arity; ++i) rank = b.rank(i) > rank ? b.rank(i) : rank;
      std::array<int, Arity> ids{};
      for (int i = 0; i < Arity; ++i)
        ids[i] = b.mapped[i] != 0 ? graph::with_rank(b.operand(i), rank).id : b.operands[i];
      return graph::apply_elementwise<Self>(b.graph, ids.data());
    };
    for_each_dtype([&]<Dtype D>() { set_block<element_type<D>>(p); });
    return p;
  }

 private:
  template <std::size_t... Index> static constexpr bool has_simplify(std::index_sequence<Index...>) {
    return requires(Value v) { Self::simplify(((void)Index, v)...); };
  }
  template <std::size_t... Index> static constexpr bool differentiable(std::index_sequence<Index...>) {
    return requires(Value v) { Self::derivative(0, ((void)Index, v)..., v, v); };
  }
  /// A cotangent with the shape and dtype of operand i.
  static constexpr Value like_operand(const Site& s, int i, Value d) {
    const graph::Node *nodes = s.graph->nodes(), &from = nodes[d.id], &to = nodes[s.graph->operands(s.id)[i]];
    if (from.shape == to.shape && from.dtype == to.dtype) return d;
    return graph::cast_to(graph::sum_to(d, s.operand(i).extents()), s.operand(i).dtype());
  }
  template <std::size_t... Index>
  static constexpr Value along(const Site& s, int i, Value t, std::index_sequence<Index...>) {
    return Self::derivative(i, s.operand(int(Index))..., s.result(), t);
  }

  /// Evaluation over arrays whose promoted type is T.
  template <class T> static constexpr void set_block(Primitive& p) {
    if constexpr (Types::operand(Arity - 1, dtype_of<T>) == dtype_of<T>) {
      p.block[dtype_of<T>] = [](const void* const* in, void* out, int n) {
        [&]<std::size_t... Index>(std::index_sequence<Index...>) {
          using R = element_type<Types::result(dtype_of<T>)>;
          for (int k = 0; k < n; ++k)
            static_cast<R*>(out)[k] =
                Self::eval(
                    Lanes<element_type<Types::operand(int(Index), dtype_of<T>)>, 1>(
                        static_cast<const element_type<Types::operand(int(Index), dtype_of<T>)>*>(in[Index])[k])...)
                    .v;
        }(std::make_index_sequence<Arity>{});
      };
    }
  }
};

}  // namespace ops

namespace graph {

/// Operands of several dtypes: casts them to the one in which they are computed; numbers adapt to it. Returns the
/// promoted dtype.
template <class Op> constexpr Dtype unify_dtypes(Builder& g, int* ids) {
  constexpr int n = Op::arity;
  Dtype common = Dtype::boolean, number = Dtype::boolean;
  bool tensors = false;
  for (int i = Op::types::first; i < n; ++i) {
    const Dtype d = g[ids[i]].dtype;
    if (g.is_constant(ids[i])) number = promote(number, d);
    else common = promote(common, d), tensors = true;
  }
  common = tensors ? promote_number(common, number) : number;
  for (int i = 0; i < n; ++i)
    if (const Dtype want = Op::types::operand(i, common); g[ids[i]].dtype != want)
      ids[i] = g.is_constant(ids[i]) ? g.constant(g.constant_value(ids[i]), want) : cast_to(Value{&g, ids[i]}, want).id;
  return common;
}

/// Removes broadcasts that the operation does anyway: op(broadcast(x), y) is op(x, y) if y has the full shape, and
/// broadcast(op(x, number)) if all others are numbers. In the second case the caller broadcasts the result to the shape
/// returned, which is 0 in all others.
template <class Op> constexpr int look_through_broadcasts(const Builder& g, int* ids) {
  constexpr int n = Op::arity;
  const Node* nodes = g.nodes();
  int full = 0, repeated = -1, shape = 0;
  bool alike = true;
  for (int i = 0; i < n; ++i) {
    const Node& node = nodes[ids[i]];
    if (node.op->kind == Kind::broadcast) {
      if (repeated >= 0)
        alike = alike && node.shape == shape &&
                nodes[g.operands(ids[i])[0]].shape == nodes[g.operands(ids[repeated])[0]].shape;
      repeated = i;
      shape = node.shape;
    } else if (node.shape != 0) {
      full = full == 0 || full == node.shape ? node.shape : -1;
    }
  }
  if (full < 0 || (full == 0 && !alike)) return 0;
  for (int i = 0; i < n; ++i)
    if (nodes[ids[i]].op->kind == Kind::broadcast && (full == 0 || nodes[ids[i]].shape == full))
      ids[i] = g.operands(ids[i])[0];
  return full == 0 ? shape : 0;
}

/// Applies an elementwise primitive to nodes.
template <class Op> constexpr Value apply_elementwise(Builder* b, int* ids) {
  if constexpr (requires { typename Op::Accurate; })
    if (b->accurate) return apply_elementwise<typename Op::Accurate>(b, ids);
  constexpr int n = Op::arity, first = Op::types::first;
  Builder& g = *b;
  const Node* nodes = g.nodes();
  Dtype common = nodes[ids[n - 1]].dtype;
  int shape = 0;
  bool one_dtype = Op::types::operand(n - 1, common) == common, one_shape = true, numbers = false, repeats = false;
  for (int i = 0; i < n; ++i) {
    const Node& o = nodes[ids[i]];
    one_dtype = one_dtype && (i >= first ? o.dtype == common : o.dtype == Op::types::operand(i, common));
    if (o.shape == 0) {
      numbers = numbers || o.op->kind == Kind::constant;
    } else {
      repeats = repeats || o.op->kind == Kind::broadcast;
      one_shape = one_shape && (shape == 0 || shape == o.shape);
      shape = o.shape;
    }
  }
  if (one_dtype && one_shape && !numbers && !repeats)
    return {b, g.insert(primitive<Op>, Op::types::result(common), shape, ids, n)};
  if (!one_dtype) common = unify_dtypes<Op>(g, ids);
  const int around = repeats ? look_through_broadcasts<Op>(g, ids) : 0;
  Value y{b, g.add(primitive<Op>, ids, n)};
  if (is_half(common)) y = cast_to(y, Op::types::result(common));
  return around != 0 ? broadcast_to(y, g.interned(around)) : y;
}

}  // namespace graph
}  // namespace sinter
