// Loops against the same steps one after the other: values, gradients, tangents and batches, in compiled programs, in
// graphs made at run time, and by the reference interpreter in double precision.
#include <doctest/doctest.h>
#include <sinter/backend/generic/executor.hpp>
#include <sinter/backend/reference/interpreter.hpp>
#include <sinter/sinter.hpp>

#include "../support/unrolled.hpp"

using namespace sinter;
using namespace sinter::internals;
using support::Scanned;
using support::Unrolled;

namespace {

template <int... E> constexpr auto floats = Sym<float, E...>{};

using Arrays = std::vector<reference::Array>;

Arrays random_inputs(const graph::Builder& g, double scale = 0.5) {
  Arrays inputs;
  const Philox random(Seed{7});
  std::uint64_t drawn = 0;
  for (const int i : g.inputs) {
    reference::Array a(g[i].dtype, g.shape(i));
    for (std::ptrdiff_t k = 0; k < a.shape.size(); ++k, ++drawn)
      a.set(k, is_floating(a.dtype) ? scale * double(random.normal(drawn)) : double(random.below(drawn, 4)));
    inputs.push_back(std::move(a));
  }
  return inputs;
}
void check_equal(const Arrays& a, const Arrays& b, double epsilon) {
  REQUIRE(a.size() == b.size());
  for (std::size_t o = 0; o < a.size(); ++o) {
    CAPTURE(o);
    REQUIRE(a[o].shape == b[o].shape);
    for (std::ptrdiff_t i = 0; i < a[o].shape.size(); ++i) {
      CAPTURE(i);
      CHECK(a[o].get(i) == doctest::Approx(b[o].get(i)).epsilon(epsilon).scale(1));
    }
  }
}
template <class T> reference::Array array_of(const T& tensor) {
  reference::Array a(dtype_of<typename T::element>, T::shape);
  std::memcpy(a.bytes.data(), tensor.data(), a.bytes.size());
  return a;
}
Arrays run_generic(const graph::Builder& g, const Arrays& inputs) {
  generic::Program program(g);
  std::vector<const void*> in;
  for (const auto& a : inputs) in.push_back(a.bytes.data());
  Arrays out;
  for (const int o : g.outputs) out.emplace_back(g[o].dtype, g.shape(o));
  std::vector<void*> to;
  for (auto& a : out) to.push_back(a.bytes.data());
  program.run(in, to);
  return out;
}
template <class F, class... S> Arrays run_compiled(F f, const Arrays& inputs, S...) {
  std::tuple<graph::tensor_of<S>...> tensors;
  std::size_t k = 0;
  std::apply([&](auto&... t) {
    ([&] { std::memcpy(t.data(), inputs[k].bytes.data(), inputs[k].bytes.size()), ++k; }(), ...);
  }, tensors);
  const auto result = std::apply([&](auto&... t) { return jit(f)(t...); }, tensors);
  Arrays out;
  if constexpr (requires { std::tuple_size<std::remove_cvref_t<decltype(result)>>::value; })
    std::apply([&](const auto&... t) { (out.push_back(array_of(t)), ...); }, result);
  else out.push_back(array_of(result));
  return out;
}

/// `make(how)` is the function with scan or with its steps one after the other.
constexpr double single = 2e-5;  // float32 next to double
template <class Make, class... S>
void check(const char* name, Make make, double epsilon, S... symbols) {
  CAPTURE(name);
  const auto f = make(Scanned{});
  const auto plain = make(Unrolled{});
  const graph::Builder loop = graph::FunctionTrace<std::remove_const_t<decltype(f)>, S...>{}(),
                       steps = graph::FunctionTrace<std::remove_const_t<decltype(plain)>, S...>{}();
  CHECK(loop.bodies.size() > 0);
  const Arrays inputs = random_inputs(loop);
  const Arrays expected = reference::Interpreter(steps, true).run(inputs);
  const Arrays found = reference::Interpreter(loop, true).run(inputs);
  check_equal(found, expected, 1e-10);
  check_equal(run_generic(loop, inputs), expected, epsilon);
  check_equal(run_compiled(f, inputs, symbols...), expected, epsilon);
}

constexpr auto cell = [](auto w) {
  return [=](auto c, auto x) {
    const auto n = tanh(matmul(c, w) + x);
    return std::pair{n, n * x + 1.f};
  };
};
template <class How> struct Rnn {
  constexpr auto operator()(auto x, auto w, auto xs) const { return How{}(cell(w), x, xs); }
};
template <class How> struct RnnLoss {
  constexpr auto operator()(auto x, auto w, auto xs) const {
    const auto [last, ys] = Rnn<How>{}(x, transpose(w) * 2.f, xs);
    return sum(last * last) + mean(ys * ys * ys);
  }
};
/// The loss of the gradient of a loss.
template <class How> struct Curvature {
  constexpr auto operator()(auto x, auto w, auto xs) const {
    const auto [a, b, c] = grad(RnnLoss<How>{}, wrt<0, 1, 2>)(x, w, xs);
    return sum(a * a) + sum(b * b * b) + sum(c * c);
  }
};
template <class How> struct Nested {
  constexpr auto operator()(auto x, auto w, auto xs) const {
    const auto outer = [&](auto c, auto rows) {
      const auto [last, ys] = How{}(cell(w), c, rows);
      return std::pair{last, sum(ys) * last};
    };
    const auto [last, ys] = How{}(outer, x, xs);
    return sum(last) + sum(ys * ys);
  }
};

/// A particle on a spring: a struct of symbols.
struct Particle {
  Sym<double, 3> at, speed;
};
constexpr auto leapfrog = [](Particle p) {
  constexpr double dt = 0.01;
  const auto half = p.speed - p.at * (dt / 2);
  const auto at = p.at + half * dt;
  return Particle{at, half - at * (dt / 2)};
};
struct Energy {
  constexpr auto operator()(auto at, auto speed) const {
    const Particle end = scan<1000>(leapfrog, Particle{at, speed});
    return std::tuple{end.at, end.speed};
  }
};

/// The square root by Newton's steps, as many as it takes.
struct Root {
  constexpr auto operator()(auto a) const {
    return while_loop([a](auto x) { return abs(x * x - a) > 1e-12; }, [a](auto x) { return (x + a / x) * 0.5; },
                      a * 0.5 + 0.5);
  }
};

constexpr Upto steps_upto_6(6, 'T');

}  // namespace

