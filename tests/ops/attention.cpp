// ops/attention: the kernel against PyTorch, against the form composed of softmax and products, with gradients in both
// modes, batches, lengths, threads, memory.
#include <doctest/doctest.h>

#include <sinter/transform/forward.hpp>

#include "../support/against_pytorch.hpp"
#include "../support/reference_case.hpp"
#include "../support/throws.hpp"

using namespace sinter;
using namespace sinter::internals;
using support::check_function;
using graph::Builder;
using graph::List;
using graph::Value;

namespace {

template <auto... E> using F = Tensor<float, E...>;
template <AttentionOptions O = AttentionOptions{}> struct Attend {
  constexpr auto operator()(auto... x) const { return scaled_dot_product_attention<O>(x...); }
};
constexpr AttentionOptions causal{.is_causal = true}, groups{.enable_gqa = true},
    causal_groups{.is_causal = true, .enable_gqa = true};
constexpr AttentionOptions composed(AttentionOptions o) {
  o.composed = true;
  return o;
}

/// A random attention: sizes, layouts, mask, lengths.
struct RandomAttention {
  Dtype dtype;
  Philox random;
  std::uint64_t drawn = 0;
  int batch, heads, group, queries, keys, features, values, mask, packed;
  char query_symbol = 0, key_symbol = 0;

  RandomAttention(std::uint64_t seed, Dtype d) : dtype(d), random(Seed{seed}) {
    constexpr int times[]{1, 2, 3, 5, 8, 13, 17, 31, 32, 33, 40, 64, 65, 100, 130, 150};
    constexpr int widths[]{1, 2, 3, 4, 5, 7, 8, 12, 16, 17, 20, 32, 33, 40, 64, 70};
    batch = 1 + below(3), heads = 1 + below(3), group = 1 + below(3);
    queries = times[below(16)], keys = times[below(16)];
    features = widths[below(16)], values = below(2) == 0 ? features : widths[below(16)];
    mask = below(6), packed = below(3);
    if (below(3) == 0) query_symbol = 'Q';
    if (below(3) == 0) key_symbol = 'K';
    if (packed == 1) keys = queries, values = features, key_symbol = query_symbol;
  }
  int below(int n) { return int(random.below(drawn++, unsigned(n))); }

  static Value input(Builder& g, Dtype d, std::initializer_list<std::pair<int, char>> extents) {
    Shape s;
    for (const auto& [n, symbol] : extents) s.push(n, symbol);
    return {&g, g.input(d, s)};
  }
  /// [batch, heads, time, features], contiguous or as a view of [batch, time, heads, features].
  Value tensor(Builder& g, int all_heads, int time, char symbol, int width) const {
    if (packed == 0) return input(g, dtype, {{batch, 0}, {all_heads, 0}, {time, symbol}, {width, 0}});
    return permute<0, 2, 1, 3>(input(g, dtype, {{batch, 0}, {time, symbol}, {all_heads, 0}, {width, 0}}));
  }

