// A primitive of kind kernel as it is composed of others: its derivatives and batches are theirs.
#pragma once
#include "inlined.hpp"

namespace sinter::inline SINTER_ABI::ops {

[[noreturn]] SINTER_COLD inline void a_composed_kernel_leaves_a_result_that_is_read(const char* kernel, int result) {
  throw_error(ErrorCode::unsupported, kernel,
              "expected result " + std::to_string(result) + " from what it is composed of, found none",
              "`Primitive::kernel.composed` leaves only further results that nothing reads");
}

/// A kernel as it is composed of others, in a graph of its own whose first inputs are its operands.
struct ComposedKernel {
  constexpr ComposedKernel(const Builder& g, int kernel) : g_(g), kernel_(kernel) {
    const graph::Node& n = g[kernel];
    Builder with_kernel;
    with_kernel.accurate = inside.accurate = g.accurate;
    List<int> in_it;
    for (int k = 0; k < n.operands; ++k) {
      operands.push(input(g.operands(kernel)[k]));
      in_it.push(with_kernel.input(g[inputs_[k]].dtype, g.shape(inputs_[k])));
    }
    const int id = with_kernel.insert(*n.op, n.dtype, with_kernel.intern(g.shape(kernel)), in_it.data(), n.operands,
                                      g.attributes(kernel), n.attributes);
    List<Value> composed(n.op->kernel.results, Value{});
    n.op->kernel.composed(Site{&with_kernel, id}, composed.data());
    if (!composed[0].exists()) a_composed_kernel_leaves_a_result_that_is_read(n.op->name, 0);
    for (const Value& v : composed)
      if (v.exists()) with_kernel.outputs.push(v.id);
    const List<int> ids = inlined(inside, with_kernel, operands);
    int next = 0;
    for (const Value& v : composed) results.push(v.exists() ? ids[next++] : -1);
  }
  /// The node of a result that is read.
  constexpr int result(int k) const {
    if (results[k] < 0) a_composed_kernel_leaves_a_result_that_is_read(g_[kernel_].op->name, k);
    return results[k];
  }
  /// A further input, which is a node of the other graph there.
  constexpr int input(int node) {
    inputs_.push(node);
    return inside.input(g_[node].dtype, g_.shape(node));
  }
  /// Adds these nodes to the other graph, and what they are computed from.
  constexpr List<int> add_to(Builder& g, const List<int>& nodes) { return add_to(g, nodes, inputs_); }
  /// The same for any graph; `inputs`: what the inputs are there.
  constexpr List<int> add_to(Builder& g, const List<int>& nodes, const List<int>& inputs) {
    inside.outputs = nodes;
    return inlined(g, inside, inputs);
  }

  Builder inside;
  List<int> operands, results;  ///< its nodes; −1 for a further result that is left

 private:
  const Builder& g_;
  int kernel_;
  List<int> inputs_;
};

}  // namespace sinter::ops
