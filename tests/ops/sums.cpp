// The dtype in which contractions sum: part of their kernel's identity, with operands read as they are in memory.
#include <doctest/doctest.h>
#include <sinter/sinter.hpp>
#include <sinter/transform/gradient.hpp>

#include "../support/execute.hpp"

using namespace sinter;
using namespace sinter::internals;
using compile::Micro;

namespace {

template <class X> X random_tensor(std::uint64_t seed) {
  using T = typename X::element;
  X x(uninitialized);
  const Philox random(Seed{seed}, 0);
  for (std::ptrdiff_t i = 0; i < X::size(); ++i)
    x.data()[i] = is_floating(dtype_of<T>) ? static_cast<T>(random.normal(std::uint64_t(i)))
                                           : static_cast<T>(random.bits(std::uint64_t(i)));
  return x;
}

/// Sums of products of two matrices in the widest type, one by one.
template <class Y, class A, class B> void check_product(const Y& y, const A& a, const B& b, double tolerance = 0) {
  using Wide = std::conditional_t<is_floating(dtype_of<typename Y::element>), double, std::int64_t>;
  for (int i = 0; i < Y::shape[0]; ++i)
    for (int j = 0; j < Y::shape[1]; ++j) {
      Wide sum = 0;
      for (int k = 0; k < A::shape[1]; ++k) sum += Wide(a(i, k)) * Wide(b(k, j));
      if (std::is_integral_v<Wide> ? y(i, j) != typename Y::element(sum)
                                   : !(std::abs(double(y(i, j)) - double(sum)) <= tolerance))
        FAIL_CHECK("row " << i << ", column " << j << ": expected " << sum << ", found " << y(i, j));
    }
}

/// As a statement and as a run-time graph.
template <class Sums, class A, class B> void check_matmul(double tolerance = 0) {
  CAPTURE(to_string(A::shape));
  CAPTURE(to_string(B::shape));
  const A a = random_tensor<A>(1);
  const B b = random_tensor<B>(2);
  using Y = Tensor<Sums, A::shape[0], B::shape[1]>;
  const Y y = matmul<Sums>(a, b);
  check_product(y, a, b, tolerance);
  graph::Builder g;
  const auto p = graph::new_input<typename A::symbol>(g);
  const auto q = graph::new_input<typename B::symbol>(g);
  g.outputs.push(matmul<Sums>(p, q).id);
  std::vector<reference::Array> in;
  in.emplace_back(dtype_of<typename A::element>, A::shape);
  in.emplace_back(dtype_of<typename B::element>, B::shape);
  std::memcpy(in[0].bytes.data(), a.data(), in[0].bytes.size());
  std::memcpy(in[1].bytes.data(), b.data(), in[1].bytes.size());
  Y z(uninitialized);
  for (const auto& found : {support::execute(g, in, {}), reference::Interpreter(g).run(in)}) {
    REQUIRE(found[0].bytes.size() == sizeof(Sums) * std::size_t(Y::size()));
    std::memcpy(z.data(), found[0].bytes.data(), found[0].bytes.size());
    check_product(z, a, b, tolerance);
  }
}

template <class F, class... S> using Compiled = compile::Program<graph::FunctionTrace<F, S...>, cpu::Backend>;

/// The micro-operation that stands for the sums of a program's only contraction.
template <class Program> constexpr Micro sums_of() {
  static_assert(Program::distinct_kernels == 1);
  Micro found;
  for (const std::uint64_t* w = Program::words.data() + 2; w != Program::words.data() + Program::words.size();) {
    Micro m;
    w = compile::decode_into(w, m);
    if (m.what == Micro::What::result) found = m;
  }
  return found;
}

}  // namespace

