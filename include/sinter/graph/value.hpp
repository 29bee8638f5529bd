// An untyped symbolic tensor: a node of a graph under construction.
//
// Rules and passes work on these, and so does anyone who builds a graph at run time; `Sym` adds the shape to the type.
#pragma once
#include "builder.hpp"

namespace sinter::inline SINTER_ABI {

/// The base of everything symbolic; through it argument-dependent lookup reaches the library's functions. Nothing else
/// names it.
struct SymbolBase {};

// Undefined on purpose: the name is the error. Which branch `if (x > 0)` takes is not known while a function is traced:
// `select(x > 0, a, b)` computes both and chooses element by element.
template <class Traced> struct a_traced_value_has_no_truth_value_use_select;

namespace graph {

struct Value : SymbolBase {
  Builder* graph = nullptr;
  int id = -1;

  constexpr Value() = default;
  constexpr Value(Builder* g, int node) : graph(g), id(node) {}

  /// Whether this is a node of a graph: a rule that does not apply returns `Value{}`.
  constexpr bool exists() const { return graph != nullptr; }
  template <class Truth> requires std::is_same_v<Truth, bool> constexpr explicit operator Truth() const {
    return a_traced_value_has_no_truth_value_use_select<
        std::conditional_t<std::is_same_v<Truth, bool>, Value, Truth>>{};
  }
  constexpr Dtype dtype() const { return (*graph)[id].dtype; }
  constexpr const Shape& extents() const { return graph->shape(id); }
  /// Whether its value is known while tracing: a number of rank 0; and that number.
  constexpr bool is_number() const { return graph->is_constant(id); }
  constexpr double number() const { return graph->constant_value(id); }
  constexpr bool is(double value) const { return graph->is_constant(id, value); }
};

/// One application of a primitive as its derivative rules see it.
struct Site {
  Builder* graph;
  int id;

  constexpr Value operand(int i) const { return {graph, graph->operands(id)[i]}; }
  constexpr Value result() const { return {graph, id}; }
  constexpr std::int64_t attribute(int i) const { return graph->attributes(id)[i]; }
  constexpr int operands() const { return (*graph)[id].operands; }
  constexpr int attributes() const { return (*graph)[id].attributes; }
};

/// One application as a batching rule sees it: its operands, and which of them have a leading batch axis.
struct Batching {
  Builder* graph;
  const int* operands;
  const char* mapped;
  int count;
  const std::int64_t* attributes;
  int attribute_count;
  int extent;   ///< of the new axis
  int symbol;   ///< its symbolic dimension

  constexpr Value operand(int i) const { return {graph, operands[i]}; }
  /// The rank of operand i without the batch axis.
  constexpr int rank(int i) const { return graph->shape(operands[i]).rank - (mapped[i] != 0 ? 1 : 0); }
};

/// Source nodes: the arguments of a program, and numbers.
struct Input : Registered<Input> {
  static constexpr Primitive describe() { return {.name = "input", .code = code_of<Input>, .kind = Kind::input}; }
};
struct Constant : Registered<Constant> {
  static constexpr Primitive describe() {
    return {.name = "constant", .code = code_of<Constant>, .kind = Kind::constant};
  }
};

/// The shape that operands broadcast to: aligned at the right, extents of 1 repeat, lengths must agree. Rank −1 when
/// they do not fit.
constexpr Shape broadcast(const Shape& a, const Shape& b) {
  Shape s = a.rank >= b.rank ? a : b;
  for (int i = 0; i < s.rank; ++i) {
    const int p = i - (s.rank - a.rank), q = i - (s.rank - b.rank);
    if (p < 0 || q < 0) continue;
    if (a[p] == b[q] && a.symbol(p) == b.symbol(q)) continue;
    if (b[q] == 1 && b.symbol(q) == 0) s.set(i, a[p], a.symbol(p));
    else if (a[p] == 1 && a.symbol(p) == 0) s.set(i, b[q], b.symbol(q));
    else return Shape{.rank = -1};
  }
  return s;
}

[[noreturn]] SINTER_COLD inline void operands_do_not_fit(const Primitive& op, const Signature& s) {
  std::string found;
  for (int i = 0; i < s.count; ++i)
    found += (i > 0 ? " and " : "") + std::string(name_of(s.dtype(i))) + to_string(s.shape(i));
  throw_error(ErrorCode::shape, op.name, "operands do not fit together: " + found,
              "see the shape rule of the operation");
}

constexpr int Builder::insert(const Primitive& op, Dtype dtype, int shape, const int* operands, int n,
                              const std::int64_t* attributes, int m) {
  if (op.unique) attributes = &unique_nodes, m = 1;
  unsigned h = unsigned(op.code) * 31u + unsigned(dtype) * 7u + unsigned(shape) * 131u;
  for (int i = 0; i < n; ++i) h = h * 31u + unsigned(operands[i]);
  for (int i = 0; i < m; ++i) h = h * 31u + unsigned(attributes[i]) + unsigned(std::uint64_t(attributes[i]) >> 40);
  const Node* known = nodes_.data();
  for (int i = bucket_[int(h % unsigned(bucket_.size()))]; i >= 0; i = known[i].next)
    if (known[i].hash == h && same(known[i], op, dtype, shape, operands, n, attributes, m)) return i;
  const int id = nodes_.size();
  if (id >= 2 * bucket_.size()) grow_table();
  int& first = bucket_[int(h % unsigned(bucket_.size()))];
  nodes_.push({&op, dtype, shape, operands_.size(), n, attributes_.size(), m, h, first});
  first = id;
  for (int i = 0; i < n; ++i) operands_.push(operands[i]);
  for (int i = 0; i < m; ++i) attributes_.push(attributes[i]);
  if (op.unique) ++unique_nodes;
  return id;
}

constexpr int Builder::input(Dtype dtype, const Shape& shape) {
  const std::int64_t number = inputs.size();
  inputs.push(insert(primitive<Input>, dtype, intern(shape), nullptr, 0, &number, 1));
  return inputs.back();
}

constexpr int Builder::constant(double value, Dtype dtype) {
  const auto bits = std::bit_cast<std::int64_t>(value);
  return insert(primitive<Constant>, dtype, 0, nullptr, 0, &bits, 1);
}

constexpr int Builder::add(const Primitive& op, const int* operands, int n, const std::int64_t* attributes, int m) {
  if (op.simplify != nullptr)
    if (const Value simpler = op.simplify(*this, operands, attributes, m); simpler.exists()) return simpler.id;
  if (op.kind == Kind::elementwise) {  // the common case: one shape, perhaps with numbers
    const Node* known = nodes_.data();
    int shape = 0;
    bool one_shape = true;
    for (int i = 0; i < n; ++i)
      if (const int s = known[operands[i]].shape; s != 0) {
        if (shape != 0 && s != shape) one_shape = false;
        shape = s;
      }
    if (one_shape) {
      const Dtype dtype = op.elementwise.result_dtype(known[operands[n - 1]].dtype);
      return insert(op, dtype, shape, operands, n, attributes, m);
    }
  }
  Signature::Operand few[4];
  List<Signature::Operand> many;
  if (n > 4) many.resize(n, {});
  const Signature s = signature(operands, n, attributes, m, n > 4 ? many.data() : few);
  const Type t = op.type(s);
  if (!t.valid) operands_do_not_fit(op, s);
  return insert(op, t.dtype, intern(t.shape), operands, n, attributes, m);
}

}  // namespace graph
}  // namespace sinter
