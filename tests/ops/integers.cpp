// Integers of every type at the ends of their ranges: as run-time graphs, by the interpreter, and some as statements.
// Expected values are in reference/integers.txt, written by PyTorch and NumPy; 64-bit numbers are compared exactly.
#include <doctest/doctest.h>
#include <sinter/sinter.hpp>

#include <cinttypes>
#include <fstream>
#include <map>
#include <sstream>

#include "../support/execute.hpp"

using namespace sinter;
using namespace sinter::internals;

namespace {

struct Numbers {
  std::string shape, dtype;
  std::vector<std::string> text;
};

const Numbers& numbers(const std::string& name) {
  static const auto all = [] {
    std::map<std::string, Numbers> read;
    std::ifstream file(SINTER_TESTS "/reference/integers.txt");
    for (std::string line; std::getline(file, line);) {
      std::istringstream in(line);
      std::string key;
      in >> key;
      Numbers& n = read[key];
      in >> n.shape >> n.dtype;
      for (std::string x; in >> x;) n.text.push_back(x);
    }
    return read;
  }();
  const auto found = all.find(name);
  REQUIRE_MESSAGE(found != all.end(), "no numbers " << name);
  return found->second;
}
template <class T> T number(const std::string& text) {
  if constexpr (is_floating(dtype_of<T>)) return static_cast<T>(std::strtod(text.c_str(), nullptr));
  else if (text[0] == '-') return static_cast<T>(std::strtoll(text.c_str(), nullptr, 10));
  else return static_cast<T>(std::strtoull(text.c_str(), nullptr, 10));
}

std::string name(Dtype d) { return std::string(name_of(d)); }

template <class X> X tensor(const std::string& key) {
  const Numbers& n = numbers(key);
  REQUIRE(n.dtype == name_of(dtype_of<typename X::element>));
  REQUIRE(n.text.size() == std::size_t(X::size()));
  X x(uninitialized);
  for (std::size_t i = 0; i < n.text.size(); ++i) x.data()[i] = number<typename X::element>(n.text[i]);
  return x;
}
reference::Array array(const std::string& key, Dtype d) {
  const Numbers& n = numbers(key);
  Shape s;
  std::istringstream extents(n.shape.substr(1));
  for (std::string e; std::getline(extents, e, ',');) s.push(std::stoi(e));
  reference::Array a(d, s);
  with_element_type(d, [&]<class T>(T) {
    for (std::size_t i = 0; i < n.text.size(); ++i)
      *reinterpret_cast<T*>(a.at(std::ptrdiff_t(i))) = number<T>(n.text[i]);
  });
  return a;
}

template <class T> void check_elements(const T* found, const Numbers& expected, const std::string& how) {
  CAPTURE(how);
  REQUIRE(expected.dtype == name_of(dtype_of<T>));
  for (std::size_t i = 0; i < expected.text.size(); ++i)
    if (!(found[i] == number<T>(expected.text[i])))
      FAIL_CHECK("element " << i << ": expected " << expected.text[i] << ", found "
                            << tensor_detail::element_text(found[i]));
}

/// Element types of which functions are run as statements too: each has registers of its own.
template <class... X> inline constexpr bool as_statement = ((computed_as(X::symbol::dtype) == X::symbol::dtype &&
                                                             !is_signed(X::symbol::dtype)) && ...);

/// f as a statement of these tensors, as a run-time graph and by the interpreter.
template <class F, class... X> void check(const std::string& result, F f, const X&... x) {
  CAPTURE(result);
  const Numbers& expected = numbers(result);
  if constexpr (as_statement<X...>) check_elements(eval(f(x...)).data(), expected, "statement");
  graph::Builder g;
  const std::tuple<typename X::symbol...> symbols{graph::new_input<typename X::symbol>(g)...};
  const auto y = std::apply(f, symbols);
  g.outputs.push(y.id);
  std::vector<reference::Array> in;
  ([&] {
    in.emplace_back(dtype_of<typename X::element>, X::shape);
    std::memcpy(in.back().bytes.data(), x.data(), in.back().bytes.size());
  }(), ...);
  using Y = typename std::remove_const_t<decltype(y)>::element;
  const auto fused = support::execute(g, in, {}), plain = reference::Interpreter(g).run(in);
  check_elements(reinterpret_cast<const Y*>(fused[0].bytes.data()), expected, "run-time graph");
  check_elements(reinterpret_cast<const Y*>(plain[0].bytes.data()), expected, "interpreter");
}

template <class T> void check_functions() {
  const std::string t = name(dtype_of<T>) + ".";
  using X = Tensor<T, 169>;
  const X a = tensor<X>(t + "a"), b = tensor<X>(t + "b"), divisor = tensor<X>(t + "divisor");
  check(t + "add", [](auto x, auto y) { return x + y; }, a, b);
  check(t + "sub", [](auto x, auto y) { return x - y; }, a, b);
  check(t + "mul", [](auto x, auto y) { return x * y; }, a, b);
  check(t + "div", [](auto x, auto y) { return x / y; }, a, divisor);
  check(t + "remainder", [](auto x, auto y) { return remainder(x, y); }, a, divisor);
  check(t + "maximum", [](auto x, auto y) { return maximum(x, y); }, a, b);
  check(t + "minimum", [](auto x, auto y) { return minimum(x, y); }, a, b);
  check(t + "less", [](auto x, auto y) { return x < y; }, a, b);
  check(t + "at_least", [](auto x, auto y) { return x >= y; }, a, b);
  check(t + "equal", [](auto x, auto y) { return x == y; }, a, b);
  check(t + "neg", [](auto x) { return -x; }, a);
  check(t + "abs", [](auto x) { return abs(x); }, a);
  check(t + "sign", [](auto x) { return sign(x); }, a);
}
template <class T> void check_rows() {
  const std::string t = name(dtype_of<T>) + ".";
  using Rows = Tensor<T, 13, 11>;
  const Rows rows = tensor<Rows>(t + "rows");
  check(t + "sum", [](auto x) { return sum<1>(x); }, rows);
  check(t + "prod", [](auto x) { return prod<1>(x); }, rows);
  check(t + "cumsum", [](auto x) { return cumsum<1>(x); }, rows);
  check(t + "mean", [](auto x) { return mean<1>(x); }, rows);
  check(t + "amax", [](auto x) { return amax<1>(x); }, rows);
  check(t + "amin", [](auto x) { return amin<1>(x); }, rows);
  check(t + "argmax", [](auto x) { return argmax<1>(x); }, rows);
}

}  // namespace