TEST_CASE("narrow integers are summed in the type that is named: small, large, few rows, transposed") {
  check_matmul<std::int32_t, Tensor<std::int8_t, 3, 5>, Tensor<std::int8_t, 5, 4>>();
  check_matmul<std::int32_t, Tensor<std::int8_t, 37, 300>, Tensor<std::int8_t, 300, 67>>();
  check_matmul<std::int32_t, Tensor<std::int8_t, 2, 1100>, Tensor<std::int8_t, 1100, 130>>();
  check_matmul<std::int32_t, Tensor<std::uint8_t, 130, 64>, Tensor<std::uint8_t, 64, 1>>();
  check_matmul<std::int64_t, Tensor<std::int16_t, 20, 90>, Tensor<std::int16_t, 90, 33>>();
  check_matmul<std::int64_t, Tensor<std::int32_t, 20, 90>, Tensor<std::int32_t, 90, 33>>();
  check_matmul<std::uint64_t, Tensor<std::uint32_t, 20, 90>, Tensor<std::uint32_t, 90, 33>>();
  check_matmul<float, Tensor<std::int8_t, 20, 90>, Tensor<std::int8_t, 90, 33>>(1e-1);
  check_matmul<std::int32_t, Tensor<std::int8_t, 9, 1>, Tensor<std::int8_t, 1, 7>>();
  check_matmul<std::int32_t, Tensor<std::int8_t, 9, 0>, Tensor<std::int8_t, 0, 7>>();
}

TEST_CASE("16-bit floats are summed in float32, and not rounded where that is named") {
  check_matmul<float, Tensor<bfloat16, 37, 300>, Tensor<bfloat16, 300, 67>>(2e-4);
  check_matmul<float, Tensor<float16, 3, 5>, Tensor<float16, 5, 4>>(1e-5);
  check_matmul<double, Tensor<float, 37, 300>, Tensor<float, 300, 67>>(1e-12);
  const auto a = random_tensor<Tensor<bfloat16, 4, 64>>(5);
  const auto b = random_tensor<Tensor<bfloat16, 64, 3>>(6);
  const Tensor<float, 4, 3> wide = matmul<float>(a, b);
  const Tensor<bfloat16, 4, 3> rounded = matmul(a, b);
  for (int i = 0; i < 12; ++i) CHECK(rounded.data()[i].bits == bfloat16(wide.data()[i]).bits);
}

TEST_CASE("batches, transposed operands and what follows the sums") {
  const auto a = random_tensor<Tensor<std::int8_t, 3, 20, 40>>(1);
  const auto b = random_tensor<Tensor<std::int8_t, 3, 30, 40>>(2);
  const auto bias = random_tensor<Tensor<std::int8_t, 30>>(3);
  const Tensor<float, 3, 20, 30> y = cast<float>(matmul<int>(a, transpose(b)) + bias) * 0.5f;
  for (int n = 0; n < 3; ++n)
    for (int i = 0; i < 20; ++i)
      for (int j = 0; j < 30; ++j) {
        int sum = bias(j);
        for (int k = 0; k < 40; ++k) sum += a(n, i, k) * b(n, j, k);
        REQUIRE(y(n, i, j) == float(sum) * 0.5f);
      }
  const Tensor<std::int8_t, 40> row = a[0][0];
  const Tensor<std::int8_t, 30, 40> matrix = b[0];
  const Tensor<int, 30> vector = matmul<int>(row, transpose(matrix));
  int first = 0;
  for (int k = 0; k < 40; ++k) first += a(0, 0, k) * b(0, 0, k);
  CHECK(vector(0) == first);
}

