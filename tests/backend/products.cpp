// The matrix products of contractions, (M, K) × (K, N) → (M, N), called as a kernel calls them: every operand layout
// against sums of integers, which are exact in float, on one thread and on several, within the declared scratch.
#include <doctest/doctest.h>
#include <sinter/sinter.hpp>

#include <vector>

using namespace sinter;

namespace {

// which operands are transposed: contiguous along M or N instead of the contracted axis
enum Transposed { none = 0, left = 1, right = 2 };

cpu::Nest one_loop(std::int64_t extent, std::int64_t stride) {
  cpu::Nest nest;
  nest.add(extent, stride);
  return nest;
}

/// c = a · b, (m, k) × (k, n) → (m, n); `stride` is the minimum stride of an operand's lines.
template <class T> struct Product {
  static constexpr std::size_t guard = 256;
  std::int64_t m, n, k, left_line, right_line;
  int transposed;
  std::vector<T> a, b, c;
  std::vector<std::byte> scratch;

  Product(std::int64_t rows, std::int64_t columns, std::int64_t inner, int how, std::int64_t stride = 0)
      : m(rows),
        n(columns),
        k(inner),
        left_line(std::max(stride, how & left ? m : k)),
        right_line(std::max(stride, how & right ? k : n)),
        transposed(how) {
    const auto numbers = [](std::int64_t count, std::uint64_t stream) {
      const Philox random(Seed{1}, stream);
      std::vector<T> x;
      for (std::int64_t i = 0; i < count; ++i) x.push_back(T(int(random.below(std::uint64_t(i), 17)) - 8));
      return x;
    };
    a = numbers((how & left ? k : m) * left_line, 0), b = numbers((how & right ? n : k) * right_line, 1);
    scratch.assign(std::size_t(cpu::pack_bytes_of<T>(m, n, k)) + guard + 64, std::byte{77});
  }
  T left_at(std::int64_t i, std::int64_t q) const {
    return a[std::size_t(transposed & left ? q * left_line + i : i * left_line + q)];
  }
  T right_at(std::int64_t q, std::int64_t j) const {
    return b[std::size_t(transposed & right ? j * right_line + q : q * right_line + j)];
  }

  const std::vector<T>& run(int threads) {
    c.assign(std::size_t(m * n), T(-1));
    const auto finish = [](const void* self, const T* tile, std::int64_t ld, std::int64_t row, int rows,
                           std::int64_t column, int columns) {
      auto& p = *static_cast<Product*>(const_cast<void*>(self));
      for (int i = 0; i < rows; ++i)
        for (int j = 0; j < columns; ++j) p.c[std::size_t((row + i) * p.n + column + j)] = tile[i * ld + j];
    };
    auto* const aligned =
        reinterpret_cast<std::byte*>((reinterpret_cast<std::uintptr_t>(scratch.data()) + 63) / 64 * 64);
    const cpu::ProductOperand<T> x{a.data(), one_loop(m, transposed & left ? 1 : left_line),
                                       one_loop(k, transposed & left ? left_line : 1)},
        y{b.data(), one_loop(n, transposed & right ? right_line : 1), one_loop(k, transposed & right ? 1 : right_line)};
    cpu::sum_products<T>(
        {x, y, cpu::ProductMethod<T>::of(x.shape(), y.shape()), aligned, threads, finish, this});
    for (std::size_t i = 0; i < guard; ++i)
      CHECK(aligned[std::size_t(cpu::pack_bytes_of<T>(m, n, k)) + i] == std::byte{77});
    return c;
  }
  std::int64_t wrong() const {
    std::int64_t count = 0;
    for (std::int64_t i = 0; i < m; ++i)
      for (std::int64_t j = 0; j < n; ++j) {
        std::int64_t sum = 0;
        for (std::int64_t q = 0; q < k; ++q) sum += std::int64_t(left_at(i, q)) * std::int64_t(right_at(q, j));
        count += c[std::size_t(i * n + j)] != T(sum) ? 1 : 0;
      }
    return count;
  }
  void check() {
    CAPTURE(m);
    CAPTURE(n);
    CAPTURE(k);
    CAPTURE(transposed);
    run(1);
    CHECK(wrong() == 0);
    const std::vector<T> alone = c;
    CHECK(run(3) == alone);
  }
};

template <class T>
void check_all(std::initializer_list<int> rows, std::initializer_list<int> columns, std::initializer_list<int> inner) {
  for (const int m : rows)
    for (const int n : columns)
      for (const int k : inner)
        for (const int transposed : {0, 1, 2, 3}) Product<T>(m, n, k, transposed).check();
}

/// Compares what the compiler's passes expect of row-major operands with what products of these sizes do. Counts the
/// answers: the left operand in place and packed, then the right one.
template <class T>
void compare_forms(std::int64_t m, std::int64_t n, std::int64_t k, std::int64_t gap, int (&count)[4]) {
  const auto method = cpu::ProductMethod<T>::of({one_loop(m, k + gap), one_loop(k, 1)},
                                                {one_loop(n, 1), one_loop(k, n)});
  if (method.sums != cpu::ContractMethod::Sums::tiles) return;
  CAPTURE(m);
  CAPTURE(n);
  CAPTURE(k);
  CAPTURE(gap);
  internals::compile::OperandLines left{.is_left = true,
                                        .has_lines = true,
                                        .has_inner = true,
                                        .bytes = int(sizeof(T)),
                                        .sums = dtype_of<T>,
                                        .lines = m,
                                        .line_stride = k + gap,
                                        .inner_stride = 1,
                                        .depth = k,
                                        .opposite = n},
      right = left;
  right.is_left = false;
  right.lines = n, right.line_stride = 1, right.inner_stride = n, right.opposite = m;
  CHECK(cpu::reads_in_place(left) == method.left_in_place);
  CHECK(cpu::reads_in_place(right) == method.right_in_place);
  ++count[method.left_in_place ? 0 : 1];
  ++count[method.right_in_place ? 2 : 3];
}
template <class T> void compare_forms() {
  int count[4]{};
  for (const int m : {5, 13, 32, 33, 48, 49, 84, 85, 96, 97, 112, 113, 200})
    for (const int n : {20, 24, 36, 40, 48, 96, 104})
      for (const int k : {16, 100, 1024, 8192, 8193})
        for (const int gap : {0, 8, 64}) compare_forms<T>(m, n, k, gap, count);
  for (const int c : count) CHECK(c > 0);
}

}  // namespace

