// The dtype in which contractions sum: part of their kernel's identity, and of the graph's nodes until a target lowers
// them.
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

/// A tensor as an input of a run-time graph.
template <class X> reference::Array array_of(const X& x) {
  reference::Array a(dtype_of<typename X::element>, X::shape);
  if constexpr (X::size() > 0) std::memcpy(a.bytes.data(), x.data(), a.bytes.size());
  return a;
}

/// Sums of products of two matrices in the widest type, one by one.
template <class Y, class A, class B> void check_product(const Y& y, const A& a, const B& b, double tolerance = 0) {
  using Wide = std::conditional_t<is_floating(dtype_of<typename Y::element>), double, std::int64_t>;
  for (int i = 0; i < Y::shape[0]; ++i)
    for (int j = 0; j < Y::shape[1]; ++j) {
      std::conditional_t<std::is_integral_v<Wide>, std::uint64_t, double> total = 0;  // integers wrap around
      for (int k = 0; k < A::shape[1]; ++k) total += decltype(total)(Wide(a(i, k))) * decltype(total)(Wide(b(k, j)));
      const auto sum = static_cast<Wide>(total);
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
  const std::vector<reference::Array> in{array_of(a), array_of(b)};
  Y z(uninitialized);
  for (const auto& found : {support::execute(g, in, {}), reference::Interpreter(g).run(in)}) {
    REQUIRE(found[0].bytes.size() == sizeof(Sums) * std::size_t(Y::size()));
    std::memcpy(z.data(), found[0].bytes.data(), found[0].bytes.size());
    check_product(z, a, b, tolerance);
  }
}

template <class F, class... S> using Compiled = compile::Program<graph::FunctionTrace<F, S...>, cpu::Backend>;

template <class Program> constexpr graph::List<Micro> micros_of() {
  static_assert(Program::distinct_kernels == 1);
  graph::List<Micro> all;
  for (const std::uint64_t* w = Program::words.data() + 2; w != Program::words.data() + Program::words.size();) {
    Micro m;
    w = compile::decode_into(w, m);
    all.push(m);
  }
  return all;
}
/// The micro-operation that stands for the sums of a program's only contraction.
template <class Program> constexpr Micro sums_of() {
  Micro found;
  for (const Micro& m : micros_of<Program>())
    if (m.what == Micro::What::result) found = m;
  return found;
}
/// How many operands of a program's only contraction are read in this type, to be converted as they are packed.
template <class Program> constexpr int operands_converted_from(Dtype d) {
  int found = 0;
  for (const Micro& m : micros_of<Program>()) found += m.what == Micro::What::load && m.side != 0 && m.dtype == d;
  return found;
}

/// A sum of products and that of their magnitudes, which bounds how far one in float32 may be off.
struct ExactSum {
  double sum = 0, magnitude = 0;
  void add(double x, double y) { sum += x * y, magnitude += std::abs(x * y); }
};
/// Whether a number is the sum, rounded once after sums in float32.
template <class Half> bool is_rounded_once(double found, const ExactSum& e) {
  const double off = e.magnitude * 0x1p-20;
  return float(Half(e.sum - off)) <= found && found <= float(Half(e.sum + off));
}

/// The product of 16-bit floats and its gradients, of Σ c · product: as a statement, as run-time graphs with and
/// without one operand prepared, and on a target that lowers nothing.
template <class Half, int M, int K, int N> void check_half_product() {
  CAPTURE(M);
  CAPTURE(K);
  CAPTURE(N);
  const auto w = random_tensor<Tensor<Half, K, N>>(1);
  const auto x = random_tensor<Tensor<Half, M, K>>(2);
  const auto c = random_tensor<Tensor<Half, M, N>>(3);
  const auto check = [](const char* what, const auto& get, const auto& a, const auto& b, int rows, int columns,
                        int depth, const auto& left, const auto& right) {
    for (int i = 0; i < rows; ++i)
      for (int j = 0; j < columns; ++j) {
        ExactSum e;
        for (int k = 0; k < depth; ++k) e.add(float(left(a, i, k)), float(right(b, k, j)));
        if (const double found = get(i * columns + j); !is_rounded_once<Half>(found, e))
          FAIL_CHECK(what << ", row " << i << ", column " << j << ": expected " << e.sum << ", found " << found);
      }
  };
  const auto straight = [](const auto& t, int i, int k) { return t(i, k); };
  const auto transposed = [](const auto& t, int i, int k) { return t(k, i); };
  const Tensor<Half, M, N> y = matmul(x, w);
  check("statement", [&](int i) { return double(float(y.data()[i])); }, x, w, M, N, K, straight, straight);

  graph::Builder g;
  const auto q = graph::new_input<Sym<Half, K, N>>(g);
  const auto p = graph::new_input<Sym<Half, M, K>>(g);
  const auto r = graph::new_input<Sym<Half, M, N>>(g);
  const auto product = matmul(p, q);
  graph::List<int> wrt;
  wrt.push(p.id), wrt.push(q.id);
  const graph::List<int> d = transform::gradient(g, sum(cast<float>(product) * cast<float>(r)).id, wrt);
  g.outputs.push(product.id), g.outputs.push(d[0]), g.outputs.push(d[1]);
  for (int i = 0; i < g.size(); ++i)
    if (g[i].op->kind == graph::Kind::contract)
      CHECK((g[g.operands(i)[0]].dtype == dtype_of<Half> && g[i].dtype == Dtype::float32));
  const std::vector<reference::Array> in{array_of(w), array_of(x), array_of(c)};
  compile::Target as_it_is = cpu::run_time_target;
  as_it_is.expansion = nullptr;
  for (const auto& found : {support::execute(g, in, {}), support::execute(g, in, {}, cpu::run_time_target, nullptr, 1),
                            support::execute(g, in, {}, as_it_is), reference::Interpreter(g).run(in)}) {
    check("product", [&](int i) { return found[0].get(i); }, x, w, M, N, K, straight, straight);
    check("gradient of the left", [&](int i) { return found[1].get(i); }, c, w, M, K, N, straight, transposed);
    check("gradient of the right", [&](int i) { return found[2].get(i); }, x, c, K, N, M, transposed, straight);
  }
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

TEST_CASE("products of 16-bit floats and their gradients are summed in float32 and rounded once") {
  check_half_product<bfloat16, 3, 5, 4>();
  check_half_product<float16, 1, 70, 9>();
  check_half_product<bfloat16, 2, 520, 130>();
  check_half_product<bfloat16, 37, 300, 67>();
  check_half_product<float16, 40, 256, 33>();
  check_half_product<bfloat16, 9, 1, 7>();

  const auto a = random_tensor<Tensor<bfloat16, 3, 4, 50>>(1);
  const auto b = random_tensor<Tensor<bfloat16, 3, 50, 6>>(2);
  const Tensor<bfloat16, 3, 4, 6> each = vmap([](auto x, auto y) { return matmul(x, y); })(a, b);
  for (int n = 0; n < 3; ++n)
    for (int i = 0; i < 4; ++i)
      for (int j = 0; j < 6; ++j) {
        ExactSum e;
        for (int k = 0; k < 50; ++k) e.add(float(a(n, i, k)), float(b(n, k, j)));
        CHECK(is_rounded_once<bfloat16>(float(each(n, i, j)), e));
      }
}

TEST_CASE("convolutions of 16-bit floats and their gradients carry float32 sums, rounded once") {
  const auto weight = random_tensor<Tensor<bfloat16, 6, 4, 3, 3>>(1);
  const auto image = random_tensor<Tensor<bfloat16, 2, 4, 9, 11>>(2);
  const auto ct = random_tensor<Tensor<bfloat16, 2, 6, 7, 9>>(3);
  graph::Builder g;
  const auto w = graph::new_input<Sym<bfloat16, 6, 4, 3, 3>>(g);
  const auto x = graph::new_input<Sym<bfloat16, 2, 4, 9, 11>>(g);
  const auto c = graph::new_input<Sym<bfloat16, 2, 6, 7, 9>>(g);
  const auto y = conv2d(x, w);
  graph::List<int> wrt;
  wrt.push(x.id), wrt.push(w.id);
  const graph::List<int> d = transform::gradient(g, sum(cast<float>(y) * cast<float>(c)).id, wrt);
  g.outputs.push(y.id), g.outputs.push(d[0]), g.outputs.push(d[1]);
  int convolutions = 0;
  for (int i = 0; i < g.size(); ++i)
    if (g[i].op->kind == graph::Kind::kernel) {
      ++convolutions;
      CHECK((g[g.operands(i)[0]].dtype == Dtype::bfloat16 && g[i].dtype == Dtype::float32));
    }
  CHECK(convolutions == 3);
  std::vector<ExactSum> sums(2 * 6 * 7 * 9), of_image(2 * 4 * 9 * 11), of_weight(6 * 4 * 3 * 3);
  for (int n = 0; n < 2; ++n)
    for (int o = 0; o < 6; ++o)
      for (int i = 0; i < 7; ++i)
        for (int j = 0; j < 9; ++j)
          for (int k = 0; k < 4 * 3 * 3; ++k) {
            const int in = k / 9, p = k / 3 % 3, q = k % 3, at = ((n * 6 + o) * 7 + i) * 9 + j,
                      pixel = ((n * 4 + in) * 9 + i + p) * 11 + j + q, tap = o * 36 + k;
            const double a = float(image.data()[pixel]), b = float(weight.data()[tap]), t = float(ct.data()[at]);
            sums[std::size_t(at)].add(a, b);
            of_image[std::size_t(pixel)].add(t, b);
            of_weight[std::size_t(tap)].add(t, a);
          }
  const std::vector<reference::Array> in{array_of(weight), array_of(image), array_of(ct)};
  compile::Target as_it_is = cpu::run_time_target;
  as_it_is.expansion = nullptr;
  for (const auto& found : {support::execute(g, in, {}), support::execute(g, in, {}, cpu::run_time_target, nullptr, 1),
                            support::execute(g, in, {}, as_it_is)})
    for (std::size_t k = 0; k < 3; ++k) {
      const std::vector<ExactSum>& expected = k == 0 ? sums : k == 1 ? of_image : of_weight;
      for (std::size_t i = 0; i < expected.size(); ++i)
        CHECK(is_rounded_once<bfloat16>(found[k].get(std::ptrdiff_t(i)), expected[i]));
    }
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
    for (int j = 0; j < 5; ++j) {
      double sum = 0;
      for (int l = 0; l < 40; ++l) sum += double(float(p(1, l))) * double(float(q(l, j)));
      expected += 2 * sum * double(float(q(k, j)));
    }
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
  static_assert(halves.dtype == Dtype::float32 && operands_converted_from<Halves>(Dtype::bfloat16) == 2);
  static_assert(Halves::steps == 1 && Halves::arena_bytes == 0);
  using Rounded = Compiled<decltype(plain), Sym<bfloat16, 64, 512>, Sym<bfloat16, 512, 256>>;
  constexpr Micro rounded = sums_of<Rounded>();
  static_assert(rounded.dtype == Dtype::float32 && operands_converted_from<Rounded>(Dtype::bfloat16) == 2);
  static_assert(Rounded::steps == 1 && Rounded::arena_bytes == 0);
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
  const auto found = support::execute(g, {array_of(p), array_of(q)}, {});
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