TEST_CASE("convolutions of narrow integers and of 16-bit floats sum wide: windows, groups, one filter a channel") {
  const auto image = random_tensor<Tensor<std::int8_t, 2, 4, 9, 11>>(1);
  const auto weight = random_tensor<Tensor<std::int8_t, 6, 4, 3, 3>>(2);
  constexpr Conv2dOptions padded{.stride = 2, .padding = 1};
  const Tensor<std::int64_t, 2, 6, 5, 6> y = conv2d<std::int64_t, padded>(image, weight);
  const Tensor<int, 2, 6, 5, 6> z = conv2d<padded>(image, weight);
  for (int n = 0; n < 2; ++n)
    for (int o = 0; o < 6; ++o)
      for (int i = 0; i < 5; ++i)
        for (int j = 0; j < 6; ++j) {
          int sum = 0;
          for (int c = 0; c < 4; ++c)
            for (int p = 0; p < 3; ++p)
              for (int q = 0; q < 3; ++q) {
                const int r = 2 * i + p - 1, s = 2 * j + q - 1;
                if (r >= 0 && r < 9 && s >= 0 && s < 11) sum += image(n, c, r, s) * weight(o, c, p, q);
              }
          REQUIRE(y(n, o, i, j) == sum);
          REQUIRE(z(n, o, i, j) == sum);
        }
  const auto filters = random_tensor<Tensor<std::int8_t, 4, 1, 3, 3>>(3);
  const auto paired = random_tensor<Tensor<std::int8_t, 2, 2, 3, 3>>(4);
  const Tensor<int, 2, 4, 7, 9> depthwise = conv2d<Conv2dOptions{.groups = 4}>(image, filters);
  const Tensor<int, 2, 2, 7, 9> grouped = conv2d<Conv2dOptions{.groups = 2}>(image, paired);
  int one = 0, two = 0;
  for (int p = 0; p < 3; ++p)
    for (int q = 0; q < 3; ++q) {
      one += image(1, 3, 2 + p, 4 + q) * filters(3, 0, p, q);
      for (int c = 0; c < 2; ++c) two += image(1, 2 + c, 2 + p, 4 + q) * paired(1, c, p, q);
    }
  CHECK(depthwise(1, 3, 2, 4) == one);
  CHECK(grouped(1, 1, 2, 4) == two);
  const Tensor<bfloat16, 2, 4, 9, 11> x = cast<bfloat16>(image);
  const Tensor<bfloat16, 6, 4, 3, 3> w = cast<bfloat16>(weight);
  const Tensor<float, 2, 6, 5, 6> wide = conv2d<float, padded>(x, w);
  for (int i = 0; i < 2 * 6 * 5 * 6; ++i) CHECK(wide.data()[i] == float(z.data()[i]));
}

TEST_CASE("einsum names the dtype of its sums: products, sums of one operand, outer products, several operands") {
  const auto a = random_tensor<Tensor<std::int8_t, 6, 40>>(1);
  const auto b = random_tensor<Tensor<std::int8_t, 40, 5>>(2);
  const auto c = random_tensor<Tensor<std::int8_t, 6>>(3);
  check_product(Tensor<std::int64_t, 6, 5>(einsum<std::int64_t, "ik,kj->ij">(a, b)), a, b);
  check_product(Tensor<int, 6, 5>(einsum<"ik,kj->ij">(a, b)), a, b);
  const Tensor<std::int64_t, 5> weighted = einsum<std::int64_t, "ik,kj,i->j">(a, b, c);
  const Tensor<std::int64_t, 40> folded = einsum<std::int64_t, "ik->k">(a);
  const Tensor<std::int64_t, 6, 6> outer = einsum<std::int64_t, "i,j->ij">(c, c);
  CHECK(outer(2, 3) == std::int64_t(c(2)) * c(3));
  std::int64_t column = 0;
  for (int i = 0; i < 6; ++i) column += a(i, 7);
  CHECK(folded(7) == column);
  for (int j = 0; j < 5; ++j) {
    std::int64_t total = 0;
    for (int i = 0; i < 6; ++i)
      for (int k = 0; k < 40; ++k) total += std::int64_t(a(i, k)) * b(k, j) * c(i);
    CHECK(weighted(j) == total);
  }
  const auto p = random_tensor<Tensor<bfloat16, 6, 40>>(4);
  const auto q = random_tensor<Tensor<bfloat16, 40, 5>>(5);
  const Tensor<float, 6, 5> wide = einsum<float, "ik,kj->ij">(p, q);
  const Tensor<bfloat16, 6, 5> rounded = einsum<"ik,kj->ij">(p, q);
  check_product(wide, p, q, 1e-5);
  for (int i = 0; i < 30; ++i) CHECK(rounded.data()[i].bits == bfloat16(wide.data()[i]).bits);
  constexpr auto loss = [](auto x, auto y) { return sum(square(einsum<float, "ik,kj->ij">(x, y))); };
  const Tensor<bfloat16, 6, 40> slope = grad(loss)(p, q);
  for (int k = 0; k < 40; ++k) {  // 2 (p q) qᵀ
    double expected = 0;
    for (int j = 0; j < 5; ++j) expected += 2 * double(wide(1, j)) * double(float(q(k, j)));
    CHECK(double(float(slope(1, k))) == doctest::Approx(expected).epsilon(1. / 128));
  }
}