TEST_CASE("integers of every type at the ends of their ranges: functions of elements") {
  for_each_dtype([]<Dtype D>() {
    if constexpr (is_integer(D)) check_functions<element_type<D>>();
  });
}
TEST_CASE("integers of every type at the ends of their ranges: sums, products, extrema") {
  for_each_dtype([]<Dtype D>() {
    if constexpr (is_integer(D)) check_rows<element_type<D>>();
  });
}

TEST_CASE("numbers of every type convert to every other as in PyTorch: one element, registers, run-time graphs") {
  for_each_dtype([]<Dtype A>() {
    for_each_dtype([]<Dtype B>() {
      using From = element_type<A>;
      using To = element_type<B>;
      const std::string in = name(A) + (is_floating(A) && is_integer(B) ? ".in." + name(B) : ".numbers"),
                        result = name(A) + ".to." + name(B);
      CAPTURE(result);
      const reference::Array x = array(in, A);
      const Numbers& expected = numbers(result);
      const auto n = std::size_t(x.shape.size());
      std::vector<To> one(n);
      const auto* const from = reinterpret_cast<const From*>(x.bytes.data());
      for (std::size_t i = 0; i < n; ++i) one[i] = ops::convert<To>(ops::Lanes<From, 1>(from[i])).v;
      for (std::size_t i = 0; i < n; ++i)
        if (!(one[i] == number<To>(expected.text[i]))) FAIL_CHECK("one element: " << expected.text[i]);
#if SINTER_SIMD
      constexpr int N = cpu::lanes;
      for (std::size_t i = 0; i < n; ++i) {
        From all[N];
        To to[N];
        for (int k = 0; k < N; ++k) all[k] = from[(i + std::size_t(k)) % n];
        ops::convert<To>(ops::Lanes<From, N>::load(all)).store(to);
        for (int k = 0; k < N; ++k)
          if (!(to[k] == number<To>(expected.text[(i + std::size_t(k)) % n])))
            FAIL_CHECK("register: " << expected.text[(i + std::size_t(k)) % n]);
      }
#endif
      graph::Builder g;
      g.outputs.push(graph::cast_to(graph::Value{&g, g.input(A, x.shape)}, B).id);
      const auto fused = support::execute(g, {x}, {}), plain = reference::Interpreter(g).run({x});
      check_elements(reinterpret_cast<const To*>(fused[0].bytes.data()), expected, "run-time graph");
      check_elements(reinterpret_cast<const To*>(plain[0].bytes.data()), expected, "interpreter");
    });
  });
}

