// What must hold of a plan: every pointer is inside its buffer, nothing is read before it is written, and buffers that
// live at the same time are disjoint. The last is checked where there are no chains: in one a buffer may hold a tile,
// and lifetimes are not those of whole steps.
#pragma once
#include "broken_rule.hpp"
#include "chains.hpp"
#include "in_place.hpp"
#include "program/loop.hpp"

namespace sinter::inline SINTER_ABI::internals::compile {

class PlanVerifier {
 public:
  /// `p` names its buffers; `capacity`: of each symbolic dimension.
  constexpr PlanVerifier(const Plan& p, const Builder& g, const List<int>& outputs, const std::int64_t* capacity)
      : p_(p),
        g_(g),
        outputs_(outputs),
        capacity_(capacity),
        first_(g.size(), -1),
        last_(g.size(), -1),
        from_(g.size(), 0),
        to_(g.size(), 0) {}

  constexpr void run() {
    const std::int64_t* t = p_.table.data();
    const int* name = p_.buffer.data();
    find_members();
    for (int step = 0; step < p_.steps; ++step) {
      if (*t < 0 || *t + 1 >= p_.kernel.size()) broken(pass, "one of the distinct kernels", step);
      const StepView view(p_.words.data() + p_.kernel[int(*t)], t + 1, capacity_);
      steps_.push(view);
      names_.push(name);
      touch(step);
      t += view.integers();
      name += view.pointers();
    }
    if (t != p_.table.data() + p_.table.size() || name != p_.buffer.data() + p_.buffer.size())
      broken(pass, "a table of steps and nothing else", p_.steps);
    if (p_.chains.empty()) check_disjoint();
  }

 private:
  static constexpr const char* pass = "plan";

  /// How a step uses its pointers: element bytes, and whether it writes.
  struct Use {
    int bytes = 0;
    bool written = false;
  };
  constexpr List<Use> uses(const StepView& v) const {
    List<Use> use(v.pointers(), {});
    Micro m;
    const std::uint64_t* w = v.words + 2;
    for (int i = count_micros(v.words); i > 0; --i) {
      w = decode_into(w, m);
      if (m.what == Micro::What::load || m.what == Micro::What::gather) use[m.a].bytes = bytes_of(m.dtype);
      else if (m.what == Micro::What::store || m.what == Micro::What::scatter) use[m.b] = {bytes_of(m.dtype), true};
      else if (m.what == Micro::What::result) use[0].bytes = use[1].bytes = bytes_of(operands_of(m));
    }
    return use;
  }
  /// Of each step: where a chain (compile/chains.hpp) says how it runs tile by tile, and how many units a tile has.
  constexpr void find_members() {
    member_.resize(p_.steps, nullptr);
    grain_.resize(p_.steps, 0);
    for (const std::int64_t* c = p_.chains.data(); c != p_.chains.data() + p_.chains.size(); c = ChainHead::after(c)) {
      const ChainHead head = ChainHead::of(c);
      if (head.first < 0 || head.first + head.steps > p_.steps || head.workers * head.scratch > p_.scratch_bytes)
        broken(pass, "chains of its steps, within its scratch memory", int(head.first));
      const std::int64_t* m = c + ChainHead::numbers;
      for (std::int64_t s = head.first; s < head.first + head.steps; ++s) {
        member_[int(s)] = m;
        grain_[int(s)] = head.grain;
        m += ChainHead::member_numbers + 2 * m[1];
      }
    }
  }
  /// Whether a step's pointer shows one tile of a tensor that exists in tiles only.
  constexpr bool is_tile(int step, int p) const {
    return member_[step] != nullptr && member_[step][ChainHead::member_numbers + 2 * p + 1] != 0;
  }

