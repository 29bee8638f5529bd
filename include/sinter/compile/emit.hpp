// From kernels to steps: a plan whose pointers still name the nodes of the graph.
//
// Later passes choose which steps run tile by tile (chains.hpp) and the address of each buffer (allocate.hpp);
// addresses then replace the nodes.
#pragma once
#include "in_place.hpp"
#include "program/plan.hpp"
#include "simplify.hpp"
#include "target.hpp"

namespace sinter::inline SINTER_ABI::internals::compile {

[[noreturn]] SINTER_COLD inline void no_input_has_this_length(int symbol) {
  throw_error(ErrorCode::length, "length " + tensor_detail::name_of_dimension(symbol),
              "expected an input that has it, found none",
              "a program takes its lengths from its inputs");
}

[[noreturn]] SINTER_COLD inline void overwritten_while_needed(int output) {
  throw_error(ErrorCode::unsupported, "output " + std::to_string(output),
              "expected that it can take over the memory of an input, found one that is read afterwards");
}

/// How a step uses one of its pointers.
struct PointerUse {
  unsigned char bytes = 0;  ///< of an element; 0 for no memory
  bool written = false;
  bool anywhere = false;    ///< along an axis indexed by another value
};

/// A plan in the making, and what passes must know of its steps that the table does not say.
struct PlanDraft {
  Plan plan;
  List<int> step, loops;           ///< of each step: its offset in the table, and its loops
  List<KernelKind> kind;                 ///< of each step
  List<KernelFacts> facts;        ///< of each step
  List<std::int64_t> scratch;      ///< bytes of each step
  List<double> small_flops;        ///< of each step: those of a small product
  List<PointerUse> uses;           ///< of each pointer of each step
  List<int> first_use;             ///< of each step
  List<std::int64_t> capacity;     ///< of each symbolic dimension
  List<std::uint64_t> hash;        ///< of each distinct kernel
  List<int> latest;                ///< of each distinct kernel: its last step unlike those before it, −1 for none
  List<int> before;                ///< of each step, the step of its kernel that was the latest then