TEST_CASE("scan runs the steps one after the other") {
  check("rnn", []<class How>(How) { return Rnn<How>{}; }, single, floats<2, 3>, floats<3, 3>, floats<4, 2, 3>);
  check("one step", []<class How>(How) { return Rnn<How>{}; }, single, floats<2, 3>, floats<3, 3>, floats<1, 2, 3>);
}

TEST_CASE("scan: derivatives") {
  check("gradient", []<class How>(How) { return value_and_grad(RnnLoss<How>{}, wrt<0, 1, 2>); }, single,
        floats<2, 3>, floats<3, 3>, floats<4, 2, 3>);
  check("tangent", []<class How>(How) { return jvp(RnnLoss<How>{}); }, single, floats<2, 3>, floats<3, 3>,
        floats<4, 2, 3>,
        floats<2, 3>, floats<3, 3>, floats<4, 2, 3>);
  check("second", []<class How>(How) { return grad(Curvature<How>{}, wrt<0, 1, 2>); }, 2e-4, floats<2, 3>, floats<3, 3>,
        floats<4, 2, 3>);
  check("Hessian times a vector", []<class How>(How) {
    return [](auto x, auto w, auto xs, auto t) {
      const auto slope = [=](auto v) { return grad([=](auto u) { return RnnLoss<How>{}(x, u, xs); })(v); };
      return jvp(slope)(w, t);
    };
  }, single, floats<2, 3>, floats<3, 3>, floats<4, 2, 3>, floats<3, 3>);
}