  template <AttentionOptions O> Builder graph(bool forward) const {
    Builder g;
    const int own = O.enable_gqa ? heads * group : heads;
    Value q, k, v, m;
    if (packed == 1 && !O.enable_gqa) {
      const Value all = input(g, dtype, {{batch, 0}, {queries, query_symbol}, {3, 0}, {heads, 0}, {features, 0}});
      const auto part = [&](int i) {
        Shape s;
        s.push(batch);
        s.push(queries, query_symbol);
        s.push(heads);
        s.push(features);
        return Value(permute<0, 2, 1, 3>(graph::reshape_to(graph::slice(all, 2, i, 1), s)));
      };
      q = part(0), k = part(1), v = part(2);
    } else {
      q = tensor(g, own, queries, query_symbol, features);
      k = tensor(g, heads, keys, key_symbol, features);
      v = tensor(g, heads, keys, key_symbol, values);
    }
    const std::pair<int, char> tq{queries, query_symbol}, tk{keys, key_symbol};
    if (mask == 1) m = input(g, Dtype::boolean, {tq, tk});
    if (mask == 2) m = input(g, Dtype::boolean, {{batch, 0}, {1, 0}, {1, 0}, tk});
    if (mask == 3) m = input(g, dtype, {{own, 0}, tq, tk});
    if (mask == 4) m = input(g, dtype, {{1, 0}, tk});
    const Value y =
        mask > 0 && mask < 5 ? scaled_dot_product_attention<O>(q, k, v, m) : scaled_dot_product_attention<O>(q, k, v);
    g.outputs.push(y.id);
    List<int> wrt;
    for (const int i : g.inputs)
      if (is_floating(g[i].dtype)) wrt.push(i);
    if (forward) {
      List<int> tangents;
      for (const int i : wrt) tangents.push(g.input(g[i].dtype, g.shape(i)));
      g.outputs.push(transform::push_forward(g, y.id, wrt, tangents));
    } else {
      for (const int d : transform::gradient(g, sum(y * y * 0.5 + y).id, wrt)) g.outputs.push(d);
    }
    return g;
  }
};

template <AttentionOptions O> void check_random(std::uint64_t seed, Dtype d, double tolerance, bool forward) {
  const RandomAttention r(seed, d);
  const Builder g = r.graph<O>(forward), plain = r.graph<composed(O)>(forward);
  const reference::Lengths lengths = support::random_lengths(g, seed);
  const auto inputs = support::random_inputs(g, lengths, seed);
  const auto expected = reference::Interpreter(plain, true).run(inputs, lengths),
             loops = reference::Interpreter(g, true).run(inputs, lengths), found = support::execute(g, inputs, lengths);
  for (std::size_t k = 0; k < expected.size(); ++k) {
    CAPTURE(seed);
    CAPTURE(k);
    CHECK(support::difference(loops[k], expected[k], lengths) < 1e-9);
    CHECK(support::difference(found[k], expected[k], lengths) < tolerance);
  }
}
template <AttentionOptions O> void check_random_all(std::uint64_t first, int count, bool forward = false) {
  for (std::uint64_t seed = first; seed < first + std::uint64_t(count); ++seed) {
    check_random<O>(seed, Dtype::float32, 2e-4, forward);
    if (seed % 3 == 0) check_random<O>(seed, Dtype::float64, 1e-9, forward);
  }
}

}  // namespace

TEST_CASE("attention agrees with PyTorch: values and gradients") {
  check_function<F<2, 3, 5, 4>, F<2, 3, 7, 4>, F<2, 3, 7, 6>>("attention", Attend{});
  check_function<F<2, 3, 5, 4>, F<2, 3, 7, 4>, F<2, 3, 7, 6>>("attention_scale",
                                                              Attend<AttentionOptions{.scale = 0.75}>{});
  check_function<F<2, 3, 5, 4>, F<2, 3, 7, 4>, F<2, 3, 7, 6>>("attention_causal", Attend<causal>{});
  check_function<F<1, 1, 9, 3>, F<1, 1, 4, 3>, F<1, 1, 4, 3>>("attention_causal_short", Attend<causal>{});
  check_function<F<6, 3>, F<5, 3>, F<5, 2>>("attention_matrix", Attend{});
  check_function<F<1, 2, 35, 8>, F<1, 2, 41, 8>, F<1, 2, 41, 8>>("attention_longer", Attend{});
  check_function<F<2, 3, 5, 4>, F<2, 3, 7, 4>, F<2, 3, 7, 6>, Tensor<bool, 2, 1, 5, 7>>("attention_mask", Attend{});
  check_function<F<2, 3, 5, 4>, F<2, 3, 7, 4>, F<2, 3, 7, 6>, Tensor<bool, 2, 1, 1, 7>>("attention_padding", Attend{});
  check_function<F<2, 3, 5, 4>, F<2, 3, 7, 4>, F<2, 3, 7, 6>, F<3, 5, 7>>("attention_bias", Attend{});
  check_function<F<2, 6, 5, 4>, F<2, 2, 7, 4>, F<2, 2, 7, 4>>("attention_groups", Attend<groups>{});
  check_function<F<2, 4, 5, 4>, F<2, 2, 7, 4>, F<2, 2, 7, 4>, F<4, 5, 7>>("attention_groups_mask", Attend<groups>{});
  check_function<F<1, 4, 6, 4>, F<1, 1, 6, 4>, F<1, 1, 6, 4>>("attention_groups_causal", Attend<causal_groups>{});
}

