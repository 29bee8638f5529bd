// Convolutions, pools and their gradients as primitives: their plain loops, which a backend without forms of its own
// runs, against the definition; what a CPU expands them to against these loops; and both under vmap.
#include <doctest/doctest.h>
#include <sinter/backend/reference/interpreter.hpp>
#include <sinter/sinter.hpp>

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "../support/execute.hpp"

using namespace sinter;
using namespace sinter::internals;
using graph::Builder;
using graph::Value;
using ops::ConvolutionTensor;
using ops::Geometry;
using ops::PoolGeometry;

namespace {

Shape shape_from(const std::vector<int>& extents) {
  Shape s;
  for (const int n : extents) s.push(n);
  return s;
}
Shape with_axis(int n, char symbol, const Shape& s) {
  Shape to;
  to.push(n, symbol);
  for (int i = 0; i < s.rank; ++i) to.push(s[i], s.symbol(i));
  return to;
}
std::vector<reference::Array> numbers(const Builder& g) {
  std::vector<reference::Array> all;
  const Philox random(Seed{5});
  std::uint64_t drawn = 0;
  for (const int i : g.inputs) {
    reference::Array a(g[i].dtype, g.shape(i));
    // multiples of a half: ties are among them
    for (std::ptrdiff_t k = 0; k < a.shape.size(); ++k) a.set(k, std::round(3 * double(random.normal(drawn++))) / 2);
    all.push_back(std::move(a));
  }
  return all;
}
/// The number of live nodes that have kernels of their own.
int kernels(const Builder& g) {
  std::vector<char> live(std::size_t(g.size()), 0);
  for (const int o : g.outputs) live[std::size_t(o)] = 1;
  int n = 0;
  for (int i = g.size() - 1; i >= 0; --i) {
    if (live[std::size_t(i)] == 0) continue;
    n += g[i].op->kind == graph::Kind::kernel ? 1 : 0;
    for (int k = 0; k < compile::operands_of(g, i); ++k) live[std::size_t(g.operands(i)[k])] = 1;
  }
  return n;
}
/// The plain loops of a graph, the primitives that the CPU makes of it, and its program agree.
void check_forms(const Builder& g, const reference::Lengths& lengths = {}) {
  CHECK(kernels(g) > 0);
  Builder forms;
  REQUIRE(compile::expand(g, cpu::target, forms));
  CHECK(kernels(forms) == 0);
  const auto inputs = numbers(g);
  const auto plain = reference::Interpreter(g, true).run(inputs, lengths),
             expanded = reference::Interpreter(forms, true).run(inputs, lengths),
             run = support::execute(g, inputs, lengths);
  const auto within = [&](const Shape& s, std::ptrdiff_t at) {
    for (int i = s.rank - 1; i >= 0; at /= s[i--])
      if (s.symbol(i) != 0 && at % s[i] >= lengths.at(s.symbol(i))) return false;
    return true;
  };
  for (std::size_t o = 0; o < plain.size(); ++o)
    for (std::ptrdiff_t k = 0; k < plain[o].shape.size(); ++k) {
      if (!within(plain[o].shape, k)) continue;
      CHECK(expanded[o].get(k) == doctest::Approx(plain[o].get(k)).epsilon(1e-9).scale(1));
      CHECK(run[o].get(k) == doctest::Approx(plain[o].get(k)).epsilon(1e-4).scale(10));
    }
}

/// The kinds of a graph's kernels, step by step.
std::vector<std::string> kinds(const Builder& g, const compile::Target& target) {
  const compile::Plan p = compile::compile(g, 0, target).run;
  std::vector<std::string> all;
  for (const std::int64_t* t = p.table.data(); t != p.table.data() + p.table.size();) {
    const compile::KernelView kernel{p.words.data() + p.kernel[int(*t)]};
    all.emplace_back(compile::name_of(kernel.kind()));
    t += kernel.integers();
  }
  return all;
}
bool keeps_own_kernel(const std::vector<std::string>& kinds) {
  return std::count(kinds.begin(), kinds.end(), "convolve") + std::count(kinds.begin(), kinds.end(), "pool") > 0;
}

struct Case {
  Geometry geometry;
  std::vector<int> image, weight;
};
std::vector<Case> cases() {
  return {
      {{.axes = 1}, {2, 3, 7}, {4, 3, 3}},
      {{.axes = 2, .before = {1, 1, 0}, .after = {1, 1, 0}}, {2, 3, 5, 4}, {4, 3, 3, 3}},
      {{.axes = 2, .groups = 2, .stride = {2, 1, 1}, .before = {1, 0, 0}, .after = {0, 2, 0}},
       {2, 4, 5, 4},
       {6, 2, 3, 2}},
      {{.axes = 2, .groups = 3, .stride = {2, 2, 1}, .before = {1, 1, 0}, .after = {1, 1, 0}},
       {1, 3, 5, 6},
       {3, 1, 3, 3}},
      {{.axes = 2, .stride = {4, 3, 1}, .before = {1, 0, 0}, .after = {1, 0, 0}, .dilation = {2, 1, 1}},
       {1, 2, 9, 8},
       {3, 2, 2, 2}},
      {{.axes = 1, .groups = 2, .stride = {12, 1, 1}}, {2, 4, 30}, {4, 2, 5}},
      {{.axes = 3, .stride = {1, 2, 1}, .before = {0, 1, 1}, .after = {1, 0, 1}}, {1, 2, 3, 4, 3}, {2, 2, 2, 2, 3}},
  };
}
/// Images, weights and cotangents as inputs, in the order of ConvolutionTensor.
std::array<Shape, 3> shapes_of(const Case& c) {
  const Shape image = shape_from(c.image), weight = shape_from(c.weight);
  Shape sums;
  sums.push(image[0]);
  sums.push(weight[0]);
  for (int i = 0; i < c.geometry.axes; ++i) sums.push(c.geometry.windows(i, image[2 + i], weight[2 + i]));
  return {image, weight, sums};
}
/// Σ image · weight · sums of the definition.
double form_of(const Case& c, const std::array<reference::Array, 3>& t) {
  const auto [image, weight, sums] = shapes_of(c);
  const auto index = [](const Shape& s, std::ptrdiff_t at) {
    std::array<int, 8> i{};
    for (int k = s.rank - 1; k >= 0; at /= s[k--]) i[std::size_t(k)] = int(at % s[k]);
    return i;
  };
  double total = 0;
  for (std::ptrdiff_t p = 0; p < sums.size(); ++p)
    for (std::ptrdiff_t q = 0; q < weight.size(); ++q) {
      const auto y = index(sums, p), w = index(weight, q);
      if (y[1] != w[0]) continue;
      std::ptrdiff_t at = y[0] * image[1] + w[0] / (weight[0] / c.geometry.groups) * weight[1] + w[1];
      bool inside = true;
      for (int i = 0; i < c.geometry.axes; ++i) {
        const auto k = std::size_t(i);
        const int x = y[2 + k] * c.geometry.stride[k] - c.geometry.before[k] + w[2 + k] * c.geometry.dilation[k];
        inside = inside && x >= 0 && x < image[2 + i];
        at = at * image[2 + i] + x;
      }
      if (inside) total += t[0].get(at) * t[1].get(q) * t[2].get(p);
    }
  return total;
}
constexpr std::array parts{ConvolutionTensor::image, ConvolutionTensor::weight, ConvolutionTensor::sums};

}  // namespace