TEST_CASE("scan: batches") {
  check("all", []<class How>(How) {
    return [](auto x, auto w, auto xs) { return vmap(Rnn<How>{})(x, w, xs); };
  }, single, floats<5, 2, 3>, floats<5, 3, 3>, floats<5, 4, 2, 3>);
  check("weights", []<class How>(How) {
    return [](auto x, auto w, auto xs) { return vmap(Rnn<How>{}, mapped<1>)(x, w, xs); };
  }, single, floats<2, 3>, floats<5, 3, 3>, floats<4, 2, 3>);
  check("gradient of each sample", []<class How>(How) {
    return [](auto x, auto w, auto xs) {
      return vmap(grad(RnnLoss<How>{}, wrt<0, 1>), mapped<0, 2>)(x, w, xs);
    };
  }, single, floats<5, 2, 3>, floats<3, 3>, floats<5, 4, 2, 3>);
}

TEST_CASE("scans within scans") {
  check("value", []<class How>(How) { return Nested<How>{}; }, single, floats<2, 3>, floats<3, 3>, floats<3, 4, 2, 3>);
  check("gradient", []<class How>(How) { return grad(Nested<How>{}, wrt<0, 1, 2>); }, single, floats<2, 3>,
        floats<3, 3>,
        floats<3, 4, 2, 3>);
  check("batch", []<class How>(How) {
    return [](auto x, auto w, auto xs) { return vmap(grad(Nested<How>{}), mapped<0>)(x, w, xs); };
  }, single, floats<2, 2, 3>, floats<3, 3>, floats<3, 4, 2, 3>);
}

TEST_CASE("for_loop hands out the number of the step") {
  static constexpr auto f = [](auto x, auto w) {
    return for_loop<6>([&](auto i, auto c) { return c * w + cast<float>(i); }, x);
  };
  const Tensor<float, 2> x{1, 2}, w{0.5f, -1};
  const Tensor<float, 2> y = jit(f)(x, w);
  float a = 1, b = 2;
  for (int i = 0; i < 6; ++i) a = a * 0.5f + float(i), b = -b + float(i);
  CHECK(y.data()[0] == a);
  CHECK(y.data()[1] == b);
  const auto [dx, dw] = grad([](auto u, auto v) { return sum(f(u, v)); }, wrt<0, 1>)(x, w);
  CHECK(dx.data()[0] == doctest::Approx(std::pow(0.5, 6)));
  CHECK(dx.data()[1] == 1);
  // d/dw of Σ wⁿ⁻ⁱ i, and of x w⁶
  double d = 0;
  for (int i = 0; i < 6; ++i) d += i * (5 - i) * std::pow(0.5, 4 - i);
  CHECK(dw.data()[0] == doctest::Approx(d + 6 * std::pow(0.5, 5)));
}

TEST_CASE("a thousand steps of a spring come back where mathematics says") {
  const Tensor<double, 3> at{1, 0, 2}, speed{0, 1, -1};
  const auto [x, v] = jit(Energy{})(at, speed);
  for (int i = 0; i < 3; ++i) {
    CHECK(x.data()[i] == doctest::Approx(at.data()[i] * std::cos(10.) + speed.data()[i] * std::sin(10.)).epsilon(1e-3));
    CHECK(v.data()[i] == doctest::Approx(speed.data()[i] * std::cos(10.) - at.data()[i] * std::sin(10.)).epsilon(1e-3));
  }
  // The map is linear: its gradient is its matrix, which conserves areas.
  const auto at_end = [](auto q, auto p) { return sum(std::get<0>(Energy{}(q, p))); };
  const auto speed_end = [](auto q, auto p) { return sum(std::get<1>(Energy{}(q, p))); };
  const auto [a, b] = grad(at_end, wrt<0, 1>)(at, speed);
  const auto [c, d] = grad(speed_end, wrt<0, 1>)(at, speed);
  for (int i = 0; i < 3; ++i) {
    CHECK(a.data()[i] * d.data()[i] - b.data()[i] * c.data()[i] == doctest::Approx(1).epsilon(1e-10));
    CHECK(a.data()[i] * at.data()[i] + b.data()[i] * speed.data()[i] == doctest::Approx(x.data()[i]).epsilon(1e-10));
  }
}

