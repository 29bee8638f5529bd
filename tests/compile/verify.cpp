// The verifier detects violations of each rule.
#include <doctest/doctest.h>
#include <sinter/sinter.hpp>
#include <sinter/ops/batching.hpp>

#include "../support/throws.hpp"

using namespace sinter;
using namespace sinter::internals;
using graph::Builder;
using graph::Value;

namespace {

Builder example() {
  Builder g;
  const Value x{&g, g.input(Dtype::float32, shape_of<8, 16>)}, w{&g, g.input(Dtype::float32, shape_of<16, 4>)};
  const Value y = softmax(Value(matmul(tanh(x), w)));
  g.outputs.push(y.id);
  g.outputs.push(Value(sum(y * y)).id);
  return g;
}
std::string rule(auto&& f) { return support::thrown(f).problem(); }
int position(const compile::Simplified& s, const char* name) {
  for (int i = 0; i < s.order.size(); ++i)
    if (std::string(s.graph[s.order[i]].op->name) == name) return i;
  return -1;
}

}  // namespace

TEST_CASE("a sound graph passes every check, and each broken rule is named") {
  const Builder g = example();
  CHECK_NOTHROW(compile::verify(g));
  compile::Simplified s = compile::simplify(g);
  CHECK_NOTHROW(compile::verify(s));
  const compile::Fusion f = compile::fuse(s, cpu::target);
  CHECK_NOTHROW(compile::verify(s, f));
  const compile::Order o = compile::order(s, f);
  CHECK_NOTHROW(compile::verify(s, f, o));

  {
    Builder broken = g;
    broken.overwrites.push(0);
    CHECK(rule([&] {
            compile::verify(broken);
          }).starts_with("expected an output of the size of the input that it overwrites"));
  }
  {
    compile::Simplified twice = s;
    twice.order.push(twice.order[0]);
    CHECK(rule([&] { compile::verify(twice); }).starts_with("expected each node once in the order"));
  }
  {
    compile::Simplified early = s;
    const int at = position(early, "contract");
    std::swap(early.order[at], early.order[position(early, "tanh")]);
    CHECK(rule([&] { compile::verify(early); }).starts_with("expected operands before their readers"));
  }
  {
    compile::Fusion lost = f;
    lost.stored[s.order[position(s, "contract")]] = 0;
    lost.group[s.order[position(s, "tanh")]] = -1;
    CHECK(rule([&] { compile::verify(s, lost); }).starts_with("expected a group for what is computed"));
  }
  {
    compile::Order backwards = o;
    for (int i = 0, k = backwards.groups.size() - 1; i < k; ++i, --k)
      std::swap(backwards.groups[i], backwards.groups[k]);
    CHECK(rule([&] { compile::verify(s, f, backwards); }).starts_with("expected what a group reads before it"));
  }
  {
    compile::Order ring = o;
    const int group = ring.groups[0], v = ring.head[group];
    ring.next[v] = v;
    CHECK(rule([&] { compile::verify(s, f, ring); }).starts_with("expected each node in one group"));
  }
}

TEST_CASE("a loop whose body does not fit its operands is found") {
  const Builder g = graph::FunctionTrace<decltype([](auto x, auto xs) {
    return scan([](auto c, auto each) { return c * each; }, x, xs);
  }), Sym<float, 4>, Sym<float, 3, 4>>{}();
  CHECK_NOTHROW(compile::verify(g));
  const auto breaks = [&](auto&& change) {
    Builder broken = g;
    change(broken);
    CHECK(rule([&] {
            compile::verify(broken);
          }).starts_with("expected operands of the types of the body's inputs"));
  };
  breaks([](Builder& b) { b.bodies.clear(); });
  breaks([](Builder& b) { b.bodies[0].inputs.pop(); });
  breaks([](Builder& b) { b.bodies[0].outputs.clear(); });
  breaks([](Builder& b) { b.bodies[0].outputs[0] = Value(sum(Value{&b.bodies[0], 0})).id; });
}

TEST_CASE("a plan whose pointers leave their buffers, or which reads what nothing wrote, is found") {
  const Builder g = example();
  const compile::Plan plan = compile::compile(g, 0, cpu::target).run;
  compile::Simplified s = compile::simplify(g);
  (void)compile::fuse(s, cpu::target);
  const auto check = [&](const compile::Plan& p) { compile::PlanVerifier(p, s.graph, s.outputs, nullptr).run(); };
  CHECK_NOTHROW(check(plan));
  // The index of a step's first pointer: after the kernel's number and the loops.
  const auto first_pointer = [&](const compile::Plan& p, int step) {
    int t = 0;
    for (int k = 0;; ++k) {
      const std::uint64_t header = p.words[p.kernel[int(p.table[t])]];
      const int loops = int(header >> 8 & 255), pointers = int(header >> 16 & 255);
      if (k == step) return t + 1 + loops;
      t += 1 + loops + pointers * (2 + loops);
    }
  };
  {
    compile::Plan far = plan;
    far.table[first_pointer(far, 0) + 1] += 1 << 20;
    CHECK(rule([&] { check(far); }).starts_with("expected pointers inside their buffers"));
  }
  {
    compile::Plan other = plan;
    other.table[first_pointer(other, 0) - 1] = 1 << 20;  // an extent
    CHECK(rule([&] { check(other); }).starts_with("expected pointers inside their buffers"));
  }
}

TEST_CASE("a value of one sample cannot leave its vmap") {
  Builder g;
  const Value xs{&g, g.input(Dtype::float32, shape_of<3, 4>)};
  graph::SampleTrace one(g, 3, 0);
  const Value x = one.sample(xs);
  g.outputs.push((x * 2.0).id);
  CHECK(std::string(support::thrown([&] { (void)compile::simplify(g); }).what()) ==
        "vmap: expected values of one sample to stay inside the function that vmap maps, found one outside; return it "
        "from the function");
}

TEST_CASE("nodes that turn out to be the same as later ones stand once in the order") {
  // Values that a derivative computes from its argument, a separate node, equal those outside of it once identities are
  // removed.
  Builder g;
  const Value x{&g, g.input(Dtype::float32, shape_of<4>)};
  const Value own{&g, g.add(graph::primitive<ops::Argument>, &x.id, 1)};
  const Value a = tanh(own), b = sin(a);
  const Value later = tanh(x), last = sin(later) * later;
  g.outputs.push((b * a + last).id);
  const compile::Simplified s = compile::simplify(g);
  CHECK_NOTHROW(compile::verify(s));
  int tanhs = 0;
  for (const int v : s.order) tanhs += s.graph[v].op == later.graph->nodes()[later.id].op;
  CHECK(tanhs == 1);
}
