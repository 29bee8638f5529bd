// The kernels of attention called as a step calls them: they stay within the scratch memory that the target states, few
// queries give the same results as many, and results that nothing reads are not written.
#include <doctest/doctest.h>
#include <sinter/sinter.hpp>

#include <vector>

using namespace sinter;
using graph::Builder;
using graph::Value;

namespace {

/// An attention [B, G, Q, D] to [B, K, D], its buffers, and scratch of exactly the declared size with guard bytes after
/// it.
template <class T> struct Case {
  static constexpr std::size_t guard = 256;
  std::int64_t B, G, Q, K, D, V;
  bool causal;
  Builder g;
  std::vector<T> q, k, v, o, sums, ct, dq, dk, dv;
  std::vector<std::byte> forward_scratch, backward_scratch;
  std::array<std::int64_t, ops::AttentionGeometry::numbers> attributes;

  Case(int b, int gr, int queries, int keys, int d, int dv_, bool c)
      : B(b), G(gr), Q(queries), K(keys), D(d), V(dv_), causal(c) {
    std::uint64_t stream = 0;
    const auto normal = [&](std::int64_t n) {
      const Philox random(Seed{1}, stream++);
      std::vector<T> x;
      for (std::int64_t i = 0; i < n; ++i) x.push_back(T(random.normal(std::uint64_t(i))));
      return x;
    };
    q = normal(B * G * Q * D), k = normal(B * K * D), v = normal(B * K * V), ct = normal(B * G * Q * V);
    o.assign(ct.size(), 0), sums.assign(std::size_t(B * G * Q), 0), dq.assign(q.size(), 0), dk.assign(k.size(), 0),
        dv.assign(v.size(), 0);
    const auto input = [&](std::initializer_list<std::int64_t> extents) {
      Shape s;
      for (const std::int64_t n : extents) s.push(int(n));
      return g.input(dtype_of<T>, s);
    };
    const ops::AttentionGeometry geometry{1, 2, causal, 0.25};
    attributes = geometry.attributes();
    const std::array<int, 3> operands{input({B, G, Q, D}), input({B, K, D}), input({B, K, V})};
    const Value y = ops::Attention::apply(&g, operands.data(), 3, geometry);
    const std::array<int, 6> more{operands[0], operands[1], operands[2], y.id, ops::further_result(y, 1).id, y.id};
    const Value d_all = ops::AttentionGradient::apply(&g, more.data(), 6, geometry);
    forward_scratch = scratch(y.id), backward_scratch = scratch(d_all.id);
  }
  std::vector<std::byte> scratch(int node) const {
    graph::Signature::Operand room[graph::most_operands];
    return std::vector<std::byte>(std::size_t(cpu::target.custom_scratch(*g[node].op, g.signature(node, room))) + guard,
                                  std::byte{77});
  }
  static bool untouched(const std::vector<std::byte>& s) {
    for (std::size_t i = s.size() - guard; i < s.size(); ++i)
      if (s[i] != std::byte{77}) return false;
    return true;
  }

  template <class Op> void run(std::vector<std::vector<T>*> tensors, int operands,
                               const std::vector<std::int64_t>& strides, std::vector<std::byte>& room, int threads,
                               int without) {
    const std::array<std::int64_t, 6> extents{B, G, Q, K, D, V};
    std::vector<std::byte*> address;
    for (auto* t : tensors)
      address.push_back(int(address.size()) == without ? nullptr : reinterpret_cast<std::byte*>(t->data()));
    const std::vector<Dtype> dtypes(tensors.size(), dtype_of<T>);
    const cpu::Context c{nullptr, nullptr, room.data(), threads};
    cpu::CustomKernel<Op>::template run<T>(
        {extents.data(), 6, address.data(), strides.data(), dtypes.data(), operands, attributes.data(), c});
  }
  void run(int threads, int without = -1) {
    using S = std::vector<std::int64_t>;
    const S query{G * Q * D, Q * D, D, 0, 1, 0}, key{K * D, 0, 0, D, 1, 0}, value{K * V, 0, 0, V, 0, 1},
        output{G * Q * V, Q * V, V, 0, 0, 1}, sum{G * Q, Q, 1, 0, 0, 0};
    const auto joined = [](std::initializer_list<S> parts) {
      S all;
      for (const S& p : parts) all.insert(all.end(), p.begin(), p.end());
      return all;
    };
    run<ops::Attention>({&q, &k, &v, &o, &sums}, 3, joined({query, key, value, output, sum}), forward_scratch, threads,
                        -1);
    run<ops::AttentionGradient>({&q, &k, &v, &o, &sums, &ct, &dq, &dk, &dv}, 6,
                                joined({query, key, value, output, sum, output, query, key, value}), backward_scratch,
                                threads, without);
  }
};

template <class T> void check_scratch() {
  constexpr int times[]{1, 3, 17, 33, 64, 65, 130}, widths[]{1, 5, 8, 31, 64, 256};
  for (const int threads : {1, 3})
    for (const int time : times)
      for (const int width : widths) {
        Case<T> c(2, 2, time, 131 - time, width, 257 - width > 64 ? width : 257 - width, false);
        c.run(threads);
        CAPTURE(time);
        CAPTURE(width);
        CHECK(Case<T>::untouched(c.forward_scratch));
        CHECK(Case<T>::untouched(c.backward_scratch));
      }
}

}  // namespace

TEST_CASE("the kernels of attention stay within the scratch that is announced") {
  check_scratch<float>();
  check_scratch<double>();
}

TEST_CASE("results that nobody reads stay as they are, the others do not change") {
  Case<float> all(1, 2, 40, 50, 16, 24, true);
  all.run(1);
  for (const int without : {6, 7, 8}) {
    Case<float> some(1, 2, 40, 50, 16, 24, true);
    some.run(1, without);
    CHECK((some.dq == all.dq) == (without != 6));
    CHECK((some.dk == all.dk) == (without != 7));
    CHECK((some.dv == all.dv) == (without != 8));
  }
}

TEST_CASE("few queries see what they see among many") {
  for (const bool causal : {false, true})
    for (const int queries : {1, 2, 3, 4, 5, 7, 12, 13}) {
      CAPTURE(causal);
      CAPTURE(queries);
      Case<float> many(2, 2, 32, 300, 40, 70, causal), few(2, 2, queries, 300, 40, 70, causal);
      few.k = many.k, few.v = many.v;
      const std::int64_t n = queries;
      for (std::int64_t h = 0; h < 4; ++h)
        for (std::int64_t i = 0; i < n * 40; ++i)
          few.q[std::size_t(h * n * 40 + i)] = many.q[std::size_t(h * 32 * 40 + i)];
      many.run(1), few.run(1);
      double means = 0, sums = 0;
      for (std::int64_t h = 0; h < 4; ++h) {
        for (std::int64_t i = 0; i < n * 70; ++i)
          means = std::max(means,
                           double(std::abs(few.o[std::size_t(h * n * 70 + i)] - many.o[std::size_t(h * 32 * 70 + i)])));
        for (std::int64_t i = 0; i < n; ++i)
          sums =
              std::max(sums, double(std::abs(few.sums[std::size_t(h * n + i)] - many.sums[std::size_t(h * 32 + i)])));
      }
      CHECK(means < 2e-5);
      CHECK(sums < 2e-5);
      const auto one = few.o;
      few.run(3);
      CHECK(few.o == one);
    }
}