TEST_CASE("while_loop goes on until its condition is false") {
  const Tensor<double> two(2.0);
  const Tensor<double> root = jit(Root{})(two);
  CHECK(root.data()[0] == doctest::Approx(std::sqrt(2.0)).epsilon(1e-12));
  SUBCASE("in forward mode") {
    const auto [y, t] = jvp(Root{})(two, Tensor<double>(1.0));
    CHECK(y.data()[0] == root.data()[0]);
    CHECK(t.data()[0] == doctest::Approx(0.5 / std::sqrt(2.0)).epsilon(1e-9));
  }
  SUBCASE("of a batch each sample as long as it takes") {
    const Tensor<double, 4> many{1, 2, 1e6, 1e-6};
    const Tensor<double, 4> roots = vmap(Root{})(many);
    for (int i = 0; i < 4; ++i) {
      const Tensor<double> alone = jit(Root{})(Tensor<double>(many.data()[i]));
      CHECK(roots.data()[i] == alone.data()[0]);
    }
  }
  SUBCASE("of a batch without samples not at all") {
    const auto steps = [](auto xs) {
      return vmap([](auto x) {
        return while_loop([](auto c) { return c.first < 100.f; },
                          [](auto c) { return std::pair{c.first * 3.f, c.second + 1}; },
                          std::pair{x, cast<int>(x * 0.f)}).second;
      })(xs);
    };
    const graph::Builder g = graph::FunctionTrace<std::remove_const_t<decltype(steps)>, Sym<float, steps_upto_6>>{}();
    bool begins = true;
    graph::Builder with_condition = g;  // the last value that the loop carries
    int loop = -1;
    for (int i = 0; i < g.size(); ++i)
      if (g[i].op->kind == graph::Kind::loop) loop = i;  // the last one is that of all samples
    REQUIRE(loop >= 0);
    with_condition.outputs.push(g.operands(loop)[int(g.attributes(loop)[2]) - 1]);
    generic::Program program(with_condition);
    const float x[6]{1, 2, 200, 50, 99, 4};
    const int expected[6]{5, 4, 0, 1, 1, 3};
    int counts[6];
    program.run({x}, {counts, &begins}, {6});
    CHECK(begins);
    for (int i = 0; i < 6; ++i) CHECK(counts[i] == expected[i]);
    program.run({x}, {counts, &begins}, {0});
    CHECK(!begins);
  }
  SUBCASE("not begun, and bounded") {
    const auto count = [](auto x) {
      return while_loop<5>([](auto c) { return c < 100; }, [](auto c) { return c + 1; }, x);
    };
    CHECK(Tensor<int>(jit(count)(Tensor<int>(100))).data()[0] == 100);
    CHECK(Tensor<int>(jit(count)(Tensor<int>(98))).data()[0] == 100);
    CHECK(Tensor<int>(jit(count)(Tensor<int>(1))).data()[0] == 6);
  }
  SUBCASE("in graphs made at run time") {
    const graph::Builder g = graph::FunctionTrace<Root, Sym<double>>{}();
    const Arrays inputs = [&] {
      Arrays a = random_inputs(g);
      a[0].set(0, 3);
      return a;
    }();
    CHECK(run_generic(g, inputs)[0].get(0) == doctest::Approx(std::sqrt(3.0)).epsilon(1e-12));
    CHECK(reference::Interpreter(g).run(inputs)[0].get(0) == doctest::Approx(std::sqrt(3.0)).epsilon(1e-12));
  }
}