TEST_CASE("a convolution and its gradients are the derivatives of one trilinear form") {
  for (const Case& c : cases()) {
    CAPTURE(c.image.size());
    const auto shapes = shapes_of(c);
    for (const ConvolutionTensor which : parts) {
      Builder g;
      internals::Array<Value, 3> t{};
      for (std::size_t i = 0; i < 3; ++i) t[i] = {&g, g.input(Dtype::float32, shapes[i])};
      const Value y = ops::convolution_part(which, t, c.geometry, shapes[std::size_t(which)]);
      REQUIRE(y.extents() == shapes[std::size_t(which)]);
      g.outputs.push(y.id);
      const auto inputs = numbers(g);
      const reference::Array found = reference::Interpreter(g, true).run(inputs)[0];
      double sum = 0;
      for (std::ptrdiff_t k = 0; k < found.shape.size(); ++k)
        sum += found.get(k) * inputs[std::size_t(which)].get(k);
      CHECK(sum == doctest::Approx(form_of(c, {inputs[0], inputs[1], inputs[2]})).epsilon(1e-9).scale(1));
    }
  }
}

TEST_CASE("what a CPU makes of convolutions and their gradients is what plain loops compute, vmapped or not") {
  struct Lengths {
    int samples;
    char symbol, images;
  };
  for (const Case& c : cases())
    for (const ConvolutionTensor which : parts)
      for (unsigned mapped = 0; mapped < 4; ++mapped)
        for (const Lengths& l : {Lengths{3, 0, 0}, Lengths{3, 0, 'N'}, Lengths{3, 'B', 0}}) {
          const auto shapes = shapes_of(c);
          Builder g;
          graph::SampleTrace one(g, l.samples, l.symbol);
          internals::Array<Value, 3> t{};
          for (int i = 0; i < 2; ++i) {
            const ConvolutionTensor operand = ops::convolution_operand(which, i);
            Shape s = shapes[std::size_t(operand)];
            if (operand != ConvolutionTensor::weight) s.set(0, s[0], l.images);
            const bool has = (mapped >> i & 1) != 0;
            const Value x{&g, g.input(Dtype::float32, has ? with_axis(l.samples, l.symbol, s) : s)};
            t[std::size_t(operand)] = has ? one.sample(x) : x;
          }
          Value y = ops::convolution_part(which, t, c.geometry, shapes[std::size_t(which)]);
          if (mapped != 0 && c.geometry.axes == 3) continue;  // windows with a batch axis have too many
          if (mapped != 0) y = one.whole(y);
          g.outputs.push(y.id);
          check_forms(g, {{'N', 1}, {'B', 2}});
        }
}

