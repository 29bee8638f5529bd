// From one sample to a batch. A function is traced for one sample, in the graph of the batch; then every node that
// depends on the sample is added again with a leading batch axis, by the batching rule of its primitive. Values that
// the function captures, and parameters, are nodes of the same graph, shared by all samples.
#pragma once
#include "apply.hpp"
#include "composed_kernel.hpp"

namespace sinter::inline SINTER_ABI::graph {

[[noreturn]] SINTER_COLD inline void a_buffer_cannot_be_updated_by_single_samples() {
  throw_error(ErrorCode::unsupported, "vmap",
              "expected a function of one sample that leaves buffers alone, found one that updates a buffer",
              "the samples would disagree on what it becomes: update it outside, from the whole batch");
}
[[noreturn]] SINTER_COLD inline void a_sample_was_used_outside_of_its_vmap() {
  throw_error(ErrorCode::unsupported, "vmap",
              "expected values of one sample to stay inside the function that vmap maps, found one outside",
              "return it from the function");
}
[[noreturn]] SINTER_COLD inline void a_primitive_has_no_batching_rule(const char* primitive) {
  throw_error(ErrorCode::unsupported, "vmap",
              std::string("expected a batching rule, found primitive ") + primitive + " without one",
              "set `Primitive::batch`, or of a kernel `Primitive::kernel.composed`");
}

/// One sample of a batch, while a function of one sample is traced. No program contains it.
struct Sample : Registered<Sample> {
  static constexpr Primitive describe() {
    return {.name = "sample", .code = code_of<Sample>, .kind = Kind::input, .unique = true};
  }
};

/// Makes samples of batches, and batches of what is computed from them:
///
///   SampleTrace one(g, extent, symbol);
///   const Value y = f(one.sample(xs));
///   const Value ys = one.whole(y);
class SampleTrace {
 public:
  constexpr SampleTrace(Builder& g, int extent, int symbol)
      : g_(g), first_(g.size()), extent_(extent), symbol_(symbol) {}

  /// One sample of a value whose first axis is the batch.
  constexpr Value sample(Value batch) {
    Shape one;
    for (int i = 1; i < batch.extents().rank; ++i) one.push(batch.extents()[i], batch.extents().symbol(i));
    const int id = g_.insert(primitive<Sample>, batch.dtype(), g_.intern(one), nullptr, 0);
    stands_for_.resize(id + 1 - first_, unknown);
    stands_for_[id - first_] = batch.id;
    return {&g_, id};
  }
  /// The batched value of a sample's value, with the batch as first axis; broadcast along it if the value does not
  /// depend on the sample.
  constexpr Value whole(Value one) {
    const int now = shared_or_batched(one.id);
    const char has = now != one.id && g_.shape(now).rank > one.extents().rank ? 1 : 0;
    return batched({&g_, &now, &has, 1, nullptr, 0, extent_, symbol_}, 0);
  }

 private:
  static constexpr int unknown = -1;
  struct Composed {
    int kernel = unknown;
    List<int> results;  ///< what replaces each
  };

