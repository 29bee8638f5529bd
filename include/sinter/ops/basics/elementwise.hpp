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

namespace sinter::inline SINTER_ABI {
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

/// Applies an elementwise primitive to nodes, whose dtypes are converted as it says.
constexpr Value apply_elementwise(Builder* b, const Primitive& op, int* ids);
template <class Op> constexpr Value apply_elementwise(Builder* b, int* ids) {
  return apply_elementwise(b, primitive<Op>, ids);
}
/// The rules that all members share.
constexpr Type type_of_elementwise(const Signature& s, int promoted, Dtype (*result)(Dtype));
constexpr Value batched_elementwise(const Batching& b, const Primitive& op);
/// A cotangent with the shape and dtype of operand i.
constexpr Value like_operand(const Site& s, int i, Value cotangent);

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

  static constexpr Type type(const Signature& s) {
    return graph::type_of_elementwise(s, Types::first, &Types::result);
  }

  static constexpr Primitive describe() {
    static_assert(
        graph::is_named_everywhere<Self>(),
        "move the primitive out of the unnamed namespace: kernels are shared between translation units by name");
    Primitive p{
        .name = Self::name, .code = graph::code_of<Self>, .kind = Kind::elementwise, .type = &Elementwise::type};
    graph::Primitive::Elementwise& e = p.elementwise;  // one by one: nvcc knows no list with a member left out
    e.arity = Arity;
    e.first_promoted = Types::first;
    e.operand_dtype = &Types::operand;
    e.result_dtype = &Types::result;
    e.affine = Self::affine;
    e.converts = Self::converts;
    e.copies = Self::copies;
    if constexpr (requires { typename Self::Accurate; })
      e.accurate = &graph::primitive<typename Self::Accurate>;
    p.flops = [](const Signature&, const Shape& result) { return Self::flops * double(result.size()); };
    p.batch = [](const graph::Batching& b) { return graph::batched_elementwise(b, graph::primitive<Self>); };
    add_rules(p, std::make_index_sequence<std::size_t(Arity)>{});
    add_blocks(p, std::make_index_sequence<std::size_t(Arity)>{},
               std::make_index_sequence<std::size_t(number_of_dtypes)>{});
    return p;
  }

 private:
  template <std::size_t... Index> static constexpr void add_rules(Primitive& p, std::index_sequence<Index...>) {
    if constexpr (requires(Value v) { Self::simplify(((void)Index, v)...); })
      p.simplify = [](Builder& b, const int* o, const std::int64_t*, int) {
        return Self::simplify(Value{&b, o[Index]}...);
      };
    if constexpr (requires(Value v) { Self::derivative(0, ((void)Index, v)..., v, v); }) {
      p.vjp = [](const Site& s, int i, Value ct) {
        return graph::like_operand(s, i, Self::derivative(i, s.operand(int(Index))..., s.result(), ct));
      };
      p.jvp = [](const Site& s, int i, Value tangent) {
        return Self::derivative(i, s.operand(int(Index))..., s.result(), tangent);
      };
    }
  }
  template <std::size_t... Index, std::size_t... D>
  static constexpr void add_blocks(Primitive& p, std::index_sequence<Index...>, std::index_sequence<D...>) {
    ((p.block[Dtype(D)] = Types::operand(Arity - 1, Dtype(D)) != Dtype(D)
                              ? nullptr
                              : &Self::template evaluate<Types::operand(Arity - 1, Dtype(D)), Index...>),
     ...);
  }

 protected:
  /// Evaluation over arrays whose promoted type is D.
  template <Dtype D, std::size_t... Index> static constexpr void evaluate(const void* const* in, void* out, int n) {
    for (int k = 0; k < n; ++k)
      static_cast<element_type<Types::result(D)>*>(out)[k] =
          Self::eval(lane<element_type<Types::operand(int(Index), D)>>(in[Index], k)...).v;
  }
  template <class T> static constexpr Lanes<T, 1> lane(const void* in, int k) {
    return Lanes<T, 1>(static_cast<const T*>(in)[k]);
  }
};

}  // namespace ops

