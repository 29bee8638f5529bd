// The same passes at run time: random graphs, fused and executed block by block, against
// the plain interpreter in float and in double. Extents 0, 1 and odd ones, bounded
// lengths at 0, 1 and their bound, broadcasts on either side, NaN beyond lengths.
#include <doctest/doctest.h>
#include <sinter/transform/forward.hpp>
#include <sinter/transform/scan.hpp>

#include "../support/batched.hpp"
#include "../support/execute.hpp"
#include "../support/random_graph.hpp"

using namespace sinter;
using namespace sinter::internals;

using support::execute;

namespace {

/// A seed, and whether its graph has loops.
struct Draw {
  std::uint64_t seed;
  bool loops;
};
/// As many graphs without loops from a seed on, and then with them.
std::vector<Draw> draws(std::uint64_t first, int plain, int with_loops) {
  std::vector<Draw> all;
  for (int k = 0; k < plain; ++k) all.push_back({first + std::uint64_t(k), false});
  for (int k = 0; k < with_loops; ++k) all.push_back({first + std::uint64_t(k), true});
  return all;
}

}  // namespace

TEST_CASE("random graphs: fused, interpreted and double-precision values and gradients agree") {
  for (const Draw& draw : draws(0, 1500, 120)) {
    const std::uint64_t seed = draw.seed;
    const support::RandomGraph r = support::random_graph(seed, Dtype::float32, 12, draw.loops);
    const reference::Lengths lengths = support::random_lengths(r.graph, seed);
    const auto inputs = support::random_inputs(r.graph, lengths, seed);
    const auto expected = reference::Interpreter(r.graph, true).run(inputs, lengths),
               plain = reference::Interpreter(r.graph).run(inputs, lengths), fused = execute(r.graph, inputs, lengths);
    for (std::size_t k = 0; k < expected.size(); ++k) {
      const double a = support::difference(fused[k], expected[k], lengths),
                   b = support::difference(plain[k], expected[k], lengths);
      // fusion may err as much as rounding in float alone
      const bool agree = a < 1e-4 + 2 * b && b < 0.05;
      if (!agree)
        FAIL_CHECK("seed " << seed << ", output " << k
                           << std::string(int(k) < r.values.size() ? " (value)" : " (gradient)")
                           << ": fused differs by " << a << ", interpreted by " << b);
    }
  }
}

TEST_CASE("random graphs: steps that run tile by tile compute what they compute as a whole") {
  // tiles wherever they are possible
  constexpr compile::Target tight = [] {
    compile::Target t = cpu::run_time_target;
    t.tiles.cache = 256;
    t.tiles.least = &cpu::least_of_tile<0>;
    return t;
  }();
  int chained = 0;
  for (const Draw& draw : draws(0, 2000, 200)) {
    const std::uint64_t seed = draw.seed;
    const support::RandomGraph r = support::random_graph(seed, Dtype::float32, draw.loops ? 12 : 20, draw.loops);
    const reference::Lengths lengths = support::random_lengths(r.graph, seed);
    const auto inputs = support::random_inputs(r.graph, lengths, seed);
    const int before = chained;
    const auto tiled = execute(r.graph, inputs, lengths, tight, &chained);
    if (chained == before) continue;
    const auto whole = execute(r.graph, inputs, lengths),
               expected = reference::Interpreter(r.graph, true).run(inputs, lengths);
    for (std::size_t k = 0; k < whole.size(); ++k) {
      const double a = support::difference(tiled[k], expected[k], lengths),
                   b = support::difference(whole[k], expected[k], lengths);
      if (!(a < 1e-4 + 2 * b))
        FAIL_CHECK("seed " << seed << ", output " << k << ": in tiles differs by " << a << ", as a whole by " << b);
    }
  }
  CHECK(chained > 100);
}