  /// Offset of pointer p of a step in the table.
  constexpr int pointer(int s, int p) const { return step[s] + 1 + TablePointer::position(loops[s], p); }
  constexpr int pointers(int s) const {
    const int end = s + 1 < step.size() ? step[s + 1] : plan.table.size();
    return (end - step[s] - 1 - loops[s]) / TablePointer::integers(loops[s]);
  }
  /// The node that pointer p of a step points into, −1 for none.
  constexpr int node(int s, int p) const { return PointerBase::base_of(plan.table[pointer(s, p)]); }
  constexpr StepView view(int s) const {
    const std::int64_t* const t = plan.table.data() + step[s];
    return StepView(plan.words.data() + plan.kernel[int(*t)], t + 1, capacity.data());
  }
  constexpr const PointerUse& use(int s, int p) const { return uses[first_use[s] + p]; }
  constexpr std::int64_t symbol_index(int symbol) const {
    for (int i = 0; i < plan.symbols.size(); ++i)
      if (plan.symbols[i] == symbol) return i;
    no_input_has_this_length(symbol);
  }
  /// Whether a step may store node `to` in the memory of node `from`, once buffers have been found.
  constexpr bool may_share(int s, int from, int to) const { return may_take_over(view(s), from, to); }
};

constexpr std::int64_t buffer_bytes(const Builder& g, int node) {
  return g.shape(node).size() * bytes_of(g[node].dtype);
}

/// Adds the dimensions of a graph whose lengths follow from those that its plan has.
constexpr void add_derived_symbols(PlanDraft& d, const Builder& g) {
  using tensor_detail::Dimension;
  const int given = d.plan.symbols.size();
  const auto add = [&d, given](int symbol, int capacity) {
    for (const int c : d.plan.symbols)
      if (c == symbol) return;
    for (int k = 0; k < given; ++k)
      if (Dimension::of(symbol).follows_from(Dimension::of(d.plan.symbols[k]))) {
        d.plan.symbols.push(symbol);
        d.capacity.push(capacity);
        return;
      }
  };
  for (int i = 0; i < g.shapes(); ++i) {
    const Shape& s = g.interned(i);
    for (int a = 0; a < s.rank; ++a)
      if (Dimension::is_derived(s.symbol(a))) add(s.symbol(a), s[a]);
  }
  for (const Builder& body : g.bodies) add_derived_symbols(d, body);
}

/// A plan without steps: inputs and outputs of a program, and the lengths with which it does not run. The body of a
/// loop takes the lengths of the plan `outer` that runs it.
constexpr PlanDraft draft_of(const Simplified& s, const PlanDraft* outer = nullptr) {
  const Builder& g = s.graph;
  PlanDraft d;
  if (outer != nullptr) d.plan.symbols = outer->plan.symbols, d.capacity = outer->capacity;
  for (const int i : g.inputs) {
    const Shape& shape = g.shape(i);
    for (int a = 0; a < shape.rank; ++a) {
      bool known = shape.symbol(a) == 0;
      for (const int c : d.plan.symbols) known = known || c == shape.symbol(a);
      if (known) continue;
      d.plan.symbols.push(shape.symbol(a));
      d.capacity.push(shape[a]);
    }
  }
  if (!d.plan.symbols.empty() && outer == nullptr) add_derived_symbols(d, g);
  d.plan.nodes = s.order.size();
  d.plan.inputs = g.inputs.size();
  for (const int output : s.outputs) d.plan.output_bytes.push(aligned(buffer_bytes(g, output)));
  for (int k = 0; k < g.outputs.size(); ++k) d.plan.takes_over.push(k < g.overwrites.size() ? g.overwrites[k] : -1);
  d.plan.expectations = g.expectations.size();
  for (const Builder::LengthRule& rule : g.length_rules) {
    std::int64_t set = 0;
    for (const int symbol : rule.symbols)
      if (symbol != 0) set |= std::int64_t(1) << d.symbol_index(symbol);
    d.plan.refused.push(rule.what);
    d.plan.refused_symbols.push(set);
  }
  for (const int v : s.order) {
    Signature::Operand room[graph::most_operands];
    if (is_computed(s.kind[v]) && s.kind[v] != Kind::loop)
      d.plan.flops += g[v].op->flops(g.signature(v, room), g.shape(v));
  }
  return d;
}

/// The index of a kernel among the distinct ones, to which it is added if it is new.
constexpr int kernel_number(PlanDraft& d, const List<std::uint64_t>& words) {
  Plan& p = d.plan;
  std::uint64_t h = 0;
  for (const std::uint64_t w : words) h = (h ^ w) * 1099511628211ull;
  const auto same = [&](int id) {
    const int from = p.kernel[id], to = id + 1 < p.kernel.size() ? p.kernel[id + 1] : p.words.size(), n = words.size();
    if (to - from != n) return false;
    const std::uint64_t *a = p.words.data() + from, *b = words.data();
    for (int i = 0; i < n; ++i)
      if (a[i] != b[i]) return false;
    return true;
  };
  int id = 0;
  while (id < p.kernel.size() && !(d.hash[id] == h && same(id))) ++id;
  if (id < p.kernel.size()) return id;
  p.kernel.push(p.words.size());
  d.hash.push(h);
  d.latest.push(-1);
  std::uint64_t* to = p.words.extend(words.size());
  for (const std::uint64_t w : words) *to++ = w;
  return id;
}

/// How the kernel of a step uses its pointers.
constexpr void note_uses(PlanDraft& d, const Kernel& k) {
  d.first_use.push(d.uses.size());
  const int count = k.pointers.size();
  PointerUse* const to = d.uses.extend(count);
  for (int p = 0; p < count; ++p) to[p] = {};
  for (const Micro& m : k.micros) {
    const auto size = static_cast<unsigned char>(bytes_of(m.dtype));
    if (m.what == Micro::What::load || m.what == Micro::What::gather) {
      to[m.a].bytes = size;
      to[m.a].anywhere = to[m.a].anywhere || m.what == Micro::What::gather;
    } else if (m.what == Micro::What::store || m.what == Micro::What::scatter) {
      to[m.b] = {size, true, m.what == Micro::What::scatter};
    } else if (m.what == Micro::What::result) {
      to[0].bytes = to[1].bytes = static_cast<unsigned char>(bytes_of(operands_of(m)));
    }
  }
  for (int p = 0; p < count; ++p)
    if (k.pointers[p].node < 0) to[p].bytes = 0;
}

constexpr void set_method(PlanDraft& d, int step, std::uint16_t method) {
  std::int64_t& first = d.plan.table[d.pointer(step, 0)];
  PointerBase left = PointerBase::of(first);
  left.method = method;
  first = left.packed();
}
/// Stores how the target computes a contraction: decided here once, for its kernel to read.
constexpr void store_method(PlanDraft& d, int step, const StepView& view, const KernelFacts& facts,
                            const Target& target) {
  if (view.kind() == KernelKind::contract && target.method != nullptr) set_method(d, step, target.method(view, facts));
}

/// Scratch memory of the step that was emitted last, as a program of many steps and as straight-line code runs it.
constexpr void note_scratch(PlanDraft& d, const Kernel& k, const KernelFacts& facts, const Target& target) {
  const StepView view = d.view(d.step.size() - 1);
  std::int64_t& straight = d.plan.straight_line_scratch_bytes;
  const std::int64_t scratch =
      std::max(target.scratch != nullptr ? aligned(target.scratch(view, facts)) : 0, aligned(facts.own));
  double small_flops = 0;
  if (k.kind != KernelKind::contract) {
    straight = std::max(straight, scratch);
  } else {
    const ContractLoops at = view.contract_loops();
    const bool in_place = target.packs_nothing != nullptr && target.packs_nothing(view.method());
    if (!in_place) straight = std::max(straight, scratch);
    double flops = 2;
    for (int l = at.rows; l < k.loops.size(); ++l) flops *= double(view.extent(l));
    if (in_place && at.rows > 0 && flops <= target.straight_line_flops) {
      for (int i = 0; i < at.rows; ++i) flops *= double(k.loops[i].capacity);
      small_flops = flops;
    }
  }
  d.facts.push(facts);
  d.scratch.push(scratch);
  d.small_flops.push(small_flops);
}

/// Whether two steps of one kernel differ in no more than the memory that they access.
constexpr bool are_alike(const StepView& a, const StepView& b) {
  const int loops = a.loops(), n = a.integers() - 1;
  const std::int64_t *x = a.table, *y = b.table;
  for (int i = 0; i < loops; ++i)
    if (x[i] != y[i]) return false;
  for (int p = loops; p < n; p += TablePointer::integers(loops)) {
    if (PointerBase::form_of(x[p]) != PointerBase::form_of(y[p])) return false;
    for (int i = p + TablePointer::strides_at; i < p + TablePointer::integers(loops); ++i)
      if (x[i] != y[i]) return false;
  }
  return true;
}

/// Decides how the step that was emitted last is computed, and its scratch memory: as those of another like it.
constexpr void decide(PlanDraft& d, const Kernel& k, int id, const Target& target) {
  const int step = d.step.size() - 1;
  const StepView view = d.view(step);
  int like = is_own_kernel(k.kind) ? -1 : d.latest[id];
  while (like >= 0 && !(are_alike(d.view(like), view) && d.facts[like].are_those_of(k))) like = d.before[like];
  d.before.push(d.latest[id]);
  if (like >= 0) {
    if (k.kind == KernelKind::contract) set_method(d, step, d.view(like).method());
    d.facts.push(d.facts[like]);
    d.scratch.push(d.scratch[like]);
    d.small_flops.push(d.small_flops[like]);
  } else {
    d.latest[id] = step;
    const KernelFacts facts = KernelFacts::of(k);
    store_method(d, step, view, facts, target);
    note_scratch(d, k, facts, target);
  }
  d.plan.small_flops += d.small_flops[step];
}

/// Appends a step; equal kernels share their identity.
constexpr void write_step(PlanDraft& d, const Kernel& k, const Builder& g, const Target& target) {
  Plan& p = d.plan;
  const int id = kernel_number(d, encode(k)), loops = k.loops.size();
  d.step.push(p.table.size());
  d.loops.push(loops);
  d.kind.push(k.kind);
  std::int64_t* t = p.table.extend(1 + TablePointer::position(loops, k.pointers.size()));
  *t++ = id;
  for (const Loop& l : k.loops)
    *t++ = TableExtent{l.extent, l.symbol != 0 ? int(d.symbol_index(l.symbol)) + 1 : 0}.packed();
  for (const Pointer& q : k.pointers) {
    *t++ = PointerBase{q.node, q.form}.packed();
    *t++ = q.offset;
    double touched = 1;
    for (int i = 0; i < loops; ++i) {
      *t++ = q.stride[i];
      if (q.stride[i] != 0) touched *= double(k.loops[i].capacity);
    }
    if (q.node >= 0) p.bytes_moved += touched * bytes_of(g[q.node].dtype);
  }
  note_uses(d, k);
  decide(d, k, id, target);
  ++p.steps;
}

/// After the last step: replaces nodes by those that own their memory (parts of an assembled tensor are inside the
/// whole), and offsets by bytes in it.
constexpr void find_buffers(PlanDraft& d, const Simplified& s) {
  Plan& r = d.plan;
  r.kernel.push(r.words.size());
  for (int step = 0; step < r.steps; ++step)
    for (int p = 0; p < d.pointers(step); ++p) {
      std::int64_t* const q = r.table.data() + d.pointer(step, p);
      const int node = PointerBase::base_of(*q);
      if (node < 0) {
        r.buffer.push(-1);
        continue;
      }
      const int part = s.part_of[node],
                owner = part >= 0 && s.parts[part].contiguous ? s.parts[part].whole : s.buffer(node);
      q[1] = (q[1] + (owner != node && s.owner[node] < 0 ? s.parts[part].offset : 0)) * bytes_of(s.graph[node].dtype);
      q[0] = PointerBase::of(*q).into(owner).packed();
      r.buffer.push(owner);
    }
}

/// Whether an output would overwrite an input that is still to be read: one takes over the memory of an input only if
/// nobody reads that afterwards, and its own kernel reads no element that it has written. `must_copy` then marks the
/// outputs that a separate kernel must copy into their buffers (simplify.hpp).
constexpr bool overwrites_too_early(const PlanDraft& d, const Simplified& s, List<char>& must_copy) {
  const Plan& r = d.plan;
  const Builder& g = s.graph;
  const int n = g.size();
  List<int> written(n, -1),
      read(n, -1);  // the last step that writes an output, and the last that accesses a node at all
  for (int step = 0; step < r.steps; ++step) {
    const int count = d.pointers(step), stride = 2 + d.loops[step];
    const std::int64_t* p = r.table.data() + d.pointer(step, 0);
    const PointerUse* use = d.uses.data() + d.first_use[step];
    for (int i = 0; i < count; ++i, p += stride, ++use) {
      const int node = PointerBase::base_of(*p);
      if (node < 0) continue;
      read[node] = step;
      if (use->written) written[node] = step;
    }
  }
  bool found = false;
  for (int k = 0; k < g.overwrites.size(); ++k) {
    if (g.overwrites[k] < 0) continue;
    const int input = g.inputs[g.overwrites[k]], output = s.outputs[k], writer = written[output], last = read[input];
    if (writer < 0 || last < writer || (last == writer && d.may_share(writer, input, output))) continue;
    found = true;
    must_copy.resize(g.outputs.size(), 0);
    if (must_copy[k] == 0) {
      must_copy[k] = 1;
      continue;
    }
    bool all = true;  // another output that takes over memory still reads it: all of them are copied
    for (int i = 0; i < g.overwrites.size(); ++i) {
      all = all && (g.overwrites[i] < 0 || must_copy[i] != 0);
      if (g.overwrites[i] >= 0) must_copy[i] = 1;
    }
    if (all) overwritten_while_needed(k);
  }
  return found;
}

}  // namespace sinter::internals::compile
