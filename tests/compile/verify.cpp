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

TEST_CASE("a loop that does not fit its body is found, and a result that is not its loop's") {
  const Builder g = graph::FunctionTrace<decltype([](auto x, auto xs) {
    const auto [last, ys] = scan([](auto c, auto each) { return std::pair{c * each, sum(c)}; }, x, xs);
    return std::tuple{last, ys};
  }), Sym<float, 4>, Sym<float, 3, 4>>{}();
  CHECK_NOTHROW(compile::verify(g));
  const auto found = [&](auto&& change) {
    Builder broken = g;
    change(broken);
    const std::string text = rule([&] { compile::verify(broken); });
    return text.substr(0, text.find(", found"));
  };
  const auto type = [](Builder& b, int i, Dtype dtype, const Shape& shape) {  // another graph, with this type at i
    Builder other;
    other.bodies = b.bodies;
    for (int k = 0; k < b.size(); ++k) {
      const graph::Node& n = b[k];
      const int at = other.intern(k == i ? shape : b.shape(k));
      other.insert(*n.op, k == i ? dtype : n.dtype, at, b.operands(k), n.operands, b.attributes(k), n.attributes);
    }
    other.inputs = b.inputs;
    other.outputs = b.outputs;
    b = other;
  };
  const auto attributes = [](Builder& b, int i, auto&& change) {  // another graph, with these attributes at i
    Builder other;
    other.bodies = b.bodies;
    for (int k = 0; k < b.size(); ++k) {
      const graph::Node& n = b[k];
      std::vector<std::int64_t> a(b.attributes(k), b.attributes(k) + n.attributes);
      if (k == i) change(a);
      other.insert(*n.op, n.dtype, other.intern(b.shape(k)), b.operands(k), n.operands, a.data(), int(a.size()));
    }
    other.inputs = b.inputs;
    other.outputs = b.outputs;
    b = other;
  };
  const auto iteration = [&](Builder& b, int i, auto&& change) {  // likewise
    attributes(b, i, [&](std::vector<std::int64_t>& a) {
      graph::Iteration it = graph::Iteration::of(a.data());
      change(it);
      const auto changed = it.attributes();
      a.assign(changed.begin(), changed.end());
    });
  };
  int loop = 0;
  while (g[loop].op->kind != graph::Kind::loop) ++loop;
  const int ys = g.outputs[1];
  REQUIRE(g[ys].op->kind == graph::Kind::result);

  CHECK(found([](Builder& b) { b.bodies.clear(); }) == "expected a body among those of the graph");
  CHECK(found([](Builder& b) { b.bodies[0].inputs.pop(); }) == "expected an input of the body for each operand");
  CHECK(found([](Builder& b) { b.bodies[0].outputs.pop(); }) ==
        "expected an output of the body for each carried value and each stacked output");
  CHECK(found([](Builder& b) { std::swap(b.bodies[0].outputs[0], b.bodies[0].outputs[1]); }) ==
        "expected carried values that keep their types from step to step");
  CHECK(found([&](Builder& b) { type(b, b.operands(loop)[1], Dtype::float32, shape_of<2, 4>); }) ==
        "expected operands of the types of the body's inputs");
  CHECK(found([&](Builder& b) { type(b, loop, Dtype::float64, shape_of<4>); }) ==
        "expected a loop of the dtype and shape of its first carried value");
  CHECK(found([&](Builder& b) { type(b, loop, Dtype::float32, shape_of<4, 1>); }) ==
        "expected a loop of the dtype and shape of its first carried value");
  CHECK(found([&](Builder& b) { type(b, ys, Dtype::float32, shape_of<4>); }) ==
        "expected a result of a loop or kernel, of its dtype and shape");
  CHECK(found([&](Builder& b) {
          b.outputs[1] = ops::FurtherResult::of({&b, loop}, 3, {Dtype::float32, shape_of<3>}).id;
        }) == "expected a result of a loop or kernel, of its dtype and shape");
  CHECK(found([&](Builder& b) { attributes(b, ys, [](auto& a) { a.clear(); }); }) ==
        "expected a result of a loop or kernel, of its dtype and shape");
  CHECK(found([&](Builder& b) { attributes(b, ys, [](auto& a) { a.resize(1); }); }) ==
        "expected the dtype and shape that the rule says");
  CHECK(found([&](Builder& b) {
          b.insert(graph::primitive<ops::FurtherResult>, Dtype::float32, 0, nullptr, 0);
        }) == "expected a result of a loop or kernel, of its dtype and shape");
  CHECK(found([&](Builder& b) { attributes(b, loop, [](auto& a) { a.resize(5); }); }) ==
        "expected the attributes of a loop");
  CHECK(found([&](Builder& b) { iteration(b, loop, [](auto& it) { it.carries = 0; }); }) ==
        "expected a loop that carries a value");
  CHECK(found([&](Builder& b) { iteration(b, loop, [](auto& it) { it.made = -1; }); }) ==
        "expected numbers of stacked inputs and outputs");
  CHECK(found([&](Builder& b) { iteration(b, loop, [](auto& it) { it.conditional = true; }); }) ==
        "expected a conditional loop that stacks nothing");
  for (const int outside : {-1, 1000}) {
    CHECK(found([&](Builder& b) { b.bodies[0].inputs[1] = outside; }) == "expected inputs of the body among its nodes");
    CHECK(found([&](Builder& b) { b.bodies[0].outputs[1] = outside; }) ==
          "expected outputs of the body among its nodes");
    CHECK(found([&](Builder& b) { b.inputs[1] = outside; }) == "expected inputs among the inputs");
  }
  // Bodies are graphs.
  CHECK(found([&](Builder& b) {
          int product = 0;
          while (b.bodies[0][product].operands != 2) ++product;
          type(b.bodies[0], product, Dtype::float32, shape_of<4, 1>);
          b.bodies[0].outputs[0] = b.bodies[0].inputs[0];
          b.bodies[0].outputs[1] = b.bodies[0].insert(graph::primitive<graph::Input>, Dtype::float32, 0, nullptr, 0);
        }) == "expected the dtype and shape that the rule says");

  const Builder conditional = graph::FunctionTrace<decltype([](auto x) {
    return while_loop([](auto c) { return c < 9.f; }, [](auto c) { return c * 3.f; }, x);
  }), Sym<float>>{}();
  CHECK_NOTHROW(compile::verify(conditional));
  const auto repeated = [&](auto first) {  // five steps, made conditional
    Builder b = graph::FunctionTrace<decltype([](auto x) {
      return scan<5>([](auto c) { return c; }, x);
    }), decltype(first)>{}();
    int at = 0;
    while (b[at].op->kind != graph::Kind::loop) ++at;
    iteration(b, at, [](auto& it) { it.conditional = true; });
    return rule([&] { compile::verify(b); });
  };
  CHECK(repeated(Sym<float>{}).starts_with("expected a condition that is one boolean"));
  CHECK(repeated(Sym<bool, 2>{}).starts_with("expected a condition that is one boolean"));
  Builder broken = conditional;
  const int end = broken.outputs[0];
  broken.outputs[0] = ops::FurtherResult::of({&broken, end}, 2, {Dtype::float32, shape_of<0x7fffffff>}).id;
  CHECK(rule([&] { compile::verify(broken); }).starts_with("expected a result of a loop or kernel"));
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
