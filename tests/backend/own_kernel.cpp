// A primitive of kind kernel in a user's file: its plain loops, and a CPU kernel that compiled programs and graphs made
// at run time both find.
#include <doctest/doctest.h>
#include <sinter/backend/generic/executor.hpp>
#include <sinter/sinter.hpp>

namespace mine {

using sinter::ops::Signature;
using sinter::ops::Type;

/// The Manhattan distances of the rows of two matrices, (M, D) and (N, D) → (M, N). `Fast`: has a CPU kernel.
template <bool Fast> struct Distances : sinter::graph::Registered<Distances<Fast>> {
  static constexpr const char* name = "distances";
  static constexpr Type type(const Signature& s) {
    if (s.count != 2 || s.shape(0).rank != 2 || s.shape(1).rank != 2 || s.shape(0)[1] != s.shape(1)[1] ||
        s.dtype(0) != s.dtype(1))
      return Type::mismatch();
    sinter::Shape to;
    to.push(s.shape(0)[0], s.shape(0).symbol(0));
    to.push(s.shape(1)[0], s.shape(1).symbol(0));
    return {s.dtype(0), to};
  }
  /// Loops: rows of the first, rows of the second, elements of a row.
  static constexpr int loop(const Signature&, int tensor, int axis) {
    return tensor == 2 ? axis : axis == 1 ? 2 : tensor;
  }
  static void plain(const sinter::graph::Elements& e) {
    std::int64_t at[2], p[2], q[2];
    for (at[0] = 0; at[0] < e.length(0, 0); ++at[0])
      for (at[1] = 0; at[1] < e.length(1, 0); ++at[1]) {
        double sum = 0;
        for (std::int64_t k = 0; k < e.length(0, 1); ++k) {
          p[0] = at[0], q[0] = at[1], p[1] = q[1] = k;
          sum += std::abs(e.get(0, p) - e.get(1, q));
        }
        e.set(at, sum);
      }
  }
  static constexpr sinter::graph::Primitive describe() {
    sinter::graph::Primitive p{.name = name,
                               .code = sinter::graph::code_of<Distances>,
                               .kind = sinter::graph::Kind::kernel,
                               .type = &type};
    p.kernel.loop = &loop;
    p.kernel.plain = &plain;
    p.flops = [](const Signature& s, const sinter::Shape& to) { return 3.0 * double(to.size()) * s.shape(0)[1]; };
    p.kernel.scratch = [](const Signature& s) { return std::int64_t(s.shape(0)[1]) * sinter::bytes_of(s.dtype(0)); };
    return p;
  }
};

inline int calls = 0;

}  // namespace mine

template <> struct sinter::cpu::CustomKernel<mine::Distances<true>> {
  template <class T> static void run(const CustomCall& c) {
    ++mine::calls;
    T* const row = reinterpret_cast<T*>(c.context.scratch);  // as many as the primitive asked for
    for (std::int64_t i = 0; i < c.extent[0]; ++i) {
      for (std::int64_t k = 0; k < c.extent[2]; ++k) row[k] = c.at<T>(0)[i * c.stride(0)[0] + k * c.stride(0)[2]];
      for (std::int64_t j = 0; j < c.extent[1]; ++j) {
        T sum = 0;
        for (std::int64_t k = 0; k < c.extent[2]; ++k)
          sum += std::abs(row[k] - c.at<T>(1)[j * c.stride(1)[1] + k * c.stride(1)[2]]);
        c.at<T>(2)[i * c.stride(2)[0] + j * c.stride(2)[1]] = sum;
      }
    }
  }
};
inline const sinter::internals::generic::RegisteredKernel<mine::Distances<true>> distances_kernel;

using namespace sinter;

namespace {

// |1 − 0| + |2 − 1|, |1 + 1| + |2 − 2|, …
const Tensor<float, 3, 2> a{{1, 2}, {3, 4}, {5, 6}};
const Tensor<float, 2, 2> b{{0, 1}, {-1, 2}};
const Tensor<float, 3, 2> expected{{2, 2}, {6, 6}, {10, 10}};

template <bool Fast> Tensor<float, 3, 2> at_run_time() {
  graph::Builder g;
  const graph::Value x{&g, g.input(Dtype::float32, shape_of<3, 2>)}, y{&g, g.input(Dtype::float32, shape_of<2, 2>)};
  g.outputs.push((apply<mine::Distances<Fast>>(x + 1.f, y + 1.f) * 1.f).id);
  Tensor<float, 3, 2> to;
  internals::generic::Program(g).run({a.data(), b.data()}, {to.data()});
  return to;
}

}  // namespace

TEST_CASE("a compiled program calls a kernel of the user's own, or its plain loops") {
  mine::calls = 0;
  const auto slow = jit([](auto x, auto y) { return apply<mine::Distances<false>>(x * 2.f, y * 2.f) * 0.5f; })(a, b);
  CHECK(equal(slow, expected));
  CHECK(mine::calls == 0);
  const auto fast = jit([](auto x, auto y) { return apply<mine::Distances<true>>(x * 2.f, y * 2.f) * 0.5f; })(a, b);
  CHECK(equal(fast, expected));
  CHECK(mine::calls == 1);
  const Tensor<double, 2, 2> c{{0, 1}, {-1, 2}};
  const auto twice = jit([](auto x) { return apply<mine::Distances<true>>(x, x); })(c);
  CHECK(twice(0, 0) == 0);
  CHECK(twice(0, 1) == 2);
  CHECK(mine::calls == 2);
}

TEST_CASE("a graph made at run time finds the same kernel, or the plain loops") {
  mine::calls = 0;
  CHECK(equal(at_run_time<false>(), expected));
  CHECK(mine::calls == 0);
  CHECK(equal(at_run_time<true>(), expected));
  CHECK(mine::calls == 1);
}

TEST_CASE("a kernel is not taken for results of another type than those it is registered for") {
  graph::Builder g;
  const graph::Value x{&g, g.input(Dtype::int32, shape_of<3, 2>)}, y{&g, g.input(Dtype::int32, shape_of<2, 2>)};
  g.outputs.push((apply<mine::Distances<true>>(x, y) * 1).id);
  const Tensor<int, 3, 2> from{{-1, 2}, {3, -4}, {5, 6}};
  const Tensor<int, 2, 2> other{{0, 1}, {-1, 2}};
  Tensor<int, 3, 2> to;
  mine::calls = 0;
  internals::generic::Program(g).run({from.data(), other.data()}, {to.data()});
  CHECK(equal(to, Tensor<int, 3, 2>{{2, 0}, {8, 10}, {10, 10}}));
  CHECK(mine::calls == 0);
}