TEST_CASE("scan over a run-time length") {
  static constexpr auto f = [](auto x, auto xs) {
    const auto [last, ys] = scan([](auto c, auto v) {
      const auto n = c * 0.5f + v;
      return std::pair{n, n * n};
    }, x, xs);
    return std::tuple{last, ys};
  };
  const auto loss = [](auto x, auto xs) {
    const auto [last, ys] = f(x, xs);
    return sum(last) + sum(ys);
  };
  const Tensor<float, 2> x{1, -1};
  Tensor<float, steps_upto_6, 2> xs;
  const graph::Builder g =
      graph::FunctionTrace<std::remove_const_t<decltype(f)>, Sym<float, 2>, Sym<float, steps_upto_6, 2>>{}();
  generic::Program at_run_time(g);
  for (const int length : {0, 1, 4, 6}) {
    CAPTURE(length);
    xs.set_length('T', length);
    for (int i = 0; i < 12; ++i) xs.data()[i] = i < 2 * length ? float(i) * 0.25f : std::nanf("");
    const auto [last, ys] = jit(f)(x, xs);
    float c[2]{1, -1};
    for (int t = 0; t < length; ++t)
      for (int i = 0; i < 2; ++i) {
        c[i] = c[i] * 0.5f + xs.data()[2 * t + i];
        CHECK(ys.data()[2 * t + i] == doctest::Approx(c[i] * c[i]));
      }
    for (int i = 0; i < 2; ++i) CHECK(last.data()[i] == doctest::Approx(c[i]));
    std::array<float, 2> its_last{};
    std::array<float, 12> its_ys{};
    at_run_time.run({x.data(), xs.data()}, {its_last.data(), its_ys.data()}, {length});
    for (std::size_t i = 0; i < 2; ++i) CHECK(its_last[i] == last.data()[i]);
    for (std::size_t i = 0; i < std::size_t(2 * length); ++i) CHECK(its_ys[i] == ys.data()[i]);
    const auto [dx, dxs] = grad(loss, wrt<0, 1>)(x, xs);
    for (int i = 0; i < 2; ++i) {  // backwards by hand
      double d = 1, value[6], before = x.data()[i];
      for (int t = 0; t < length; ++t) before = value[t] = before * 0.5 + xs.data()[2 * t + i];
      for (int t = length - 1; t >= 0; --t) {
        d += 2 * value[t];
        CHECK(dxs.data()[2 * t + i] == doctest::Approx(d));
        d *= 0.5;
      }
      CHECK(dx.data()[i] == doctest::Approx(d));
    }
  }
}

TEST_CASE("scan: what is carried and stacked") {
  SUBCASE("tuples, integers and masks") {
    const auto f = [](auto x, auto xs, auto ks) {
      const auto [last, ys] = scan([](auto c, auto each) {
        const auto [value, count, any] = c;
        const auto [v, k] = each;
        return std::pair{std::tuple{value + v, count + k, any || (v > 2.5f)}, std::tuple{count * 2, value}};
      }, std::tuple{x, 7, x > 100.f}, std::tuple{xs, ks});
      return std::tuple_cat(last, ys);
    };
    const auto [value, count, any, twice, before] = jit(f)(Tensor<float>(0.5f), Tensor<float, 3>{1, 2, 3},
                                                           Tensor<int, 3>{4, 5, 6});
    CHECK(value.data()[0] == 6.5f);
    CHECK(count.data()[0] == 22);  // as a plain 7, an int64
    CHECK(any.data()[0]);
    CHECK(allclose(twice, Tensor<std::int64_t, 3>{14, 22, 32}));
    CHECK(allclose(before, Tensor<float, 3>{0.5f, 1.5f, 3.5f}));
  }
  SUBCASE("numbers and tensors, without jit") {
    const Tensor<float, 4> xs{1, 2, 3, 4};
    const auto add = [](auto c, auto x) { return c + x; };
    const Tensor<float> total = scan(add, 0.f, xs);
    CHECK(total.data()[0] == 10);
  }
  SUBCASE("backwards in time") {
    const auto f = [](auto xs) {
      const auto [last, ys] = scan([](auto c, auto x) { return std::pair{c + x, c + x}; }, 0.f, flip<0>(xs));
      return flip<0>(ys);
    };
    CHECK(allclose(jit(f)(Tensor<float, 4>{1, 2, 3, 4}), Tensor<float, 4>{10, 9, 7, 4}));
  }
  SUBCASE("values that change places, and one that stays") {
    const auto f = [](auto a, auto b, auto c) {
      return scan<5>([](auto all) {
        const auto [x, y, z] = all;
        return std::tuple{y, x + z, z};
      }, std::tuple{a, b, c});
    };
    const auto [a, b, c] = jit(f)(Tensor<int>(1), Tensor<int>(2), Tensor<int>(10));
    int x = 1, y = 2;
    for (int i = 0; i < 5; ++i) {
      const int t = x;
      x = y;
      y = t + 10;
    }
    CHECK(a.data()[0] == x);
    CHECK(b.data()[0] == y);
    CHECK(c.data()[0] == 10);
  }
  SUBCASE("nothing: steps that carry nothing that is read") {
    const auto f = [](auto xs, auto w) {
      const auto [last, ys] = scan([&](auto c, auto x) { return std::pair{c, matmul(x, w)}; }, 0.f, xs);
      return sum(ys * ys);
    };
    const auto plain = [](auto xs, auto w) {
      const auto y = matmul(xs, w);
      return sum(y * y);
    };
    Tensor<float, 3, 2, 2> xs;
    for (int i = 0; i < 12; ++i) xs.data()[i] = float(i) * 0.1f;
    const Tensor<float, 2, 2> w{{1, 2}, {3, -1}};
    const auto [a, b] = grad(f, wrt<0, 1>)(xs, w);
    const auto [c, d] = grad(plain, wrt<0, 1>)(xs, w);
    CHECK(allclose(a, c));
    CHECK(allclose(b, d));
  }
}