TEST_CASE("what a CPU makes of pools and their derivatives is what plain loops compute, vmapped or not") {
  const std::vector<std::pair<PoolGeometry, std::vector<int>>> all{
      {{.axes = 2, .size = {2, 2, 1}, .stride = {2, 2, 1}}, {2, 2, 4, 5}},
      {{.axes = 2, .size = {3, 3, 1}, .stride = {2, 1, 1}, .padding = {1, 1, 0}}, {1, 2, 5, 4}},
      {{.axes = 2, .size = {2, 3, 1}, .stride = {1, 2, 1}, .dilation = {2, 1, 1}, .padding = {1, 0, 0}}, {1, 2, 5, 5}},
      {{.axes = 2, .size = {4, 3, 1}, .stride = {2, 1, 1}, .padding = {1, 1, 0}}, {1, 1, 5, 4}},
      {{.axes = 1, .size = {3, 1, 1}, .stride = {2, 1, 1}, .padding = {1, 0, 0}, .counts_padding = false}, {2, 2, 6}},
      {{.axes = 3, .size = {2, 2, 2}, .stride = {2, 1, 2}}, {1, 1, 4, 3, 4}},
  };
  for (const auto& [geometry, extents] : all)
    for (const bool mean : {false, true})
      for (const bool vmaps : {false, true}) {
        if (vmaps && geometry.axes == 3) continue;  // windows with a batch axis have too many
        Builder g;
        graph::SampleTrace one(g, 2, 'B');
        const Shape image = shape_from(extents), pooled = geometry.pooled(image);
        const auto input = [&](const Shape& s) {
          const Value x{&g, g.input(Dtype::float32, vmaps ? with_axis(2, 'B', s) : s)};
          return vmaps ? one.sample(x) : x;
        };
        const Value x = input(image), tangent = input(image), ct = input(pooled), other = input(image);
        const Value y = mean ? ops::MeanPool::apply({x}, geometry) : ops::MaxPool::apply({x}, geometry);
        const auto op = [&](Value v) { return g[v.id].op; };
        const auto site = [&](Value v) { return graph::Site{&g, v.id}; };
        const Value pulled = op(y)->vjp(site(y), 0, ct), pushed = op(y)->jvp(site(y), 0, tangent),
                    again = op(pulled)->vjp(site(pulled), 0, other), back = op(again)->vjp(site(again), 0, ct);
        for (const Value v : {y, pulled, pushed, again, back}) g.outputs.push(vmaps ? one.whole(v).id : v.id);
        check_forms(g, {{'B', 1}});
      }
}

TEST_CASE("a primitive keeps its name until a target lowers it") {
  Builder g;
  const Value x{&g, g.input(Dtype::float32, shape_of<1, 2, 6, 6>)},
      w{&g, g.input(Dtype::float32, shape_of<3, 2, 3, 3>)};
  const Value y = ops::convolve(x, w, {.axes = 2});
  CHECK(std::string(g[y.id].op->name) == "convolution");
  g.outputs.push(y.id);
  Builder same;
  CHECK_FALSE(compile::expand(g, compile::Target{}, same));  // a target that lowers nothing
  Builder other, without;
  const Value z{&without, without.input(Dtype::float32, shape_of<4>)};
  without.outputs.push((z + 1.0).id);
  CHECK_FALSE(compile::expand(without, cpu::target, other));  // nothing to lower
}