namespace graph {

constexpr Type type_of_elementwise(const Signature& s, int promoted, Dtype (*result)(Dtype)) {
  Shape shape = s.shape(0);
  for (int i = 1; i < s.count && shape.rank >= 0; ++i) shape = broadcast(shape, s.shape(i));
  if (shape.rank < 0) return Type::mismatch();
  Dtype common = Dtype::boolean;
  for (int i = promoted; i < s.count; ++i) common = promote(common, s.dtype(i));
  return {result(common), shape};
}

constexpr Value like_operand(const Site& s, int i, Value cotangent) {
  if (!cotangent.exists()) return cotangent;
  const Node *nodes = s.graph->nodes(), &from = nodes[cotangent.id], &to = nodes[s.graph->operands(s.id)[i]];
  if (from.shape == to.shape && from.dtype == to.dtype) return cotangent;
  return cast_to(sum_to(cotangent, s.operand(i).extents()), s.operand(i).dtype());
}

constexpr Value batched_elementwise(const Batching& b, const Primitive& op) {
  int rank = 0, ids[most_operands]{};
  for (int i = 0; i < b.count; ++i) rank = b.rank(i) > rank ? b.rank(i) : rank;
  for (int i = 0; i < b.count; ++i) ids[i] = b.mapped[i] != 0 ? with_rank(b.operand(i), rank).id : b.operands[i];
  return apply_elementwise(b.graph, op, ids);
}

/// Operands of several dtypes: casts them to the one in which they are computed; numbers adapt to it. Returns the
/// promoted dtype.
constexpr Dtype unify_dtypes(Builder& g, const Primitive::Elementwise& op, int* ids) {
  Dtype common = Dtype::boolean, number = Dtype::boolean;
  bool tensors = false;
  for (int i = op.first_promoted; i < op.arity; ++i) {
    const Dtype d = g[ids[i]].dtype;
    if (g.is_constant(ids[i])) number = promote(number, d);
    else common = promote(common, d), tensors = true;
  }
  common = tensors ? promote_number(common, number) : number;
  for (int i = 0; i < op.arity; ++i)
    if (const Dtype want = op.operand_dtype(i, common); g[ids[i]].dtype != want)
      ids[i] = g.is_constant(ids[i]) ? g.constant(g.constant_value(ids[i]), want) : cast_to(Value{&g, ids[i]}, want).id;
  return common;
}

/// Removes broadcasts that the operation does anyway: op(broadcast(x), y) is op(x, y) if y has the full shape, and
/// broadcast(op(x, number)) if all others are numbers. In the second case the caller broadcasts the result to the shape
/// returned, which is 0 in all others.
constexpr int look_through_broadcasts(const Builder& g, int n, int* ids) {
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

constexpr Value apply_elementwise(Builder* b, const Primitive& op, int* ids) {
  const Primitive::Elementwise& e = op.elementwise;
  Builder& g = *b;
  if (e.accurate != nullptr && g.accurate) return apply_elementwise(b, *e.accurate, ids);
  const int n = e.arity;
  const Node* nodes = g.nodes();
  Dtype common = nodes[ids[n - 1]].dtype;
  int shape = 0;
  bool one_dtype = e.operand_dtype(n - 1, common) == common, one_shape = true, numbers = false, repeats = false;
  for (int i = 0; i < n; ++i) {
    const Node& o = nodes[ids[i]];
    one_dtype = one_dtype && (i >= e.first_promoted ? o.dtype == common : o.dtype == e.operand_dtype(i, common));
    if (o.shape == 0) {
      numbers = numbers || o.op->kind == Kind::constant;
    } else {
      repeats = repeats || o.op->kind == Kind::broadcast;
      one_shape = one_shape && (shape == 0 || shape == o.shape);
      shape = o.shape;
    }
  }
  if (one_dtype && one_shape && !numbers && !repeats)
    return {b, g.insert(op, e.result_dtype(common), shape, ids, n)};
  if (!one_dtype) common = unify_dtypes(g, e, ids);
  const int around = repeats ? look_through_broadcasts(g, n, ids) : 0;
  Value y{b, g.add(op, ids, n)};
  if (is_half(common)) y = cast_to(y, e.result_dtype(common));
  return around != 0 ? broadcast_to(y, g.interned(around)) : y;
}

}  // namespace graph
}  // namespace sinter
