// Forward and reverse mode of every primitive, alone and with vmap on either side: ⟨w, J t⟩ = ⟨Jᵀ w, t⟩. Inputs are
// multiples of ½, so that ties and kinks are among them.
#include <doctest/doctest.h>
#include <sinter/backend/reference/interpreter.hpp>
#include <sinter/ops/batching.hpp>
#include <sinter/sinter.hpp>

#include <cmath>
#include <fstream>
#include <filesystem>
#include <functional>
#include <regex>
#include <set>

using namespace sinter;
using namespace sinter::internals;
using graph::Builder;
using graph::List;
using graph::Value;

namespace transposed {

inline constexpr auto straight_through =
    custom_gradient<[](auto x) { return round(x); }, [](auto, auto, auto ct) { return ct; }>;
inline constexpr auto with_result = custom_gradient<[](auto x, auto a) { return sin(x) * a; },
                                                    [](auto x, auto a, auto y, auto ct) {
                                                      return std::array{ct * cos(x) * a + ct * 0.5, ct * y};
                                                    }>;
inline constexpr auto scaled = custom_gradient<[](auto x, auto a) { return x * a; },
                                               [](auto x, auto a, auto, auto ct) {
                                                 return std::array{ct * a * 2.0, ct * x};
                                               }>;

using Function = std::function<Value(const std::vector<Value>&)>;
struct Case {
  const char* name;
  std::vector<Shape> shapes;
  Function f;
};
template <int... E> Shape shape() { return shape_of<E...>; }

std::vector<Case> cases() {
  using V = const std::vector<Value>&;
  const Shape m = shape<3, 4>(), v = shape<4>();
  std::vector<Case> all{
      {"arithmetic", {m, v}, [](V x) { return x[0] + x[1] - x[0] * x[1] / (x[1] * x[1] + 1.0) + (-x[0]); }},
      {"abs", {m}, [](V x) { return abs(x[0]); }},
      {"relu", {m}, [](V x) { return relu(x[0]); }},
      {"clamp", {m, v, v}, [](V x) { return clamp(x[0], x[1], x[2]); }},
      {"hardtanh", {m}, [](V x) { return hardtanh(x[0]); }},
      {"maximum", {m, v}, [](V x) { return maximum(x[0], x[1]) + minimum(x[0], x[1]) * 0.5; }},
      {"select", {m, v}, [](V x) { return select(x[0] > x[1], x[0], x[1]); }},
      {"remainder", {m}, [](V x) { return remainder(x[0] * 0.7, 0.8); }},
      {"elementary",
       {m},
       [](V x) {
         return exp(x[0]) + log(x[0] * x[0] + 1.0) + sqrt(x[0] * x[0] + 1.0) + rsqrt(x[0] * x[0] + 1.0) + expm1(x[0]) +
                log1p(x[0] * x[0]);
       }},
      {"tanh",
       {m},
       [](V x) {
         return tanh(x[0]) + erf(x[0]) + sigmoid(x[0]) + tanh(x[0], accurate) + erf(x[0], accurate) +
                sigmoid(x[0], tanh_approximation);
       }},
      {"log_sigmoid", {m}, [](V x) { return log_sigmoid(x[0]); }},
      {"trigonometric", {m}, [](V x) { return sin(x[0]) + cos(x[0]) + tan(x[0] * 0.3) + atan(x[0]); }},
      {"xlogy", {m, v}, [](V x) { return xlogy(x[0], x[1] * x[1] + 1.0); }},
      {"pow", {m, v}, [](V x) { return pow(x[0] * x[0] + 1.0, x[1]) + pow(x[0] * x[0] + 1.0, 2.5); }},
      {"cast", {m}, [](V x) { return cast<float>(x[0]) * 1.0; }},
      {"sum", {m}, [](V x) { return ops::reduced<ops::Sum>(x[0], 2); }},
      {"prod", {m}, [](V x) { return ops::reduced<ops::Prod>(x[0], 2); }},
      {"amax", {m}, [](V x) { return ops::reduced<ops::Amax>(x[0], 2) + ops::reduced<ops::Amin>(x[0], 2); }},
      {"cumsum", {m}, [](V x) { return ops::cumulative_sum(x[0], 1); }},
      {"logsumexp", {m}, [](V x) { return logsumexp<1>(x[0]); }},
      {"softmax", {m}, [](V x) { return softmax(x[0]) + log_softmax(x[0]) * 0.25; }},
      {"views", {m}, [](V x) { return graph::flip(graph::slice(graph::reshape_to(x[0], shape<2, 6>()), 1, 1, 3), 2); }},
      {"permute", {m}, [](V x) { return Value(matmul(transpose(x[0]), x[0])); }},
      {"broadcast", {v}, [](V x) { return graph::broadcast_to(x[0], shape<3, 4>()) * 2.0; }},
      {"concatenate",
       {m, m},
       [](V x) {
         const int ids[]{x[0].id, x[1].id};
         return graph::concatenate(x[0].graph, ids, 2, 1);
       }},
      {"windows", {m}, [](V x) { return graph::windows(x[0], 1, 2, 1, 1); }},
      {"bounds", {shape_of<3, upto<4, 'L'>>}, [](V x) { return ops::filled_after_lengths(x[0], 0); }},
      {"bounds of a fixed axis", {m}, [](V x) { return graph::with_bounds(x[0] * 0.5, shape_of<3, upto<4, 'L'>>); }},
      {"contract", {m, shape<4, 2>()}, [](V x) { return Value(matmul(x[0], x[1])); }},
      {"gather",
       {m},
       [](V x) {
         return ops::gather(x[0], graph::reshape_to(minimum(graph::iota(x[0].graph, 3) * 2, 3), shape<1, 3>()), 1);
       }},
      {"scatter_add",
       {m},
       [](V x) {
         return ops::scatter_add(minimum(graph::reshape_to(graph::iota(x[0].graph, 4), shape<1, 4>()), 1), x[0], 1,
                                 shape<3, 2>());
       }},
      {"stop_gradient", {m}, [](V x) { return x[0] * stop_gradient(x[0]); }},
      {"copy", {m}, [](V x) { return x[0] * 1.5; }},
      {"convolution",
       {shape<2, 2, 6>(), shape<4, 2, 3>()},
       [](V x) {
         return ops::convolve(x[0], x[1], {.axes = 1, .stride = {2, 1, 1}, .before = {1, 0, 0}, .after = {1, 0, 0}});
       }},
      {"convolution in groups",
       {shape<2, 4, 5, 5>(), shape<4, 2, 3, 3>()},
       [](V x) {
         return ops::convolve(x[0], x[1], {.axes = 2, .groups = 2, .before = {1, 1, 0}, .after = {1, 1, 0}});
       }},
      {"depthwise convolution",
       {shape<2, 2, 6>(), shape<2, 1, 3>()},
       [](V x) { return ops::convolve(x[0], x[1], {.axes = 1, .groups = 2}); }},
      {"convolution of strided and dilated windows",
       {shape<2, 3, 7, 6>(), shape<2, 3, 2, 3>()},
       [](V x) {
         return ops::convolve(x[0], x[1],
                              {.axes = 2, .stride = {2, 3, 1}, .before = {1, 0, 0}, .after = {0, 2, 0},
                               .dilation = {2, 1, 1}});
       }},
      {"convolution_image_gradient",
       {shape<2, 4, 3>(), shape<4, 1, 3>()},
       [](V x) {
         return ops::convolution_part(ops::ConvolutionTensor::image, {Value{}, x[1], x[0]},
                                      {.axes = 1, .groups = 2, .stride = {2, 1, 1}, .before = {1, 0, 0}},
                                      shape<2, 2, 6>());
       }},
      {"convolution_weight_gradient",
       {shape<2, 4, 3>(), shape<2, 2, 6>()},
       [](V x) {
         return ops::convolution_part(ops::ConvolutionTensor::weight, {x[1], Value{}, x[0]},
                                      {.axes = 1, .groups = 2, .stride = {2, 1, 1}, .before = {1, 0, 0}},
                                      shape<4, 1, 3>());
       }},
      {"max_pool",
       {shape<1, 2, 4, 4>()},
       [](V x) { return ops::Pool<2, ops::Pooling::maximum, 2, PoolOptions<2>{}>{}(x[0]); }},
      {"max_pool with overlap",
       {shape<1, 1, 5, 5>()},
       [](V x) { return ops::Pool<2, ops::Pooling::maximum, 3, PoolOptions<2>{.stride = 2, .padding = 1}>{}(x[0]); }},
      {"max_pool of large windows",
       {shape<1, 1, 5, 5>()},
       [](V x) { return ops::Pool<2, ops::Pooling::maximum, 4, PoolOptions<2>{.stride = 1}>{}(x[0]); }},
      {"gradients of pools",
       {shape<2, 1, 5>(), shape<2, 1, 5>()},
       [](V x) {
         const Value y = ops::Pool<1, ops::Pooling::maximum, 3, PoolOptions<1>{.stride = 2, .padding = 1}>{}(x[0]),
                     z = ops::Pool<1, ops::Pooling::mean, 3, PoolOptions<1>{.stride = 2, .padding = 1}>{}(x[1]);
         const graph::Site largest{y.graph, y.id}, mean{z.graph, z.id};
         return (*largest.graph)[y.id].op->vjp(largest, 0, z) + (*mean.graph)[z.id].op->vjp(mean, 0, z) +
                graph::surround((*largest.graph)[y.id].op->jvp(largest, 0, x[1]), 2, 0, 2);
       }},
      {"avg_pool",
       {shape<1, 2, 5>()},
       [](V x) {
         return ops::Pool<1, ops::Pooling::mean, 3,
                          PoolOptions<1>{.stride = 1, .padding = 1, .count_include_pad = false}>{}(x[0]);
       }},
      {"attention",
       {shape<2, 3, 4>(), shape<2, 5, 4>(), shape<2, 5, 4>()},
       [](V x) { return Value(scaled_dot_product_attention<AttentionOptions{.is_causal = true}>(x[0], x[1], x[2])); }},
      {"composed attention",
       {shape<2, 3, 4>(), shape<2, 5, 4>(), shape<2, 5, 4>()},
       [](V x) { return Value(scaled_dot_product_attention<AttentionOptions{.composed = true}>(x[0], x[1], x[2])); }},
      {"checkpoint", {m}, [](V x) { return Value(checkpoint([](auto a) { return sin(sin(a)) * a; }, x[0])); }},
      {"custom_gradient", {m}, [](V x) { return Value(straight_through(x[0] * 0.75)); }},
      {"custom_gradient of two",
       {m, v},
       [](V x) { return Value(with_result(x[0], x[1])) + Value(scaled(x[0], x[1])); }},
  };
  return all;
}

/// The sum of all elements of a · b.
Value dot(Value a, Value b) {
  return graph::reshape_to(ops::reduced<ops::Sum>(a * b, (std::int64_t(1) << a.extents().rank) - 1), Shape{});
}

/// ⟨w, J t⟩ and ⟨Jᵀ w, t⟩ of f at x, as outputs of the graph.
std::pair<Value, Value> both(Builder& g, Value y, const std::vector<Value>& x, const std::vector<Value>& t, Value w) {
  List<int> inputs, tangents;
  for (std::size_t k = 0; k < x.size(); ++k) inputs.push(x[k].id), tangents.push(t[k].id);
  const Value forward = dot(w, {&g, transform::push_forward(g, y.id, inputs, tangents)});
  const List<int> pulled = transform::gradient(g, dot(w, y).id, inputs);
  Value reverse{&g, g.constant(0, y.dtype())};
  for (std::size_t k = 0; k < x.size(); ++k) reverse = reverse + dot({&g, pulled[int(k)]}, t[k]);
  return {forward, reverse};
}

Shape with_axis(const Shape& s, int n) {
  Shape to;
  to.push(n);
  for (int i = 0; i < s.rank; ++i) to.push(s[i]);
  return to;
}

/// The numbers of two outputs, on inputs that are multiples of ½.
std::pair<reference::Array, reference::Array> run(Builder& g, Value a, Value b) {
  g.outputs.clear();
  g.outputs.push(a.id);
  g.outputs.push(b.id);
  std::vector<reference::Array> inputs;
  const Philox random(Seed{11});
  std::uint64_t drawn = 0;
  for (const int i : g.inputs) {
    reference::Array x(g[i].dtype, g.shape(i));
    for (std::ptrdiff_t k = 0; k < x.shape.size(); ++k) x.set(k, std::round(2 * double(random.normal(drawn++))) / 2);
    inputs.push_back(std::move(x));
  }
  auto r = reference::Interpreter(g, true).run(inputs, {{'L', 3}});
  return {r[0], r[1]};
}
void compare(Builder& g, Value a, Value b) {
  const auto [x, y] = run(g, a, b);
  for (std::ptrdiff_t i = 0; i < x.shape.size(); ++i)
    CHECK(x.get(i) == doctest::Approx(y.get(i)).epsilon(1e-9).scale(1));
}

enum class Mapped { none, outside, inside };

/// vmap inside the derivatives, over the arguments in `which`; outside of them, over all; or none.
void check(const Case& c, Mapped how, unsigned which) {
  constexpr int samples = 3;
  Builder g;
  std::vector<Value> x, t;
  const auto input = [&](const Shape& s) { return Value{&g, g.input(Dtype::float32, s)}; };
  for (std::size_t k = 0; k < c.shapes.size(); ++k) {
    const Shape s = how != Mapped::none && (which >> k & 1) != 0 ? with_axis(c.shapes[k], samples) : c.shapes[k];
    x.push_back(input(s));
    t.push_back(input(s));
  }
  if (how == Mapped::none) {
    const Value y = c.f(x);
    const auto [forward, reverse] = both(g, y, x, t, input(y.extents()));
    return compare(g, forward, reverse);
  }
  graph::SampleTrace one(g, samples, 0);
  std::vector<Value> each = x, tangents = t;
  for (std::size_t k = 0; k < x.size(); ++k)
    if ((which >> k & 1) != 0) each[k] = one.sample(x[k]), tangents[k] = one.sample(t[k]);
  if (how == Mapped::inside) {
    const Value y = one.whole(c.f(each));
    const auto [forward, reverse] = both(g, y, x, t, input(y.extents()));
    return compare(g, forward, reverse);
  }
  const Value y = c.f(each), w = input(y.extents());
  const auto [forward, reverse] = both(g, y, each, tangents, w);
  compare(g, one.whole(forward), one.whole(reverse));
}

}  // namespace transposed