  constexpr void touch(int step) {
    const StepView& whole = steps_.back();
    StepView tile = whole;
    if (member_[step] != nullptr && member_[step][2] >= 0) {
      tile.cut = int(member_[step][2]);
      tile.tile = std::min(whole.extent(tile.cut), grain_[step] * member_[step][3]);
    }
    const List<Use> use = uses(whole);
    for (int p = 0; p < whole.pointers(); ++p) {
      const StepView& v = is_tile(step, p) ? tile : whole;
      const int base = v.base(p);
      const int node = names_.back()[p];
      if (base < 0 || node < 0 || use[p].bytes == 0 || g_.shape(node).size() == 0) continue;
      if (base > g_.inputs.size() + outputs_.size()) broken(pass, "an arena, inputs and outputs", step);
      std::int64_t first = v.offset(p), end = first;
      bool runs = true;
      for (int l = 0; l < v.loops() && runs; ++l) {
        runs = v.extent(l) > 0;
        const std::int64_t reach = (v.extent(l) - 1) * v.stride(p, l) * use[p].bytes;
        (reach < 0 ? first : end) += reach;
      }
      if (!runs || v.form(p) != 0) {
        first = end = v.offset(p);
      } else {
        end += v.kind() == KernelKind::loop ? bytes_of_step(v.words, p) : std::int64_t(use[p].bytes);
        // Along loops of other operands a custom kernel reads an operand only as far as its own axes reach, which a
        // step does not say.
        if (is_own_kernel(v.kind())) end = std::min(end, first + g_.shape(node).size() * use[p].bytes);
        if (v.kind() != KernelKind::scatter || !use[p].written) within(base, node, first, end, step);
      }
      if (base != 0) continue;
      if (first_[node] < 0) {
        first_[node] = step;
        from_[node] = first;
        to_[node] = end;
        if (!is_written(v, use, node)) broken(pass, "a write before the first read", step);
      }
      from_[node] = std::min(from_[node], first);
      to_[node] = std::max(to_[node], end);
      last_[node] = step;
    }
  }
  constexpr bool is_written(const StepView& v, const List<Use>& use, int node) const {
    for (int p = 0; p < v.pointers(); ++p)
      if (names_.back()[p] == node && use[p].written) return true;
    return is_own_kernel(v.kind());
  }
  /// Inputs and outputs have a size of their own; what is in the arena ends within it, and is no longer than its
  /// buffer.
  constexpr void within(int base, int node, std::int64_t first, std::int64_t end, int step) const {
    if (first < 0) broken(pass, "pointers inside their buffers", step);
    const std::int64_t bytes = g_.shape(node).size() * bytes_of(g_[node].dtype);
    if (base == 0 ? end > p_.arena_bytes || end - first > bytes : end > bytes)
      broken(pass, "pointers inside their buffers", step);
  }

  /// Buffers that share bytes live one after the other; one may take over the address of another that ends in the step
  /// in which it begins, if that step allows it.
  constexpr void check_disjoint() const {
    List<int> nodes;
    for (int i = 0; i < g_.size(); ++i)
      if (first_[i] >= 0 && to_[i] > from_[i]) nodes.push(i);
    for (int a = 0; a < nodes.size(); ++a)
      for (int b = a + 1; b < nodes.size(); ++b) {
        const int x = nodes[a], y = nodes[b];
        if (from_[x] >= to_[y] || from_[y] >= to_[x] || first_[x] > last_[y] || first_[y] > last_[x]) continue;
        if (!(last_[x] == first_[y] && lends(last_[x], x, y)) && !(last_[y] == first_[x] && lends(last_[y], y, x)))
          broken(pass, "disjoint buffers for what lives at the same time", last_[x]);
      }
  }
  constexpr bool lends(int step, int from, int to) const {
    const StepView& v = steps_[step];
    const int words = v.integers() - 1;
    List<std::int64_t> named;
    for (int i = 0; i < words; ++i) named.push(v.table[i]);
    for (int p = 0; p < v.pointers(); ++p) {
      const int at = v.pointer_at(p);
      named[at] = names_[step][p];
      if (names_[step][p] >= 0) named[at + TablePointer::offset_at] -= from_[names_[step][p]];
    }
    return from_[from] == from_[to] && may_take_over(StepView(v.words, named.data(), nullptr), from, to);
  }

  const Plan& p_;
  const Builder& g_;
  const List<int>& outputs_;
  const std::int64_t* capacity_;
  List<StepView> steps_;
  List<const std::int64_t*> member_;
  List<std::int64_t> grain_;
  List<const int*> names_;     ///< of each step: the nodes that own what its pointers show
  List<int> first_, last_;     ///< steps that access each node's buffer in the arena
  List<std::int64_t> from_, to_;
};

constexpr void verify(const Simplified& s, const PlanDraft& d) {
  PlanVerifier pass(d.plan, s.graph, s.outputs, d.capacity.data());
  pass.run();
}

}  // namespace sinter::internals::compile