TEST_CASE("the dtype of sums and of operands is in a kernel's identity; no wide copy of an operand is in memory") {
  constexpr auto named = [](auto x, auto w) { return matmul<int>(x, w); };
  constexpr auto plain = [](auto x, auto w) { return matmul(x, w); };
  using Bytes = Compiled<decltype(named), Sym<std::int8_t, 64, 512>, Sym<std::int8_t, 512, 256>>;
  using Default = Compiled<decltype(plain), Sym<std::int8_t, 64, 512>, Sym<std::int8_t, 512, 256>>;
  using Words = Compiled<decltype(plain), Sym<int, 64, 512>, Sym<int, 512, 256>>;
  constexpr Micro bytes = sums_of<Bytes>(), words = sums_of<Words>();
  static_assert(bytes.dtype == Dtype::int32 && compile::operands_of(bytes) == Dtype::int8);
  static_assert(words.dtype == Dtype::int32 && compile::operands_of(words) == Dtype::int32);
  static_assert(Bytes::steps == 1 && Default::steps == 1 && Bytes::arena_bytes == 0 && Default::arena_bytes == 0);
  CHECK(std::equal(Bytes::words.begin(), Bytes::words.end(), Default::words.begin()));
  CHECK_FALSE(std::equal(Bytes::words.begin(), Bytes::words.end(), Words::words.begin()));

  constexpr auto in_float = [](auto x, auto w) { return matmul<float>(x, w); };
  using Halves = Compiled<decltype(in_float), Sym<bfloat16, 64, 512>, Sym<bfloat16, 512, 256>>;
  constexpr Micro halves = sums_of<Halves>();
  static_assert(halves.dtype == Dtype::float32 && compile::operands_of(halves) == Dtype::bfloat16);
  static_assert(Halves::steps == 1 && Halves::arena_bytes == 0);
}

TEST_CASE("gradients of 16-bit operands are summed in float32 and rounded once") {
  graph::Builder g;
  const auto x = graph::new_input<Sym<bfloat16, 6, 40>>(g);
  const auto w = graph::new_input<Sym<bfloat16, 40, 5>>(g);
  const auto y = matmul<float>(x, w);
  graph::List<int> wrt;
  wrt.push(x.id), wrt.push(w.id);
  const graph::List<int> d = transform::gradient(g, sum(y * y).id, wrt);
  g.outputs.push(d[0]), g.outputs.push(d[1]);
  CHECK((g[d[0]].dtype == Dtype::bfloat16 && g.shape(d[0]) == x.shape && g.shape(d[1]) == w.shape));
  const auto p = random_tensor<Tensor<bfloat16, 6, 40>>(1);
  const auto q = random_tensor<Tensor<bfloat16, 40, 5>>(2);
  std::vector<reference::Array> in{{Dtype::bfloat16, x.shape}, {Dtype::bfloat16, w.shape}};
  std::memcpy(in[0].bytes.data(), p.data(), in[0].bytes.size());
  std::memcpy(in[1].bytes.data(), q.data(), in[1].bytes.size());
  const auto found = support::execute(g, in, {});
  for (int i = 0; i < 6; ++i)
    for (int k = 0; k < 40; ++k) {  // 2 y wᵀ
      double expected = 0;
      for (int j = 0; j < 5; ++j) {
        double sum = 0;
        for (int l = 0; l < 40; ++l) sum += double(float(p(i, l))) * double(float(q(l, j)));
        expected += 2 * sum * double(float(q(k, j)));
      }
      CHECK(found[0].get(i * 40 + k) == doctest::Approx(expected).epsilon(1. / 128));
    }
}