TEST_CASE("kernels of convolutions, pools and their derivatives have kinds of their own where a target keeps them") {
  constexpr compile::Target keeping;
  const Case c = cases()[1];
  const auto shapes = shapes_of(c);
  for (const ConvolutionTensor which : parts) {
    Builder g;
    internals::Array<Value, 3> t{};
    for (std::size_t i = 0; i < 3; ++i) t[i] = {&g, g.input(Dtype::float32, shapes[i])};
    g.outputs.push(ops::convolution_part(which, t, c.geometry, shapes[std::size_t(which)]).id);
    CHECK(kinds(g, keeping) == std::vector<std::string>{"convolve"});
    CHECK_FALSE(keeps_own_kernel(kinds(g, cpu::target)));
  }
  const PoolGeometry windows{.axes = 2, .size = {2, 2, 1}, .stride = {2, 2, 1}, .extent = {4, 4, 1}};
  for (std::size_t which = 0; which < 5; ++which) {
    Builder g;
    const Shape image = shape_from({2, 2, 4, 4});
    const Value x{&g, g.input(Dtype::float32, image)}, y{&g, g.input(Dtype::float32, windows.pooled(image))};
    const std::array results{ops::MaxPool::apply({x}, windows), ops::MaxPoolGradient::apply({y, x, y}, windows),
                             ops::MaxPoolTangent::apply({x, x, y}, windows), ops::MeanPool::apply({x}, windows),
                             ops::MeanPoolGradient::apply({y}, windows)};
    g.outputs.push(results[which].id);  // nothing needs the others
    CHECK(kinds(g, keeping) == std::vector<std::string>{"pool"});
    CHECK_FALSE(keeps_own_kernel(kinds(g, cpu::target)));
  }
  const auto attention = [](auto q, auto k, auto v) { return scaled_dot_product_attention(q, k, v); };
  using X = Sym<float, 1, 2, 4, 8>;
  CHECK(kinds(graph::FunctionTrace<decltype(attention), X, X, X>{}(), keeping) == std::vector<std::string>{"custom"});
}

TEST_CASE("what is computed before and after a convolution or pool that a target keeps has kernels of its own") {
  constexpr compile::Target keeping;
  Builder g;
  const Shape image = shape_from({2, 3, 5, 4});
  const Value x{&g, g.input(Dtype::float32, image)}, w{&g, g.input(Dtype::float32, shape_from({3, 3, 3, 3}))};
  const Geometry same{.axes = 2, .before = {1, 1, 0}, .after = {1, 1, 0}};
  const PoolGeometry windows{.axes = 2, .size = {3, 3, 1}, .padding = {1, 1, 0}};
  const Value sums = ops::convolve(x + 1.0, w, same), largest = ops::MaxPool::apply({relu(sums)}, windows);
  g.outputs.push((largest * 2.0).id);
  CHECK(kinds(g, keeping) == std::vector<std::string>{"map", "convolve", "map", "pool", "map"});
  const auto inputs = numbers(g);
  const auto expected = reference::Interpreter(g, true).run(inputs)[0],
             found = support::execute(g, inputs, {}, keeping)[0];
  for (std::ptrdiff_t k = 0; k < image.size(); ++k)
    CHECK(found.get(k) == doctest::Approx(expected.get(k)).epsilon(1e-5).scale(10));
}

TEST_CASE("operands that do not fit are refused") {
  Builder g;
  const Value x{&g, g.input(Dtype::float32, shape_of<1, 4, 6>)}, w{&g, g.input(Dtype::float32, shape_of<3, 2, 3>)};
  CHECK_THROWS_AS(ops::convolve(x, w, {.axes = 1}), Error);                 // channels
  CHECK_THROWS_AS(ops::convolve(x, w, {.axes = 1, .groups = 2}), Error);    // filters
  const Value wide{&g, g.input(Dtype::float32, shape_of<4, 2, 9>)};
  CHECK_THROWS_AS(ops::convolve(x, wide, {.axes = 1, .groups = 2}), Error);  // a kernel that is larger than the image
  CHECK_THROWS_AS(ops::MaxPool::apply({x}, {.axes = 1, .size = {7, 1, 1}}), Error);
}