TEST_CASE("scan within a checkpoint stores its values in the backward pass") {
  const auto f = [](auto x, auto w, auto xs) {
    return checkpoint([](auto a, auto b, auto c) { return RnnLoss<Scanned>{}(a, b, c); }, x, w, xs);
  };
  const Tensor<float, 2, 3> x{{.1f, .2f, .3f}, {.4f, .5f, .6f}};
  const Tensor<float, 3, 3> w{{.1f, .2f, .3f}, {.4f, .5f, .6f}, {.7f, -.8f, .9f}};
  Tensor<float, 4, 2, 3> xs;
  for (int i = 0; i < 24; ++i) xs.data()[i] = float(i % 5) * 0.1f;
  const auto [a, b, c] = grad(f, wrt<0, 1, 2>)(x, w, xs);
  const auto [d, e, g] = grad(RnnLoss<Scanned>{}, wrt<0, 1, 2>)(x, w, xs);
  CHECK(allclose(a, d));
  CHECK(allclose(b, e));
  CHECK(allclose(c, g));
}

TEST_CASE("gradients and checkpoints within a step") {
  SUBCASE("descent, and how its end depends on its beginning") {
    static constexpr auto descend = [](auto x, auto curvature) {
      return scan<6>([=](auto w) {
        return w - 0.1 * grad([=](auto v) { return sum(curvature * v * v) * 0.5; })(w);
      }, x);
    };
    const Tensor<double, 2> x{1, -2}, a{0.5, 3};
    const auto [y, dx, da] = value_and_grad([](auto u, auto c) { return sum(descend(u, c)); }, wrt<0, 1>)(x, a);
    double sum_of_ends = 0;
    for (int i = 0; i < 2; ++i) {
      const double factor = 1 - 0.1 * a.data()[i];
      sum_of_ends += x.data()[i] * std::pow(factor, 6);
      CHECK(dx.data()[i] == doctest::Approx(std::pow(factor, 6)));
      CHECK(da.data()[i] == doctest::Approx(-0.6 * x.data()[i] * std::pow(factor, 5)));
    }
    CHECK(y.data()[0] == doctest::Approx(sum_of_ends));
  }
  SUBCASE("a step that is a checkpoint") {
    static constexpr auto f = []<class Mark>(Mark mark, auto x, auto w) {
      return sum(scan<4>([&](auto c) { return mark([](auto a, auto b) { return sin(a * b) + a; }, c, w); }, x));
    };
    constexpr auto marked = [](auto x, auto w) {
      return f([](auto g, auto... a) { return checkpoint(g, a...); }, x, w);
    };
    constexpr auto plain = [](auto x, auto w) { return f([](auto g, auto... a) { return g(a...); }, x, w); };
    const Tensor<float, 3> x{1, 2, 3}, w{.5f, -.5f, .1f};
    const auto [a, b] = grad(marked, wrt<0, 1>)(x, w);
    const auto [c, d] = grad(plain, wrt<0, 1>)(x, w);
    CHECK(allclose(a, c));
    CHECK(allclose(b, d));
  }
}