TEST_CASE("compiled programs with attention agree with PyTorch") {
  support::check<F<1, 2, 35, 8>, F<1, 2, 41, 8>, F<1, 2, 41, 8>>("attention_longer", Attend{}, 1e-5);
  support::check<F<2, 4, 5, 4>, F<2, 2, 7, 4>, F<2, 2, 7, 4>, F<4, 5, 7>>("attention_groups_mask", Attend<groups>{},
                                                                          1e-5);
}

TEST_CASE("attention of random sizes, layouts, masks and lengths agrees with its composed form") {
  check_random_all<AttentionOptions{}>(0, 60);
  check_random_all<causal>(100, 60);
  check_random_all<groups>(200, 40);
  check_random_all<causal_groups>(300, 40);
}

TEST_CASE("forward mode of attention agrees with that of its composed form") {
  check_random_all<AttentionOptions{}>(400, 25, true);
  check_random_all<causal_groups>(500, 25, true);
}

/// Masked keys, every third one, may hold anything: results are those of the composed form with ordinary numbers there.
template <AttentionOptions O> void check_masked_keys(std::uint64_t seed, Dtype d, double tolerance) {
  RandomAttention r(seed, d);
  r.mask = 1 + int(seed % 4), r.packed = 0;
  const Builder g = r.graph<O>(false), plain = r.graph<composed(O)>(false);
  const reference::Lengths lengths = support::random_lengths(g, seed);
  auto inputs = support::random_inputs(g, lengths, seed);
  const auto masked = [&](std::ptrdiff_t key) { return key % 3 == 1; };
  reference::Array& mask = inputs[3];
  for (std::ptrdiff_t i = 0; i < mask.shape.size(); ++i)
    if (masked(i % r.keys)) mask.set(i, mask.dtype == Dtype::boolean ? 0 : -std::numeric_limits<double>::infinity());
  const auto expected = reference::Interpreter(plain, true).run(inputs, lengths);
  for (const int operand : {1, 2})
    for (std::ptrdiff_t i = 0, n = inputs[std::size_t(operand)].shape.size(); i < n; ++i) {
      const int width = operand == 1 ? r.features : r.values;
      if (masked(i / width % r.keys) && i % 5 != 0)
        inputs[std::size_t(operand)].set(
            i, i % 2 == 0 ? std::numeric_limits<double>::infinity() : std::numeric_limits<double>::quiet_NaN());
    }
  const auto loops = reference::Interpreter(g, true).run(inputs, lengths), found = support::execute(g, inputs, lengths);
  for (std::size_t k = 0; k < expected.size(); ++k) {
    CAPTURE(seed);
    CAPTURE(k);
    CHECK(support::difference(loops[k], expected[k], lengths) < 1e-9);
    CHECK(support::difference(found[k], expected[k], lengths) < tolerance);
  }
}

TEST_CASE("masked keys and values may be infinite or NaN") {
  for (std::uint64_t seed = 600; seed < 640; ++seed) {
    check_masked_keys<AttentionOptions{}>(seed, Dtype::float32, 5e-4);
    check_masked_keys<causal_groups>(seed, Dtype::float32, 5e-4);
    if (seed % 3 == 0) check_masked_keys<AttentionOptions{}>(seed, Dtype::float64, 1e-9);
  }
}