TEST_CASE("what no integer holds converts as processors do it, in registers as alone") {
  for (const double x : {double(NAN), 1e300, -1e300, 4e9, -4e9, 1e10, 3e19, -3e19, 70000.0, -5.0, 300.0}) {
    CAPTURE(x);
    for_each_dtype([&]<Dtype D>() {
      using T = element_type<D>;
      if constexpr (is_integer(D)) {
        [[maybe_unused]] const T alone = ops::convert<T>(ops::Lanes<double, 1>(x)).v;
#if SINTER_SIMD
        CHECK(ops::convert<T>(ops::Lanes<double, cpu::lanes>(x)).first() == alone);
        const auto single = ops::convert<T>(ops::Lanes<float, 1>(float(x))).v;
        CHECK(ops::convert<T>(ops::Lanes<float, cpu::lanes>(float(x))).first() == single);
#endif
      }
    });
  }
  CHECK(ops::converted<std::uint32_t>(-1.0) == 4294967295u);
  CHECK(ops::converted<std::uint64_t>(-1.0) == 18446744073709551615u);
  CHECK(ops::converted<std::int16_t>(40000.0) == -25536);
  CHECK(ops::converted<std::uint32_t>(double(NAN)) == 0);
}

TEST_CASE("numbers that a traced function makes are computed as integers are") {
  // expected: torch, of tensors with these elements
  const Tensor<int, 3> x{10, 20, 30};
  const auto check = [&](const auto& result, int least) {
    for (int i = 0; i < 3; ++i) CHECK(result.data()[i] == least + 10 * i);
  };
  check(jit([](auto a) { return a + cast<int>(numel(a) / 2.f) * 2; })(x), 12);
  check(jit([](auto a) { return a + cast<int>(numel(a)) / 2 * 2; })(x), 12);
  check(jit([](auto a) { return a + cast<int>(cast<bool>(numel(a))); })(x), 11);
  check(jit([](auto a) { return a + cast<int>(cast<std::uint8_t>(numel(a) * 100.f)); })(x), 54);
  check(jit([](auto a) { return a + cast<int>(numel(a)) * 2000000000; })(x), 1705032714);
  const Tensor<std::uint32_t, 2> u{0u, 5u};
  const Tensor<std::uint32_t, 2> less = jit([](auto a) { return a + -cast<std::uint32_t>(numel(a)); })(u);
  CHECK((less(0) == 4294967294u && less(1) == 3));
}

TEST_CASE("integers of new types print, index, gather, scatter and multiply") {
  const Tensor<std::uint64_t, 2> large{18446744073709551615u, 7};
  CHECK(to_string(large) == "[18446744073709551615, 7]");
  const Tensor<std::int16_t, 2> small{-32768, 7};
  CHECK(to_string(small) == "[-32768, 7]");

  const Tensor<float, 3, 2> table{{1, 2}, {3, 4}, {5, 6}};
  for_each_dtype([&]<Dtype D>() {
    if constexpr (is_integer(D)) {
      using T = element_type<D>;
      CAPTURE(name_of(D));
      const Tensor<T, 2> ids{T(2), T(0)};
      const Tensor<float, 2, 2> rows = embedding(table, ids);
      CHECK((rows(0, 0) == 5 && rows(1, 1) == 2));
      const Tensor<T, 3, 1> column{{T(1)}, {T(0)}, {T(1)}};
      const Tensor<float, 3, 1> gathered = gather<1>(table, column);
      CHECK((gathered(0, 0) == 2 && gathered(1, 0) == 3 && gathered(2, 0) == 6));
      const Tensor<T, 2> zero{}, ones{T(1), T(1)};
      const Tensor<T, 2> counts = scatter_add<0>(zero, ids / T(2), ones);
      CHECK((counts(0) == T(1) && counts(1) == T(1)));
      const Tensor<T, 2, 2> m{{T(1), T(2)}, {T(3), T(4)}};
      const auto product = eval(matmul(m, m));
      static_assert(decltype(product)::symbol::dtype == computed_as(D));
      CHECK((product(0, 0) == 7 && product(1, 1) == 22));
      CHECK_THROWS_AS(eval(embedding(table, ids + T(7))), Error);
    }
  });
}

TEST_CASE_TEMPLATE("where keeps the dtype of what it selects, as torch.where", T, bool, std::int8_t, std::uint8_t,
                   std::int16_t, float16) {
  Tensor<T, 37> a, b;
  Tensor<bool, 37> mask;
  for (int i = 0; i < 37; ++i) {
    a(i) = T(i % 5 == 0);
    b(i) = T(i % 3 == 0);
    mask(i) = i % 2 == 0;
  }
  const auto r = eval(where(mask, a, b));
  static_assert(std::is_same_v<typename decltype(r)::element, T>);
  for (int i = 0; i < 37; ++i) CHECK(r(i) == (mask(i) ? a(i) : b(i)));
}
