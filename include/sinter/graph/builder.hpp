// The graph while it is being built. Usable at compile time and at run time.
//
// Nodes are hash-consed: an operation applied twice to the same operands is one node, which is common-subexpression
// elimination. Shapes are interned and operands are stored in one pool, so a node is a handful of integers and equality
// is cheap. Nodes only ever refer to earlier nodes: index order is a topological order, in every pass.
#pragma once
#include <array>
#include <bit>
#include <cstdint>

#include "../tensor/error.hpp"
#include "list.hpp"
#include "primitive.hpp"

namespace sinter::inline SINTER_ABI::graph {

struct Node {
  const Primitive* op = nullptr;
  Dtype dtype = Dtype::float32;
  int shape = 0;  ///< index of an interned shape; 0 is rank 0
  int operand = 0, operands = 0;      ///< where they start in the pool, and how many
  int attribute = 0, attributes = 0;  ///< likewise
  unsigned hash = 0;
  int next = -1;  ///< in the same hash bucket
};

struct Input;     // the primitives every graph starts from; defined in value.hpp
struct Constant;

class Builder {
 public:
  constexpr Builder() { intern(Shape{}); }

  constexpr int size() const { return nodes_.size(); }
  constexpr const Node& operator[](int id) const { return nodes_[id]; }
  constexpr const Shape& shape(int id) const { return shapes_[nodes_[id].shape]; }
  constexpr const int* operands(int id) const { return operands_.data() + nodes_[id].operand; }
  constexpr const std::int64_t* attributes(int id) const { return attributes_.data() + nodes_[id].attribute; }
  constexpr const Shape& interned(int shape) const { return shapes_[shape]; }
  constexpr int shapes() const { return shapes_.size(); }
  /// Pointers for loops over many nodes; adding a node invalidates them.
  constexpr const Node* nodes() const { return nodes_.data(); }
  constexpr const int* operand_pool() const { return operands_.data(); }
  /// For passes that rewrite a finished graph in place.
  constexpr int* mutable_operand_pool() { return operands_.data(); }

  List<int> inputs, outputs;  ///< node ids, in the order of the program's arguments and results
  List<int> overwrites;       ///< for each output the input whose memory it takes over, or −1; may be shorter
  List<Builder> bodies;       ///< of loops, which name theirs by its number (graph/iteration.hpp)

  /// Nodes before this one keep their views: a reshape of one does not become a reshape of its operand. So parameters,
  /// which are views of one block, stay nodes that gradients can be taken of.
  int views_kept = 0;

  /// Read by modules while they are traced: whether this is a training step, and where its random numbers come from.
  bool training = false;
  /// Whether primitives with a more accurate form (`Op::Accurate`) take it.
  bool accurate = false;
  int seed = -1, step = -1;  ///< nodes, int64 of rank 0; −1 where there is no randomness
  int random_calls = 0;      ///< so far; every call has numbers of its own
  std::int64_t unique_nodes = 0;  ///< so far, of primitives whose applications are never the same
  /// A buffer's value after the step.
  struct Update {
    int buffer = -1, value = -1;
  };
  List<Update> updates;
  /// The range [low, end) that integers must be in for the results to be meaningful, or the node `besides` that they
  /// must equal. The caller may check before it runs the program (compile/expectations.hpp); the program itself does
  /// not. With a symbolic dimension the end is its run-time length.
  struct Expectation {
    const char* what = "";
    int value = -1, besides = -1;
    std::int64_t low = 0, end = 0;
    int symbol = 0;
  };
  List<Expectation> expectations;
  /// The program is refused when these symbolic dimensions, up to four, all have length 1.
  struct LengthRule {
    const char* what = "";
    std::array<int, 4> symbols{};
  };
  List<LengthRule> length_rules;
  /// Values with names, to be handed out (transform/inner.hpp).
  struct Named {
    const char* name = "";
    int length = 0, value = -1;
  };
  List<Named> named;

  /// Adds one application, or finds it. Throws `Error` when the operands do not fit together.
  constexpr int add(const Primitive& op, const int* operands, int n, const std::int64_t* attributes = nullptr,
                    int m = 0);
  /// The same when the result's dtype and shape are known and no simplification can apply.
  constexpr int insert(const Primitive& op, Dtype dtype, int shape, const int* operands, int n,
                       const std::int64_t* attributes = nullptr, int m = 0);
  constexpr int input(Dtype dtype, const Shape& shape);
  constexpr int constant(double value, Dtype dtype = Dtype::float32);

  constexpr bool is_constant(int id) const { return nodes_[id].op->kind == Kind::constant; }
  constexpr bool is_constant(int id, double value) const { return is_constant(id) && constant_value(id) == value; }
  constexpr double constant_value(int id) const { return std::bit_cast<double>(attributes_[nodes_[id].attribute]); }

  constexpr Signature signature(int id, Signature::Operand* room) const {
    const Node& n = nodes_[id];
    return signature(operands_.data() + n.operand, n.operands, attributes_.data() + n.attribute, n.attributes, room);
  }

  /// Numbers shapes as another graph does: before any node is added.
  constexpr void share_shapes(const Builder& other) {
    shapes_ = other.shapes_;
    shape_bucket_ = other.shape_bucket_;
    shape_next_ = other.shape_next_;
  }
  constexpr int intern(const Shape& s) {
    unsigned h = unsigned(s.rank);
    for (int i = 0; i < s.rank; ++i) h = h * 31u + unsigned(s[i]) + unsigned(s.symbol(i));
    const int bucket = int(h % unsigned(shape_bucket_.size()));
    for (int i = shape_bucket_[bucket]; i >= 0; i = shape_next_[i])
      if (shapes_[i] == s) return i;
    shapes_.push(s);
    shape_next_.push(shape_bucket_[bucket]);
    return shape_bucket_[bucket] = shapes_.size() - 1;
  }

 private:
  constexpr Signature signature(const int* operands, int n, const std::int64_t* attributes, int m,
                                Signature::Operand* room) const {
    for (int i = 0; i < n; ++i) room[i] = {nodes_[operands[i]].dtype, &shapes_[nodes_[operands[i]].shape]};
    return {room, n, attributes, m};
  }
  constexpr bool same(const Node& node, const Primitive& op, Dtype dtype, int shape, const int* operands, int n,
                      const std::int64_t* attributes, int m) const {
    if (node.op != &op || node.dtype != dtype || node.shape != shape || node.operands != n || node.attributes != m)
      return false;
    const int* a = operands_.data() + node.operand;
    for (int i = 0; i < n; ++i)
      if (a[i] != operands[i]) return false;
    const std::int64_t* b = attributes_.data() + node.attribute;
    for (int i = 0; i < m; ++i)
      if (b[i] != attributes[i]) return false;
    return true;
  }
  constexpr void grow_table() {
    bucket_ = List<int>(2 * bucket_.size(), -1);
    for (int i = 0; i < nodes_.size(); ++i) {
      int& first = bucket_[int(nodes_[i].hash % unsigned(bucket_.size()))];
      nodes_[i].next = first;
      first = i;
    }
  }

  List<Node> nodes_;
  List<int> operands_;
  List<std::int64_t> attributes_;
  List<Shape> shapes_;
  List<int> bucket_ = List<int>(64, -1);
  List<int> shape_bucket_ = List<int>(32, -1), shape_next_;
};

}  // namespace sinter::graph