TEST_CASE("the gradient of a vmapped straight-through estimator is not zero") {
  static constexpr auto round_through =
      custom_gradient<[](auto x) { return round(x); }, [](auto, auto, auto ct) { return ct; }>;
  const Tensor<float, 3, 2> x{{.2f, 1.4f}, {-.7f, .9f}, {2.6f, -1.2f}};
  // d/dx of round(x)² with the derivative of the identity: 2 round(x)
  const auto of_one = [](auto v) { return sum(square(round_through(v))); };
  const Tensor<float, 3, 2> inside = vmap(grad(of_one))(x);
  const Tensor<float, 3, 2> outside =
      grad([](auto v) { return sum(square(vmap([](auto y) { return round_through(y); })(v))); })(x);
  for (int i = 0; i < 6; ++i) {
    const float expected = 2 * std::round(x.data()[i]);
    CHECK(inside.data()[i] == expected);
    CHECK(outside.data()[i] == expected);
  }
}

namespace {

inline constexpr Conv2dOptions of_one_sample{.stride = 2, .padding = 1, .groups = 2};
/// A loss whose second derivatives in both arguments are not constant.
constexpr auto loss = [](auto w, auto x) {
  return sum(sin(max_pool2d<2>(tanh(conv2d<of_one_sample>(reshape<1, 2, 7, 7>(x), w)))));
};

}  // namespace

TEST_CASE("gradients of single samples through convolution and pool are those of each sample by itself") {
  using X = Tensor<float, 3, 2, 7, 7>;
  using W = Tensor<float, 4, 1, 3, 3>;
  X x(uninitialized);
  W w(uninitialized);
  const Philox random(Seed{3});
  for (int i = 0; i < int(X::size()); ++i) x.data()[i] = random.normal(std::uint64_t(i));
  for (int i = 0; i < int(W::size()); ++i) w.data()[i] = random.normal(std::uint64_t(1000 + i));
  const auto [dw, dx] = vmap(grad(loss, wrt<0, 1>), mapped<1>)(w, x);
  const auto second = vmap(grad([](auto a, auto b) { return sum(square(grad(loss, wrt<1>)(a, b))); }, wrt<0>),
                           mapped<1>);
  const Tensor<float, 3, 4, 1, 3, 3> ddw = second(w, x);
  for (int n = 0; n < 3; ++n) {
    Tensor<float, 2, 7, 7> one(uninitialized);
    for (int i = 0; i < 98; ++i) one.data()[i] = x.data()[n * 98 + i];
    const auto [dw_one, dx_one] = grad(loss, wrt<0, 1>)(w, one);
    const W ddw_one = grad([](auto a, auto b) { return sum(square(grad(loss, wrt<1>)(a, b))); }, wrt<0>)(w, one);
    for (int i = 0; i < 36; ++i) {
      CHECK(dw.data()[n * 36 + i] == doctest::Approx(dw_one.data()[i]).epsilon(1e-4).scale(1));
      CHECK(ddw.data()[n * 36 + i] == doctest::Approx(ddw_one.data()[i]).epsilon(1e-4).scale(1));
    }
    for (int i = 0; i < 98; ++i)
      CHECK(dx.data()[n * 98 + i] == doctest::Approx(dx_one.data()[i]).epsilon(1e-4).scale(1));
    // finite differences of the gradient's square
    const auto squared = [&](const W& a) {
      const Tensor<double, 4, 1, 3, 3> wide = cast<double>(a);
      const Tensor<double, 2, 7, 7> wide_one = cast<double>(one);
      const auto square_of = jit([](auto p, auto q) { return sum(square(grad(loss, wrt<1>)(p, q))); });
      const Tensor<double> s = square_of(wide, wide_one);
      return double(s());
    };
    for (const int i : {0, 13, 35}) {
      W up = w, down = w;
      const float step = 1e-3f;
      up.data()[i] += step;
      down.data()[i] -= step;
      const double slope = (squared(up) - squared(down)) / (double(up.data()[i]) - double(down.data()[i]));
      CHECK(ddw_one.data()[i] == doctest::Approx(slope).epsilon(2e-3).scale(1));
    }
  }
}