TEST_CASE("a query without keys has the mean 0, and sends nothing back") {
  F<1, 3, 4> q = random::normal<1, 3, 4>(Seed{1}, 0), k = random::normal<1, 3, 4>(Seed{1}, 1),
             v = random::normal<1, 3, 4>(Seed{1}, 2);
  Tensor<bool, 3, 3> there;
  for (int i = 0; i < 3; ++i)
    for (int j = 0; j < 3; ++j) there(i, j) = i != 1;
  constexpr auto total = [](auto q, auto k, auto v, auto m) { return sum(scaled_dot_product_attention(q, k, v, m)); };
  const F<1, 3, 4> y = scaled_dot_product_attention(q, k, v, there);
  const auto [dq, dk, dv] = grad(total, wrt<0, 1, 2>)(q, k, v, there);
  for (int i = 0; i < 4; ++i) {
    CHECK(y(0, 1, i) == 0);
    CHECK(dq(0, 1, i) == 0);
    for (int j = 0; j < 3; ++j) {
      CHECK(std::isfinite(dk(0, j, i)));
      CHECK(std::isfinite(dv(0, j, i)));
    }
  }
}

TEST_CASE("attention: the same bits from any number of threads") {
  F<2, 3, 70, 16> q = random::normal<2, 3, 70, 16>(Seed{2}, 0), k = random::normal<2, 3, 70, 16>(Seed{2}, 1),
                  v = random::normal<2, 3, 70, 16>(Seed{2}, 2);
  constexpr auto total = [](auto q, auto k, auto v) {
    const auto y = scaled_dot_product_attention<AttentionOptions{.is_causal = true}>(q, k, v);
    return sum(y * y);
  };
  const auto run = [&](int threads) {
    set_num_threads(threads);
    return value_and_grad(total, wrt<0, 1, 2>)(q, k, v);
  };
  const auto one = run(1), five = run(5);
  set_num_threads(1);
  const auto same = [](const auto& a, const auto& b) {
    for (std::ptrdiff_t i = 0; i < a.size(); ++i)
      if (a.data()[i] != b.data()[i]) return false;
    return true;
  };
  CHECK(same(std::get<1>(one), std::get<1>(five)));
  CHECK(same(std::get<2>(one), std::get<2>(five)));
  CHECK(same(std::get<3>(one), std::get<3>(five)));
}

TEST_CASE("attention of a sample, mapped over a batch, is that of the batch") {
  F<3, 2, 9, 4> q = random::normal<3, 2, 9, 4>(Seed{3}, 0);
  F<2, 7, 4> k = random::normal<2, 7, 4>(Seed{3}, 1), v = random::normal<2, 7, 4>(Seed{3}, 2);
  constexpr auto each = [](auto q, auto k, auto v) { return scaled_dot_product_attention(q, k, v); };
  constexpr auto gradients = [](auto q, auto k, auto v) {
    return grad([](auto q, auto k, auto v) { return sum(square(scaled_dot_product_attention(q, k, v))); }, wrt<0, 1>)(
        q, k, v);
  };
  const F<3, 2, 9, 4> y = vmap(each, mapped<0>)(q, k, v), expected = scaled_dot_product_attention(q, k, v);
  const auto [dq, dk] = vmap(gradients, mapped<0>)(q, k, v);
  const auto all = grad([](auto q, auto k, auto v) { return sum(square(scaled_dot_product_attention(q, k, v))); },
                        wrt<0, 1>)(q, k, v);
  for (int i = 0; i < y.size(); ++i) {
    CHECK(y.data()[i] == doctest::Approx(expected.data()[i]));
    CHECK(dq.data()[i] == doctest::Approx(std::get<0>(all).data()[i]).epsilon(1e-4));
  }
  F<2, 7, 4> sum_of_dk = sum<0>(dk);
  for (int i = 0; i < sum_of_dk.size(); ++i)
    CHECK(sum_of_dk.data()[i] == doctest::Approx(std::get<1>(all).data()[i]).epsilon(1e-4));
}