TEST_CASE(
    "random graphs of zeros, ties, infinities and NaN: fused kernels make nothing finite of what is not, and nothing "
    "else of what is") {
  std::int64_t infinite = 0, finite = 0;
  for (const Draw& draw : draws(20000, 800, 200)) {
    const std::uint64_t seed = draw.seed;
    const support::RandomGraph r = support::random_graph(seed, Dtype::float32, 12, draw.loops);
    const reference::Lengths lengths = support::random_lengths(r.graph, seed);
    auto inputs = support::random_inputs(r.graph, lengths, seed);
    support::put_edges(inputs, lengths, seed, false);
    graph::Builder expanded;  // zeros around a cotangent take part in a CPU's image gradients, not in plain loops
    const bool expands = compile::expand(r.graph, cpu::run_time_target, expanded);
    const auto plain = reference::Interpreter(expands ? expanded : r.graph).run(inputs, lengths),
               fused = execute(r.graph, inputs, lengths);
    for (std::size_t k = 0; k < plain.size(); ++k)
      for (std::ptrdiff_t i = 0; i < plain[k].shape.size(); ++i) {
        if (!support::within(plain[k].shape, i, lengths)) continue;
        const double a = fused[k].get(i), b = plain[k].get(i);
        ++(std::isfinite(b) ? finite : infinite);
        if (!support::alike(a, b, 2e-3))
          FAIL_CHECK("seed " << seed << ", output " << k << ", element " << i
                             << std::string(int(k) < r.values.size() ? " (value)" : " (gradient)") << ": fused " << a
                             << ", plain " << b);
      }
  }
  CHECK(infinite > 10000);
  CHECK(finite > 10000);
}

TEST_CASE("random graphs: derivatives of second order agree with double precision and finite differences") {
  int compared = 0;
  for (const Draw& draw : draws(30000, 250, 60)) {
    const std::uint64_t seed = draw.seed;
    CAPTURE(seed);
    CAPTURE(draw.loops);
    support::RandomGraph r = support::random_graph(seed, Dtype::float32, draw.loops ? 4 : 6, draw.loops);
    const int first = r.values.size() + r.gradients, count = support::add_second_order(r);
    const reference::Lengths lengths = support::random_lengths(r.graph, seed);
    auto inputs = support::random_inputs(r.graph, lengths, seed);
    const auto expected = reference::Interpreter(r.graph, true).run(inputs, lengths),
               plain = reference::Interpreter(r.graph).run(inputs, lengths), fused = execute(r.graph, inputs, lengths);
    for (int k = first; k < first + count; ++k) {
      const double a = support::difference(fused[std::size_t(k)], expected[std::size_t(k)], lengths),
                   b = support::difference(plain[std::size_t(k)], expected[std::size_t(k)], lengths);
      if (!(a < 1e-3 + 4 * b)) FAIL_CHECK("output " << k << ": fused differs by " << a << ", float alone by " << b);
    }
    if (r.stops_gradients) continue;
    // The sum of first derivatives as add_second_order defines it, with one element shifted.
    graph::Builder firsts = r.graph;
    while (firsts.outputs.size() > first) firsts.outputs.pop();
    reference::Interpreter interpreter(firsts, true);
    const auto total = [&] {
      const auto outputs = interpreter.run(inputs, lengths);
      double sum = 0;
      for (int k = 0; k < r.gradients; ++k) {
        const reference::Array& d = outputs[std::size_t(r.values.size() + k)];
        for (std::ptrdiff_t i = 0; i < d.shape.size(); ++i)
          if (support::within(d.shape, i, lengths)) sum += std::sin(d.get(i)) + d.get(i) * 0.25 * double(k + 1);
      }
      return sum;
    };
    int next = first;
    for (reference::Array& x : inputs) {
      if (!is_floating(x.dtype)) continue;
      x = [&] {  // in double
        reference::Array wide(Dtype::float64, x.shape);
        for (std::ptrdiff_t i = 0; i < x.shape.size(); ++i) wide.set(i, x.get(i));
        return wide;
      }();
      const reference::Array& d = expected[std::size_t(next++)];
      for (std::ptrdiff_t i = 0; i < x.shape.size(); i += 1 + x.shape.size() / 2) {
        if (!support::within(x.shape, i, lengths)) continue;
        const double at = x.get(i), h = 1e-5;
        x.set(i, at + h);
        const double right = total();
        x.set(i, at - h);
        const double left = total();
        x.set(i, at);
        const double middle = total(), slope = (right - left) / (2 * h);
        if (std::abs((right - middle) - (middle - left)) / h > 1e-2 * (1 + std::abs(slope))) continue;  // a kink
        CAPTURE(i);
        CHECK(d.get(i) == doctest::Approx(slope).epsilon(1e-3).scale(1));
        ++compared;
      }
    }
  }
  CHECK(compared > 300);
}