TEST_CASE("what 16-bit weights get from many steps is summed in float32") {
  constexpr auto f = [](auto w, auto xs) {
    return scan([&](auto c, auto x) { return c + cast<float>(w * x); }, cast<float>(w) * 0.f, xs);
  };
  const Tensor<bfloat16> w(bfloat16(1.f));
  Tensor<bfloat16, 1000> xs;
  for (int i = 0; i < 1000; ++i) xs.data()[i] = bfloat16(1.f);
  CHECK(float(grad(f)(w, xs).data()[0]) == 1000);  // in bfloat16 the sum would end at 256
}

TEST_CASE("scan in graphs whose shapes are known at run time") {
  graph::Builder g;
  const graph::Value x{&g, g.input(Dtype::float32, shape_of<3>)}, xs{&g, g.input(Dtype::float32, shape_of<5, 3>)};
  const auto [last, ys] = scan([](auto c, auto v) { return std::pair{c * 0.5 + v, c}; }, x, xs);
  g.outputs.push(last.id);
  g.outputs.push(ys.id);
  const Arrays inputs = random_inputs(g), found = run_generic(g, inputs);
  check_equal(found, reference::Interpreter(g, true).run(inputs), single);
  for (int i = 0; i < 3; ++i) {
    double c = inputs[0].get(i);
    for (int t = 0; t < 5; ++t) {
      CHECK(found[1].get(3 * t + i) == doctest::Approx(c));
      c = c * 0.5 + inputs[1].get(3 * t + i);
    }
    CHECK(found[0].get(i) == doctest::Approx(c));
  }
  CHECK_THROWS_WITH_AS(scan([](auto c, auto) { return graph::Value(sum(c)); }, x, xs),
                       doctest::Contains("expected the next carried value to be float32(3), found float32()"), Error);
}

TEST_CASE("scan of typed values over steps whose number is known when the graph is made") {
  graph::Builder g;
  const graph::Value x{&g, g.input(Dtype::float32, shape_of<3>)}, xs{&g, g.input(Dtype::float32, shape_of<5, 3>)};
  const auto step = [](Sym<float, 3> c, graph::Value v) { return std::pair{Sym<float, 3>(c * 0.5 + v), c * 2.f}; };
  const auto [last, ys] = scan(step, Sym<float, 3>(x), xs);
  static_assert(std::is_same_v<decltype(last), const Sym<float, 3>>);
  static_assert(std::is_same_v<decltype(ys), const graph::Value>);  // no type says how many it stacks
  CHECK(ys.extents() == shape_of<5, 3>);
  g.outputs.push(last.id);
  g.outputs.push(ys.id);
  const Arrays inputs = random_inputs(g), found = run_generic(g, inputs);
  for (int i = 0; i < 3; ++i) {
    double c = inputs[0].get(i);
    for (int t = 0; t < 5; ++t) {
      CHECK(found[1].get(3 * t + i) == doctest::Approx(2 * c));
      c = c * 0.5 + inputs[1].get(3 * t + i);
    }
    CHECK(found[0].get(i) == doctest::Approx(c));
  }
}

TEST_CASE("what all steps share is computed once before the loop, and a loop's length costs nothing to compile") {
  const auto compiled = []<int Steps>(std::integral_constant<int, Steps>) {
    const graph::Builder g =
        graph::FunctionTrace<Rnn<Scanned>, Sym<float, 32, 64>, Sym<float, 64, 64>, Sym<float, Steps, 32, 64>>{}();
    return compile::compile(g, 0, cpu::target).run;
  };
  const compile::Plan few = compiled(std::integral_constant<int, 10>{}),
                      many = compiled(std::integral_constant<int, 1000>{});
  CHECK(few.steps == 2);  // the weights are packed, and the loop
  CHECK(few.bodies[0].scratch_bytes < 64 * 64 * 4);
  CHECK(many.steps == few.steps);
  CHECK(many.words.size() == few.words.size());
  CHECK(many.table.size() == few.table.size());
  CHECK(many.bodies[0].steps == few.bodies[0].steps);
}