TEST_CASE("the compiler expects operands to be read in place where products read them so") {
  compare_forms<float>();
  compare_forms<double>();
  compare_forms<std::int32_t>();
}
TEST_CASE("products of any few rows and columns") {
  check_all<float>({1, 2, 3, 4, 5, 8, 16, 17}, {1, 2, 5, 16, 40, 130}, {1, 7, 64, 259});
  check_all<double>({1, 4, 9}, {1, 3, 70}, {33, 130});
  check_all<std::int32_t>({1, 4, 9}, {1, 3, 70}, {33, 130});
}
TEST_CASE("products whose strips and blocks end in the middle") {
  check_all<float>({1, 3}, {1025, 2100}, {70});
  check_all<float>({70}, {90}, {2049, 300});
}
TEST_CASE("threads share long sums, and every number of them finds the same") {
  check_all<float>({1, 5, 33}, {1, 8, 45}, {8192, 20001});
  Product<float> p(33, 45, 20001, none);  // with sums that are rounded
  for (float& x : p.a) x *= 0.1f;
  const std::vector<float> alone = p.run(1);
  for (const int threads : {2, 3, 4, 7}) CHECK(p.run(threads) == alone);
}
TEST_CASE("products without rows, columns or terms") {
  check_all<float>({0, 1, 20}, {0, 1, 20}, {0, 100, 9000});
}
TEST_CASE("lines whose addresses coincide are read right") {
  for (const int stride : {1020, 1023, 1024, 1025, 1028, 512, 514}) {
    Product<float>(40, 50, 300, none, stride).check();
    Product<float>(30, 200, 100, right, stride).check();
  }
}