TEST_CASE("gradients of random graphs agree with finite differences in double precision") {
  int compared = 0;
  for (const Draw& draw : draws(5000, 120, 120)) {
    const std::uint64_t seed = draw.seed;
    const support::RandomGraph r = support::random_graph(seed, Dtype::float64, 6, draw.loops);
    const reference::Lengths lengths = support::random_lengths(r.graph, seed);
    auto inputs = support::random_inputs(r.graph, lengths, seed);
    graph::Builder values = r.graph;
    while (values.outputs.size() > r.values.size()) values.outputs.pop();
    reference::Interpreter interpreter(values);
    const auto loss = [&] {  // as random_graph defines it
      const auto outputs = interpreter.run(inputs, lengths);
      double total = 0;
      for (int k = 0; k < r.values.size(); ++k) {
        const reference::Array& v = outputs[std::size_t(k)];
        for (std::ptrdiff_t i = 0; i < v.shape.size(); ++i)
          if (support::within(v.shape, i, lengths)) total += v.get(i) * v.get(i) * 0.25 + v.get(i);
      }
      return total;
    };
    const auto outputs = reference::Interpreter(r.graph).run(inputs, lengths);
    auto next = std::size_t(r.values.size());
    for (std::size_t k = 0; k < inputs.size(); ++k) {
      if (!is_floating(inputs[k].dtype)) continue;
      const reference::Array gradient = outputs[next++];
      for (std::ptrdiff_t i = 0; i < inputs[k].shape.size(); i += 1 + inputs[k].shape.size() / 3) {
        if (!support::within(inputs[k].shape, i, lengths)) continue;
        const double x = inputs[k].get(i), h = 1e-6;
        inputs[k].set(i, x + h);
        const double right = loss();
        inputs[k].set(i, x - h);
        const double left = loss();
        inputs[k].set(i, x);
        const double middle = loss(), slope_right = (right - middle) / h, slope_left = (middle - left) / h,
                     slope = (right - left) / (2 * h);
        // a kink of relu, maximum or amax
        if (std::abs(slope_right - slope_left) > 1e-3 * (1 + std::abs(slope))) continue;
        CAPTURE(seed);
        CAPTURE(k);
        CAPTURE(i);
        if (!r.stops_gradients) CHECK(gradient.get(i) == doctest::Approx(slope).epsilon(1e-4).scale(1));
        ++compared;
      }
    }
  }
  CHECK(compared > 300);
}