TEST_CASE("half precision is computed as float32 and rounded") {
  Tensor<bfloat16, 1, 5, 8> q = cast<bfloat16>(random::normal<1, 5, 8>(Seed{4}, 0)), y;
  y = scaled_dot_product_attention(q, q, q);
  F<1, 5, 8> wide = cast<float>(q), expected = scaled_dot_product_attention(wide, wide, wide);
  for (int i = 0; i < y.size(); ++i) CHECK(float(y.data()[i]) == doctest::Approx(expected.data()[i]).epsilon(0.01));
}

namespace {
/// The program of value and gradients of attention over T steps.
template <int T> struct LongTrace {
  constexpr Builder operator()() const {
    return graph::FunctionTrace<transform::ValueAndGrad<Total, 0, 1, 2>, Sym<float, 4, T, 32>, Sym<float, 4, T, 32>,
                                Sym<float, 4, T, 32>>{}();
  }
  struct Total {
    constexpr auto operator()(auto q, auto k, auto v) const { return sum(scaled_dot_product_attention(q, k, v)); }
  };
};
}  // namespace

TEST_CASE("memory of attention and its gradient grows with time, not with its square") {
  const auto bytes = []<int T>(std::integral_constant<int, T>) {
    const compile::Plan p = compile::compile(LongTrace<T>{}(), 0, cpu::target).run;
    return p.arena_bytes + p.scratch_bytes;
  };
  const auto at_512 = bytes(std::integral_constant<int, 512>{}), at_1024 = bytes(std::integral_constant<int, 1024>{}),
             at_4096 = bytes(std::integral_constant<int, 4096>{});
  CHECK(at_1024 <= 2 * at_512);
  CHECK(at_4096 <= 8 * at_512);
  CHECK(at_4096 < 4 * std::int64_t(4096) * 4096);  // one byte for each score would be this much
  CHECK(compile::Program<LongTrace<1024>, cpu::Backend>::workspace_bytes < 4 * 1024 * 1024);
}

TEST_CASE("inference pays nothing for gradients: one step, no logarithms") {
  struct Trace {
    Builder operator()() const {
      return graph::FunctionTrace<Attend<>, Sym<float, 2, 8, 4>, Sym<float, 2, 8, 4>, Sym<float, 2, 8, 4>>{}();
    }
  };
  const compile::Plan p = compile::compile(Trace{}(), 0, cpu::target).run;
  CHECK(p.steps == 1);
  CHECK(p.arena_bytes == 0);
}

TEST_CASE("errors of attention at run time say what is wrong") {
  Builder g;
  Shape a, b;
  for (const int n : {2, 5, 4}) a.push(n);
  for (const int n : {2, 5, 3}) b.push(n);
  const Value q(&g, g.input(Dtype::float32, a)), k(&g, g.input(Dtype::float32, b));
  CHECK_THROWS_WITH_AS((void)scaled_dot_product_attention(q, k, k), doctest::Contains("attention"), Error);
  const Value y = scaled_dot_product_attention(q, q, q);
  List<int> x, d;
  x.push(q.id);
  d = transform::gradient(g, sum(y * y).id, x);
  CHECK_THROWS_WITH_AS((void)transform::gradient(g, sum(Value(&g, d[0]) * q).id, x), doctest::Contains("composed"),
                       Error);
  const Value z = scaled_dot_product_attention<AttentionOptions{.composed = true}>(q, q, q);
  d = transform::gradient(g, sum(z * z).id, x);
  CHECK_NOTHROW((void)transform::gradient(g, sum(Value(&g, d[0]) * q).id, x));
}