  /// Batches a node and all that it depends on; returns the node that replaces it.
  constexpr int shared_or_batched(int id) {
    const int end = g_.size();
    List<int> roots;
    roots.push(id);
    for (const Builder::Update& u : g_.updates) roots.push(u.value);
    for (const Builder::Expectation& e : g_.expectations) roots.push(e.value), roots.push(e.besides);
    batch_all(roots);
    for (const Builder::Update& u : g_.updates)
      if (u.value >= first_ && u.value < end && has_axis(u.value)) a_buffer_cannot_be_updated_by_single_samples();
    for (Builder::Expectation& e : g_.expectations) {
      if (e.value >= first_ && e.value < end) e.value = now(e.value);
      if (e.besides >= first_ && e.besides < end) e.besides = now(e.besides);
    }
    return now(id);
  }
  constexpr void batch_all(const List<int>& roots) {
    const int end = g_.size();
    List<char> wanted(end - first_, 0);
    for (const int r : roots)
      if (r >= first_) wanted[r - first_] = 1;
    for (int i = end - 1; i >= first_; --i)
      for (int k = 0; wanted[i - first_] != 0 && k < g_[i].operands; ++k)
        if (const int o = g_.operands(i)[k]; o >= first_) wanted[o - first_] = 1;
    stands_for_.resize(end - first_, unknown);
    for (int i = first_; i < end; ++i)
      if (wanted[i - first_] != 0 && stands_for_[i - first_] == unknown) stands_for_[i - first_] = batch(i);
  }
  constexpr int now(int id) const {
    if (id < first_) return id;
    if (stands_for_[id - first_] == unknown)  // a result
      ops::a_composed_kernel_leaves_a_result_that_is_read(g_[g_.operands(id)[0]].op->name, int(g_.attributes(id)[0]));
    return stands_for_[id - first_];
  }
  constexpr bool has_axis(int id) const { return now(id) != id && g_.shape(now(id)).rank > g_.shape(id).rank; }
  constexpr int batch(int i) {
    const Node n = g_[i];
    const bool further = n.op->kind == Kind::result;
    const int kernel = further ? g_.operands(i)[0] : i;
    for (const Composed& c : composed_)
      if (c.kernel == kernel) return c.results[further ? int(g_.attributes(i)[0]) : 0];
    List<int> operands;
    List<char> has;
    bool any = false;
    for (int k = 0; k < n.operands; ++k) {
      const int o = g_.operands(i)[k];
      operands.push(now(o));
      has.push(has_axis(o) ? 1 : 0);
      any = any || has.back() != 0;
    }
    // What all samples share stays as it is; but a node that marks a position in the graph is added again for the
    // batch.
    if (!any) return n.op->unique && n.operands == 0 ? g_.insert(*n.op, n.dtype, n.shape, nullptr, 0) : i;
    List<std::int64_t> attributes;
    for (int k = 0; k < n.attributes; ++k) attributes.push(g_.attributes(i)[k]);
    const Batching b{&g_,     operands.data(), has.data(), n.operands, attributes.data(), n.attributes,
                     extent_, symbol_};
    Value y;
    if (n.op->batch != nullptr) y = n.op->batch(b);
    return y.exists() ? y.id : batch_composed(i, operands, has);
  }
  /// A kernel whose own rule has no such batch, as it is composed of others. These are batched in a graph of their own:
  /// of what they are for one sample nothing remains, neither nodes nor bodies of loops.
  constexpr int batch_composed(int i, const List<int>& operands, const List<char>& has) {
    const Primitive& op = *g_[i].op;
    if (op.kernel.composed == nullptr) a_primitive_has_no_batching_rule(op.name);
    ops::ComposedKernel one(g_, i);
    Builder all;
    all.accurate = g_.accurate;
    List<int> samples, of_one;
    for (int k = 0; k < operands.size(); ++k) all.input(g_[operands[k]].dtype, g_.shape(operands[k]));
    SampleTrace sample(all, extent_, symbol_);
    for (int k = 0; k < operands.size(); ++k)
      samples.push(has[k] != 0 ? sample.sample({&all, all.inputs[k]}).id : all.inputs[k]);
    for (const int r : one.results)
      if (r >= 0) of_one.push(r);
    for (const int r : one.add_to(all, of_one, samples)) all.outputs.push(sample.whole({&all, r}).id);
    const List<int> found = ops::inlined(g_, all, operands);
    Composed c{i, {}};
    int next = 0;
    for (const int r : one.results) c.results.push(r >= 0 ? found[next++] : unknown);
    composed_.resize(composed_.size() + 1, c);
    return c.results[0];
  }

  Builder& g_;
  int first_, extent_;
  int symbol_;
  List<int> stands_for_;  ///< what replaces each node from first_ on: its batch, or a node that all samples share
  List<Composed> composed_;
};

}  // namespace sinter::graph