TEST_CASE("forward and reverse mode of random graphs are each other's transposes") {
  for (const Draw& draw : draws(9000, 300, 150)) {
    const std::uint64_t seed = draw.seed;
    CAPTURE(seed);
    CAPTURE(draw.loops);
    support::RandomGraph r = support::random_graph(seed, Dtype::float64, draw.loops ? 6 : 8, draw.loops);
    graph::Builder& g = r.graph;
    const int y = g.outputs[0], inputs = g.inputs.size();
    // <w, J t> and <Jᵀ w, t>, with tangents t and a cotangent w as further inputs.
    graph::List<int> x, tangents;
    for (int k = 0; k < inputs; ++k) {
      if (!is_floating(g[g.inputs[k]].dtype)) continue;
      x.push(g.inputs[k]);
      tangents.push(g.input(Dtype::float64, g.shape(g.inputs[k])));
    }
    const graph::Value w{&g, g.input(Dtype::float64, g.shape(y))};
    const graph::Value forward = sum(w * graph::Value{&g, transform::push_forward(g, y, x, tangents)});
    const graph::List<int> pulled = transform::gradient(g, sum(w * graph::Value{&g, y}).id, x);
    graph::Value reverse{&g, g.constant(0, Dtype::float64)};
    for (int k = 0; k < x.size(); ++k)
      reverse = reverse + sum(graph::Value{&g, pulled[k]} * graph::Value{&g, tangents[k]});
    g.outputs = {};
    g.outputs.push(forward.id);
    g.outputs.push(reverse.id);
    const reference::Lengths lengths = support::random_lengths(g, seed);
    const auto outputs = reference::Interpreter(g).run(support::random_inputs(g, lengths, seed), lengths);
    CHECK(outputs[0].get(0) == doctest::Approx(outputs[1].get(0)).epsilon(1e-9).scale(1));
  }
}

TEST_CASE("batches of random graphs, of their gradients too, are what each sample is") {
  constexpr int extent = 3;
  for (const Draw& draw : draws(40000, 300, 150)) {
    const std::uint64_t seed = draw.seed;
    CAPTURE(seed);
    CAPTURE(draw.loops);
    const support::RandomGraph r = support::random_graph(seed, Dtype::float64, draw.loops ? 6 : 8, draw.loops);
    const Philox random(Seed{seed}, 8);
    const bool bounded = random.below(1000, 3) == 0;
    std::vector<bool> mapped;
    for (int k = 0; k < r.graph.inputs.size(); ++k) mapped.push_back(k == 0 || random.below(std::uint64_t(k), 3) != 0);
    const graph::Builder g = support::batched(r.graph, mapped, extent, bounded ? 'S' : '\0');
    const reference::Lengths lengths = support::random_lengths(g, seed);
    const int samples = bounded ? int(lengths.at('S')) : extent;
    const auto inputs = support::random_inputs(g, lengths, seed), fused = execute(g, inputs, lengths),
               plain = reference::Interpreter(g).run(inputs, lengths);
    for (int b = 0; b < samples; ++b) {
      std::vector<reference::Array> one;
      for (int k = 0; k < r.graph.inputs.size(); ++k) {
        const reference::Array& all = inputs[std::size_t(k)];
        one.push_back(mapped[std::size_t(k)] ? support::sample_of(all, r.graph.shape(r.graph.inputs[k]), b) : all);
      }
      const auto expected = reference::Interpreter(r.graph).run(one, lengths);
      for (std::size_t k = 0; k < expected.size(); ++k)
        for (const auto* found : {&fused[k], &plain[k]})
          CHECK(support::difference(support::sample_of(*found, expected[k].shape, b), expected[k], lengths) < 1e-9);
    }
  }
}

TEST_CASE("no pass does more than so many steps for its nodes, and what it makes is sound") {
  // The passes are near-linear; this finds passes that are quadratic in the nodes or do not end. Steps are accesses of
  // lists: a limit per node, and a constant.
  constexpr std::int64_t a_node = 100, more = 2000;
  using graph::Watchdog;
  const auto within_bounds = [&](std::int64_t nodes, auto&& pass) {
    Watchdog::steps = 0;
    Watchdog::most = a_node * nodes + more;
    auto made = pass();
    Watchdog::most = std::numeric_limits<std::int64_t>::max();
    return made;
  };
  for (std::uint64_t seed = 0; seed < 600; ++seed) {
    CAPTURE(seed);
    const support::RandomGraph r = support::random_graph(seed, Dtype::float32, seed % 10 == 0 ? 120 : 20);
    const std::int64_t nodes = r.graph.size();
    compile::verify(r.graph);
    compile::Simplified s = within_bounds(nodes, [&] { return compile::simplify(r.graph); });
    compile::verify(s);
    const compile::Fusion f = within_bounds(nodes, [&] { return compile::fuse(s, cpu::target); });
    compile::verify(s, f);
    const compile::Order o = within_bounds(nodes, [&] { return compile::order(s, f); });
    compile::verify(s, f, o);
  }
}