TEST_CASE("forward and reverse mode of every primitive are each other's transposes, under vmap too") {
  using transposed::Mapped;
  for (const auto& c : transposed::cases()) {
    const std::string name = c.name;
    CAPTURE(name);
    check(c, Mapped::none, 0);
    const unsigned all = (1u << c.shapes.size()) - 1;
    for (unsigned which = 1; which <= all; ++which) check(c, Mapped::inside, which);
    check(c, Mapped::outside, all);
  }
}

TEST_CASE("every primitive that has a derivative is among them") {
  std::set<std::string> seen;
  for (const auto& c : transposed::cases()) {
    Builder g;
    std::vector<Value> x;
    for (const Shape& s : c.shapes) x.push_back({&g, g.input(Dtype::float32, s)});
    c.f(x);
    for (int i = 0; i < g.size(); ++i) seen.insert(g[i].op->name);
  }
  // Made by the compiler's passes or by derivatives; recurrences and loops have separate
  // tests.
  for (const char* name : {"copy", "filters", "panels", "transformed_filters", "further_result", "attention_gradient",
                           "recurrence", "recurrence_gradient", "later", "argument", "sample", "input",
                           "loop", "step_value", "label_loss"})
    seen.insert(name);
  // Without derivatives.
  for (const char* name : {"ceil", "floor", "round", "trunc", "sign", "equal", "not_equal", "greater", "greater_equal",
                           "isfinite", "isnan", "logical_and", "logical_or", "logical_not", "length", "uniform"})
    seen.insert(name);
  const std::regex named("name = \"([a-z0-9_]+)\"");
  for (const auto& entry : std::filesystem::recursive_directory_iterator(SINTER_SOURCE "/include/sinter/ops")) {
    if (!entry.is_regular_file()) continue;
    std::ifstream file(entry.path());
    const std::string text((std::istreambuf_iterator<char>(file)), {});
    for (std::sregex_iterator m(text.begin(), text.end(), named), end; m != end; ++m) {
      const std::string name = (*m)[1];
      CAPTURE(name);
      CHECK(seen.count(name) == 1);
    }
  }
}