TEST_CASE("derivatives of a graph with twice as many loops take twice as many steps") {
  using graph::Watchdog;
  const auto steps = [](int loops, auto&& derive) {
    graph::Builder g;
    const graph::Value x{&g, g.input(Dtype::float32, shape_of<3>)}, xs{&g, g.input(Dtype::float32, shape_of<4, 3>)};
    graph::List<graph::Value> results;
    for (int i = 0; i < loops; ++i) {
      const auto [last, ys] = scan([=](auto c, auto v) { return std::pair{c * v + double(i), c * c}; }, x, xs);
      results.push(last);
      results.push(ops::reduced<ops::Sum>(ys, 1));
    }
    graph::Value total{&g, g.constant(0)};  // the results of all loops after the last one
    for (const graph::Value& v : results) total = total + sum(v);
    Watchdog::steps = 0;
    derive(g, x, total);
    return double(Watchdog::steps);
  };
  const auto list = [](int i) { return graph::List<int>(1, i); };
  const auto reverse = [&](graph::Builder& g, graph::Value x, graph::Value y) {
    transform::gradient(g, y.id, list(x.id));
  };
  const auto forward = [&](graph::Builder& g, graph::Value x, graph::Value y) {
    transform::push_forward(g, y.id, list(x.id), list(graph::Value(x * 2.0).id));
  };
  CHECK(steps(1000, reverse) < 2.05 * steps(500, reverse));
  CHECK(steps(1000, forward) < 2.05 * steps(500, forward));
}

TEST_CASE("graphs with more operations than a kernel has room for become several kernels") {
  const auto check = [](auto&& make) {
    graph::Builder g;
    const graph::Value x{&g, g.input(Dtype::float32, shape_of<5, 40>)};
    const graph::Value y = make(x);
    g.outputs.push(y.id);
    g.outputs.push(transform::gradient(g, sum(y).id, [&] {
      graph::List<int> l;
      l.push(x.id);
      return l;
    }())[0]);
    const auto inputs = support::random_inputs(g, {}, 3);
    const auto expected = reference::Interpreter(g, true).run(inputs), fused = execute(g, inputs, {});
    for (std::size_t k = 0; k < expected.size(); ++k) CHECK(support::difference(fused[k], expected[k], {}) < 1e-4);
  };
  check([](graph::Value x) {  // forty reductions, each of the one before
    for (int i = 0; i < 40; ++i) x = x / (ops::reduced<ops::Sum>(x * x, 2) + 1.0);
    return x;
  });
  check([](graph::Value x) {  // a long chain
    for (int i = 0; i < 300; ++i) x = tanh(x * 1.01);
    return x;
  });
  check([](graph::Value x) {  // a tree over more pointers than fit
    graph::List<graph::Value> level;
    for (int i = 0; i < 300; ++i) level.push(graph::slice(x, 1, i % 37, 3) * double(i + 1));
    while (level.size() > 1) {
      graph::List<graph::Value> next;
      for (int i = 0; i + 1 < level.size(); i += 2) next.push(level[i] + level[i + 1]);
      if (level.size() % 2 != 0) next.push(level.back());
      level = next;
    }
    return level[0];
  });
}

TEST_CASE("a length that no input has is an error, not a guess") {
  graph::Builder g;
  const graph::Value x{&g, g.input(Dtype::float32, shape_of<3>)};
  g.outputs.push(graph::broadcast_to(x + 1.0, shape_of<upto<8, 'Z'>, 3>).id);
  try {
    generic::Program program(g);
    FAIL("no error was thrown");
  } catch (const Error& e) {
    CHECK(std::string(e.what()) ==
          "length 'Z': expected an input that has it, found none; a program takes its lengths from its inputs");
  }
}
