// The forms of a convolution (Winograd's, in place, packed in advance) against the same convolution in double
// precision, which has one form.
#include <doctest/doctest.h>
#include <sinter/backend/reference/interpreter.hpp>
#include <sinter/sinter.hpp>

#include <cmath>
#include <cstring>
#include <vector>

#include "../support/compiled.hpp"
#include "../support/halves.hpp"

using namespace sinter;
using namespace sinter::internals;

namespace {

template <class T> T numbers(std::uint64_t stream, float scale = 1) {
  T t(uninitialized);
  const Philox random(Seed{7}, stream);
  for (std::ptrdiff_t i = 0; i < T::size(); ++i)
    t.data()[i] = typename T::element(scale * random.normal(std::uint64_t(i)));
  return t;
}
template <class To, class From> To converted(const From& x) {
  To t(uninitialized);
  for (std::ptrdiff_t i = 0; i < x.size(); ++i) t.data()[i] = typename To::element(x.data()[i]);
  return t;
}
/// The largest difference, relative to `scale`.
template <class A, class B> double difference(const A& a, const B& b, double scale) {
  REQUIRE(a.size() == b.size());
  double d = 0;
  for (std::ptrdiff_t i = 0; i < a.size(); ++i) d = std::max(d, std::abs(double(a.data()[i]) - double(b.data()[i])));
  return d / scale;
}
template <class A> double largest(const A& a) {
  double m = 0;
  for (std::ptrdiff_t i = 0; i < a.size(); ++i) m = std::max(m, std::abs(double(a.data()[i])));
  return m;
}

/// Two convolutions in a row, the second of `O` filters: its sums, and the gradients of the image and of both weights,
/// in float and in double. The intermediate image has its channels innermost.
template <int N, int C, int O, int H, int W, int Stride, int Padding, int Taps = 3> void check(double tolerance) {
  static constexpr Conv2dOptions first{.padding = Taps / 2}, second{.stride = Stride, .padding = Padding};
  constexpr int h = (H + 2 * Padding - Taps) / Stride + 1, w = (W + 2 * Padding - Taps) / Stride + 1;
  const auto f = [](auto x, auto j, auto k, auto c) {
    return sum(relu(conv2d<second>(relu(conv2d<first>(x, j)), k)) * c);
  };
  const auto x = numbers<Tensor<float, N, C, H, W>>(1);
  const auto j = numbers<Tensor<float, C, C, Taps, Taps>>(2, 1 / std::sqrt(float(Taps * Taps * C)));
  const auto k = numbers<Tensor<float, O, C, Taps, Taps>>(3, 1 / std::sqrt(float(Taps * Taps * C)));
  const auto c = numbers<Tensor<float, N, O, h, w>>(4);
  const auto xd = converted<Tensor<double, N, C, H, W>>(x);
  const auto jd = converted<Tensor<double, C, C, Taps, Taps>>(j);
  const auto kd = converted<Tensor<double, O, C, Taps, Taps>>(k);
  const auto cd = converted<Tensor<double, N, O, h, w>>(c);
  const auto [y, gx, gj, gk] = value_and_grad(f, wrt<0, 1, 2>)(x, j, k, c);
  const auto [yd, gxd, gjd, gkd] = value_and_grad(f, wrt<0, 1, 2>)(xd, jd, kd, cd);
  const Tensor<float> value = y;
  const Tensor<double> expected = yd;
  CHECK(difference(value, expected, std::sqrt(double(N * O * h * w))) < tolerance);
  CHECK(difference(gx, gxd, largest(gxd)) < tolerance);
  CHECK(difference(gj, gjd, largest(gjd)) < tolerance);
  CHECK(difference(gk, gkd, largest(gkd)) < tolerance);
}

template <int N, int Filters> struct Net {
  nn::Conv2d<3, Filters, 5, Conv2dOptions{.stride = 2, .padding = 2}> stem;
  nn::Conv2d<Filters, Filters, 3, Conv2dOptions{.padding = 1, .bias = false}> a;
  nn::BatchNorm2d<Filters> bn;
  nn::Conv2d<Filters, 70, 1> b;
  nn::Linear<70 * 9, 100> fc;
  constexpr auto operator()(auto x) const {
    const auto y = max_pool2d<3, Pool2dOptions{.stride = 2, .padding = 1}>(relu(stem(x)));
    return fc(flatten(avg_pool2d<2>(relu(b(relu(bn(a(y)) + y))))));
  }
};
/// First layers like LeNet's.
struct FewChannels {
  nn::Conv2d<1, 16, 5, Conv2dOptions{.padding = 2}> first;
  nn::Conv2d<16, 24, 5, Conv2dOptions{.padding = 2}> second;
  nn::Linear<24, 11> fc;
  constexpr auto operator()(auto x) const { return fc(mean<2, 3>(relu(second(max_pool2d<2>(relu(first(x))))))); }
};
struct Squares {
  constexpr auto operator()(auto y, auto target) const { return mean((y - target) * (y - target)); }
};

/// The gradient of Σ conv(x, w) · c with regard to x, by the definition of a convolution.
template <int C, int O, int H, int W, int KH, int KW, Conv2dOptions Options> void check_image_gradient() {
  constexpr int N = 2, h = (H + 2 * Options.padding[0] - Options.dilation[0] * (KH - 1) - 1) / Options.stride[0] + 1,
                w = (W + 2 * Options.padding[1] - Options.dilation[1] * (KW - 1) - 1) / Options.stride[1] + 1;
  constexpr int inputs = C / Options.groups, outputs = O / Options.groups;
  const auto x = numbers<Tensor<float, N, C, H, W>>(1);
  const auto k = numbers<Tensor<float, O, inputs, KH, KW>>(2);
  const auto c = numbers<Tensor<float, N, O, h, w>>(3);
  const Tensor<float, N, C, H, W> found =
      grad([](auto image, auto weight, auto ct) { return sum(conv2d<Options>(image, weight) * ct); }, wrt<0>)(x, k, c);
  Tensor<double, N, C, H, W> expected;
  for (int n = 0; n < N; ++n)
    for (int o = 0; o < O; ++o)
      for (int i = 0; i < h; ++i)
        for (int j = 0; j < w; ++j)
          for (int f = 0; f < inputs; ++f)
            for (int a = 0; a < KH; ++a)
              for (int b = 0; b < KW; ++b) {
                const int y = i * Options.stride[0] - Options.padding[0] + a * Options.dilation[0],
                          z = j * Options.stride[1] - Options.padding[1] + b * Options.dilation[1];
                if (y >= 0 && y < H && z >= 0 && z < W)
                  expected(n, o / outputs * inputs + f, y, z) += double(c(n, o, i, j)) * k(o, f, a, b);
              }
  CHECK(difference(found, expected, largest(expected)) < 1e-6);
}

/// relu(conv(x, w) + b) and the gradients of Σ relu(conv(x, w) + b) · c with
/// regard to x, w and b, by the definition of a convolution.
template <int N, int C, int O, int H, int W, int KH, int KW, Conv2dOptions Options>
void check_first_layer(double tolerance) {
  constexpr int h = (H + 2 * Options.padding[0] - Options.dilation[0] * (KH - 1) - 1) / Options.stride[0] + 1,
                w = (W + 2 * Options.padding[1] - Options.dilation[1] * (KW - 1) - 1) / Options.stride[1] + 1;
  const auto x = numbers<Tensor<float, N, C, H, W>>(1);
  const auto k = numbers<Tensor<float, O, C, KH, KW>>(2);
  const auto b = numbers<Tensor<float, O>>(3);
  const auto c = numbers<Tensor<float, N, O, h, w>>(4);
  const auto f = [](auto image, auto weight, auto bias) {
    return relu(conv2d<Options>(image, weight) + reshape<O, 1, 1>(bias));
  };
  const Tensor<float, N, O, h, w> y = f(x, k, b);
  const auto [gx, gk, gb] =
      grad([](auto image, auto weight, auto bias,
              auto ct) { return sum(relu(conv2d<Options>(image, weight) + reshape<O, 1, 1>(bias)) * ct); },
           wrt<0, 1, 2>)(x, k, b, c);
  Tensor<double, N, O, h, w> yd;
  Tensor<double, N, C, H, W> gxd;
  Tensor<double, O, C, KH, KW> gkd;
  Tensor<double, O> gbd;
  const auto each_product = [&](int i, int j, auto&& term) {
    for (int p = 0; p < KH; ++p)
      for (int q = 0; q < KW; ++q) {
        const int row = i * Options.stride[0] - Options.padding[0] + p * Options.dilation[0],
                  column = j * Options.stride[1] - Options.padding[1] + q * Options.dilation[1];
        for (int f = 0; f < C && row >= 0 && row < H && column >= 0 && column < W; ++f) term(f, row, column, p, q);
      }
  };
  for (int n = 0; n < N; ++n)
    for (int o = 0; o < O; ++o)
      for (int i = 0; i < h; ++i)
        for (int j = 0; j < w; ++j) {
          double sum = b(o);
          each_product(i, j, [&](int f, int row, int column, int p, int q) {
            sum += double(x(n, f, row, column)) * k(o, f, p, q);
          });
          yd(n, o, i, j) = std::max(sum, 0.);
          if (y(n, o, i, j) <= 0) continue;
          gbd(o) += c(n, o, i, j);
          each_product(i, j, [&](int f, int row, int column, int p, int q) {
            gxd(n, f, row, column) += double(c(n, o, i, j)) * k(o, f, p, q);
            gkd(o, f, p, q) += double(c(n, o, i, j)) * x(n, f, row, column);
          });
        }
  CHECK(difference(y, yd, largest(yd)) < tolerance);
  CHECK(difference(gx, gxd, largest(gxd)) < tolerance);
  CHECK(difference(gk, gkd, largest(gkd)) < tolerance);
  CHECK(difference(gb, gbd, largest(gbd)) < tolerance);
}

/// Two successive convolutions of Channels filters, with windows of Taps × Taps.
template <int Channels, int Taps> struct Chain {
  nn::Conv2d<Channels, Channels, Taps, Conv2dOptions{.padding = Taps / 2, .bias = false}> a;
  nn::Conv2d<Channels, Channels + 5, Taps, Conv2dOptions{.padding = Taps / 2}> b;
  constexpr auto operator()(auto x) const { return b(relu(a(x))); }
};
/// The number of a net's weights that are transformed in advance.
template <class Net, class X> int transformed_weights() {
  const graph::Builder g = 
      support::halves_of(train::InferenceTrace<false, Net, X>{}(), int(train::leading<Net>), cpu::target).prepare;
  int n = 0;
  for (int i = 0; i < g.size(); ++i) n += g[i].op == &graph::primitive<cpu::TransformedFilters> ? 1 : 0;
  return n;
}
template <int N, int Channels, int Taps, int H, int W> void check_in_advance(int expected_transforms) {
  using Net = Chain<Channels, Taps>;
  using X = Tensor<float, upto<N, 'B'>, Channels, H, W>;
  if (cpu::lanes == 16) CHECK(transformed_weights<Net, X>() == expected_transforms);
  static constexpr Conv2dOptions options{.padding = Taps / 2};
  Model<Net> net(Seed{9});
  const auto& n = *net;
  auto infer = inference<X>(net), two = inference<X>(net, Cpu{.threads = 2});
  auto x = numbers<X>(5);
  const auto xd = converted<Tensor<double, N, Channels, H, W>>(x);
  const Tensor<double, N, Channels, H, W> hidden = relu(conv2d<options>(xd, cast<double>(n.a.weight)));
  const Tensor<double, N, Channels + 5, H, W> expected =
      conv2d<options>(hidden, cast<double>(n.b.weight)) + reshape<Channels + 5, 1, 1>(cast<double>(n.b.bias));
  for (const int length : {N, N - 1, 1}) {  // a shorter batch would take another path by itself
    x.template set_length<'B'>(length);
    const auto& y = infer(x);
    const auto& z = two(x);
    double worst = 0, difference = 0;
    for (std::ptrdiff_t i = 0; i < length * (Channels + 5) * H * W; ++i) {
      worst = std::max(worst, std::abs(double(y.data()[i]) - expected.data()[i]));
      difference = std::max(difference, std::abs(double(y.data()[i]) - double(z.data()[i])));
    }
    CHECK(worst < 2e-5 * largest(expected));
    CHECK(difference == 0);
  }
}
struct Wide {
  nn::Linear<40, 50> fc;
  constexpr auto operator()(auto x) const { return matmul(x, transpose(cast<double>(fc.weight))); }
};
/// Weights that the backend transforms against the definition by plain loops.
template <int M, int K, int O, int C> void check_transform() {
  constexpr int width = cpu::Tile<float>::columns;
  graph::Builder g;
  Shape shape;
  for (const int n : {O, C, K, K}) shape.push(n);
  const graph::Value w{&g, g.input(Dtype::float32, shape)}, u = cpu::transformed(w, M, width);
  g.outputs.push(u.id);
  const auto weights = numbers<Tensor<float, O, C, K, K>>(8);
  std::vector<reference::Array> inputs;
  inputs.emplace_back(Dtype::float32, shape);
  std::memcpy(inputs[0].bytes.data(), weights.data(), inputs[0].bytes.size());
  const auto expected = reference::Interpreter(g, true).run(inputs, {});
  std::vector<float> found(std::size_t(u.extents().size()), -1.f);
  const std::array<std::int64_t, 4> extent{O, C, K, K};
  const std::array<std::int64_t, 8> strides{C * K * K, K * K, K, 1};
  const std::array<std::byte*, 2> address{reinterpret_cast<std::byte*>(const_cast<float*>(weights.data())),
                                          reinterpret_cast<std::byte*>(found.data())};
  const std::array<Dtype, 2> dtype{Dtype::float32, Dtype::float32};
  const std::array<std::int64_t, 2> attributes{M, width};
  const cpu::Context context{nullptr, nullptr, nullptr, 1};
  cpu::CustomKernel<cpu::TransformedFilters>::run<float>(
      {extent.data(), 4, address.data(), strides.data(), dtype.data(), 1, attributes.data(), context});
  double worst = 0;
  for (std::size_t i = 0; i < found.size(); ++i)
    worst = std::max(worst, std::abs(double(found[i]) - expected[0].get(std::ptrdiff_t(i))));
  CHECK(worst < 1e-6);
}

}  // namespace

TEST_CASE("weights transformed in advance are what the definition says") {
  if (!cpu::use_winograd) return;
  check_transform<4, 3, 33, 5>();
  check_transform<2, 3, 16, 7>();
  check_transform<2, 5, 70, 3>();
}

TEST_CASE("inference with transformed weights keeps its bound at every length of a bounded batch") {
  check_in_advance<5, 48, 3, 9, 13>(2);
  check_in_advance<3, 160, 3, 7, 7>(2);
  check_in_advance<3, 40, 5, 7, 10>(2);
}

TEST_CASE("scratch memory suffices for every shorter batch") {
  for (const int taps : {3, 5})
    for (const int channels : {16, 40, 64, 192, 512})
      for (const auto& [side, longest] : {std::pair{4, 64}, {9, 64}, {10, 5}, {10, 8}, {32, 64}, {57, 64}}) {
        cpu::SquareConvolution c;
        c.height = c.width = side, c.channels = channels, c.filters = channels + 24, c.taps = taps;
        cpu::SquareWeightGradient g;
        g.height = g.width = side, g.channels = channels, g.filters = channels + 24, g.taps = taps;
        c.images = g.images = longest;
        // as pack_bytes asks: nothing where the longest batch is not computed by transforms
        const int tile = cpu::results_a_tile(c);
        const std::int64_t most = tile > 0 ? cpu::WinogradPlan::most_bytes(c, tile) : 0,
                           most_gradient =
                               cpu::WinogradGradientPlan::pays(g) ? cpu::WinogradGradientPlan::most_bytes(g) : 0;
        for (int n = 1; n <= longest; ++n) {
          c.images = g.images = n;
          if (const int m = cpu::results_a_tile(c); m > 0) CHECK(cpu::WinogradPlan::of(c, m).bytes(channels) <= most);
          if (cpu::WinogradGradientPlan::pays(g))
            CHECK(cpu::WinogradGradientPlan::of(g).bytes(g) <= most_gradient);
        }
      }
}

/// A contraction of a program: the number of its kernel, and how it is computed, as its step says.
struct StoredMethod : cpu::ContractMethod {
  int kernel = -1;
};
template <class Trace> std::vector<StoredMethod> stored_methods() {
  const graph::Builder g = Trace{}();
  const compile::Plan p = compile::compile(g, 0, cpu::target).run;
  const std::int64_t capacity[8]{1, 1, 1, 1, 1, 1, 1, 1};
  const std::int64_t* t = p.table.data();
  std::vector<StoredMethod> methods;
  for (int s = 0; s < p.steps; ++s) {
    const compile::StepView v(p.words.data() + p.kernel[int(*t)], t + 1, capacity);
    if (v.kind() == compile::KernelKind::contract) methods.push_back({cpu::ContractMethod::of(v.method()), int(*t)});
    t += v.integers();
  }
  return methods;
}
template <class Trace> cpu::ContractMethod stored_method() { return stored_methods<Trace>().at(0); }
/// The first of two convolutions has channels innermost; the second stores the order of outputs, [N, C, H, W].
template <int Stride> struct TwoConvolutions {
  constexpr auto operator()(auto x, auto w) const {
    return conv2d<Conv2dOptions{.padding = 1}>(relu(conv2d<Conv2dOptions{.stride = Stride, .padding = 1}>(x, w)), w);
  }
};
using Sums = cpu::ContractMethod::Sums;
using Form = cpu::ContractMethod::Form;

TEST_CASE("a step says how its contraction is computed, or that its lengths decide") {
  using W = Sym<float, 64, 64, 3, 3>;
  using Bounded = Sym<float, upto<4, 'B'>, 64, 28, 28>;
  const auto fixed = stored_method<graph::FunctionTrace<TwoConvolutions<1>, Sym<float, 4, 64, 28, 28>, W>>();
  const auto bounded = stored_method<graph::FunctionTrace<TwoConvolutions<1>, Bounded, W>>();
  const auto strided = stored_method<graph::FunctionTrace<TwoConvolutions<2>, Sym<float, 4, 64, 28, 28>, W>>();
  CHECK(strided.sums == Sums::tiles);
  CHECK(strided.form == Form::product);
  if (!cpu::use_winograd) return;
  CHECK(fixed.sums == Sums::winograd);
  CHECK(fixed.form == Form::convolution);
  CHECK(fixed.results_a_tile == 4);
  CHECK(bounded.sums == Sums::by_length);
  CHECK(bounded.form == Form::convolution);
}

namespace {
/// A convolution of an image [N, H, W, C], its result [N, H, W, O]; and its definition, as a product.
struct Convolved {
  constexpr auto operator()(auto x, auto w) const { return relu(conv2d(permute<0, 3, 1, 2>(x), w)); }
};
struct Unfolded {
  constexpr auto operator()(auto x, auto w) const {
    return relu(einsum<"nhwcij,ocij->nhwo">(unfold<2, 3>(unfold<1, 3>(x)), w));
  }
};
/// Both, of one image, whose results are read with channels innermost.
struct Both {
  constexpr auto operator()(auto x, auto w) const {
    return std::tuple{Unfolded{}(x, w), conv2d(Convolved{}(x, w), w)};
  }
};
/// Two convolutions of each sample, with weights of its own.
struct OfEachSample {
  constexpr auto operator()(auto x, auto w) const { return vmap(TwoConvolutions<1>{})(x, w); }
};
/// The tags of the contractions of a program, in the form in which kernels are made of them; 0 for those without.
template <class Trace> std::vector<std::int64_t> tags() {
  std::vector<std::int64_t> found;
  const auto watch = [&](const char*, const auto& made, const auto&... further) {
    if constexpr (std::is_same_v<std::remove_cvref_t<decltype(made)>, compile::Simplified> && sizeof...(further) == 0)
      for (const int i : made.order)
        if (made.kind[i] == graph::Kind::contract)
          found.push_back(made.graph[i].attributes > 3 ? made.graph.attributes(i)[3] : 0);
  };
  compile::compile(Trace{}(), 0, cpu::target, watch);
  return found;
}
}  // namespace

TEST_CASE("a convolution is one because its lowering says so: a product with the same loops stays a product") {
  using X = Sym<float, 4, 30, 28, 64>;
  using W = Sym<float, 64, 64, 3, 3>;
  const auto methods = stored_methods<graph::FunctionTrace<Both, X, W>>();
  REQUIRE(methods.size() == 3);
  CHECK(methods[0].kernel == methods[1].kernel);
  CHECK(methods[0].form == Form::product);
  CHECK(methods[0].sums == Sums::tiles);
  if (!cpu::use_winograd) return;
  CHECK(methods[1].form == Form::convolution);
  CHECK(methods[1].sums == Sums::winograd);
}

TEST_CASE("what a contraction was written for stays with it, in samples of a vmap and until kernels are made") {
  const std::int64_t tag = cpu::ContractTag{Form::convolution, 2}.packed();
  using Two = std::vector<std::int64_t>;
  const auto one = tags<graph::FunctionTrace<TwoConvolutions<1>, Sym<float, 4, 8, 9, 9>, Sym<float, 8, 8, 3, 3>>>();
  const auto each = tags<graph::FunctionTrace<OfEachSample, Sym<float, upto<3, 'B'>, 2, 8, 9, 9>,
                                              Sym<float, upto<3, 'B'>, 8, 8, 3, 3>>>();
  const auto strided = tags<graph::FunctionTrace<TwoConvolutions<2>, Sym<float, 4, 8, 9, 9>, Sym<float, 8, 8, 3, 3>>>();
  CHECK((one == Two{tag, tag}));
  CHECK((each == Two{tag, tag}));
  CHECK((strided == Two{0, tag}));
}

TEST_CASE("the number of a method holds all of it, with memory and without") {
  const cpu::ContractMethod m{.form = Form::weight_gradient,
                              .sums = Sums::winograd_gradient,
                              .swapped = true,
                              .right_in_place = true,
                              .results_a_tile = 4,
                              .in_line = cpu::ContractMethod::Small::transposed};
  for (const int base : {-1, 0, 12345}) {
    const auto at = compile::PointerBase::of(compile::PointerBase{base, 20, m.packed()}.packed());
    CHECK(at.base == base);
    CHECK(at.form == 20);
    const auto n = cpu::ContractMethod::of(at.method);
    CHECK(n.packed() == m.packed());
    CHECK(n.sums == m.sums);
    CHECK(n.swapped);
    CHECK(!n.left_in_place);
    CHECK(n.in_line == cpu::ContractMethod::Small::transposed);
  }
}

namespace {
struct Product {
  constexpr auto operator()(auto x, auto w) const { return matmul(x, w); }
};
/// The ways to sum for which the kernels of a product have code.
template <class... S> constexpr std::uint64_t compiled_sums() {
  std::uint64_t all = 0;
  for (const std::uint64_t c : compile::Program<graph::FunctionTrace<Product, S...>, cpu::Backend>::method_classes)
    all |= c;
  return all;
}
}  // namespace
TEST_CASE("a kernel has code for the methods of its steps, and for all where lengths decide") {
  using W = Sym<float, 512, 512>;
  CHECK(compiled_sums<Sym<float, 128, 512>, W>() == cpu::set_of(Sums::tiles));
  CHECK(compiled_sums<Sym<float, 1, 512>, W>() == cpu::set_of(Sums::streams));
  CHECK(compiled_sums<Sym<float, upto<64, 'B'>, 512>, W>() == cpu::set_of(Sums::by_length));
  CHECK(cpu::sums_by<cpu::set_of(Sums::dots), Sums::dots>(Sums::tiles));  // known without looking
  CHECK(!cpu::sums_by<cpu::set_of(Sums::dots), Sums::tiles>(Sums::tiles));
  CHECK(!cpu::sums_by<cpu::any_sums, Sums::dots>(Sums::tiles));
}

TEST_CASE(
    "gradients of weights keep to their scratch memory, whatever the filters fill and however short the batch is") {
  const auto gradient = [](auto x, auto w, auto ct) {
    return grad(
        [](auto image, auto weight, auto by) {
          constexpr Conv2dOptions options{.padding = decltype(weight)::shape[2] / 2};
          return sum(relu(conv2d<options>(image, weight)) * by);
        },
        wrt<1>)(x, w, ct);
  };
  using F = decltype(gradient);
  // swaps its operands, fills no register
  support::check_compiled<
      graph::FunctionTrace<F, Sym<float, 1, 3, 44, 44>, Sym<float, 100, 3, 3, 3>, Sym<float, 1, 100, 44, 44>>>(5, 1);
  // Winograd's
  support::check_compiled<graph::FunctionTrace<F, Sym<float, upto<5, 'B'>, 16, 10, 10>, Sym<float, 40, 16, 5, 5>,
                                               Sym<float, upto<5, 'B'>, 40, 10, 10>>>(5, 6, 1e-3);
}

TEST_CASE("weights of double precision stay as they are") {
  using X = Tensor<double, 3, 40>;
  Model<Wide> net(Seed{2});
  const auto x = numbers<X>(1);
  auto infer = inference<X>(net);
  const auto& y = infer(x);
  for (int i = 0; i < 3; ++i)
    for (int j = 0; j < 50; ++j) {
      double sum = 0;
      for (int k = 0; k < 40; ++k) sum += x(i, k) * double((*net).fc.weight(j, k));
      CHECK(y(i, j) == doctest::Approx(sum));
    }
}

TEST_CASE("Winograd's form keeps its bound, in values and in both gradients") {
  check<3, 40, 72, 13, 10, 1, 1>(2e-5);   // neither channels nor filters fill registers; tiles extend past both edges
  check<5, 64, 33, 6, 8, 1, 1>(2e-5);
  check<2, 96, 64, 11, 9, 1, 0>(2e-5);
  check<9, 160, 160, 3, 3, 1, 1>(2e-5);   // less than a tile
  check<9, 32, 48, 24, 20, 1, 1>(2e-5);   // more tiles than the weights' gradient transforms at once
  check<4, 20, 33, 13, 10, 1, 2, 5>(2e-5);
  check<19, 17, 40, 9, 9, 1, 0, 5>(2e-5);
  check<13, 16, 24, 14, 11, 1, 2, 5>(2e-5);  // several partial sums
  check<2, 48, 48, 11, 11, 2, 1>(2e-5);   // a direct form, whose image gradient is a convolution of dilated cotangents
}

TEST_CASE("the image gradient of strided and dilated windows is what its definition says") {
  check_image_gradient<4, 6, 8, 7, 3, 3, Conv2dOptions{.stride = 2, .padding = 1}>();
  // three phases of four are in no window
  check_image_gradient<4, 6, 9, 8, 1, 1, Conv2dOptions{.stride = 2}>();
  // elements between windows
  check_image_gradient<4, 6, 11, 10, 2, 5, Conv2dOptions{.stride = {3, 2}, .padding = {0, 3}}>();
  // all taps fall on one phase; every third one each
  check_image_gradient<4, 6, 12, 11, 3, 4, Conv2dOptions{.stride = {2, 3}, .padding = 2, .dilation = {2, 2}}>();
  check_image_gradient<4, 6, 10, 9, 3, 3,
                       Conv2dOptions{.stride = {4, 1}, .padding = 1, .dilation = {2, 1}, .groups = 2}>();
  check_image_gradient<6, 6, 9, 9, 3, 3, Conv2dOptions{.stride = 2, .padding = 1, .groups = 6}>();
  // More phases than are worth steps: adjacent windows, elements after the last
  check_image_gradient<4, 6, 9, 13, 4, 4, Conv2dOptions{.stride = 4}>();
  check_image_gradient<4, 6, 17, 14, 5, 7, Conv2dOptions{.stride = 4, .padding = {1, 2}, .groups = 2}>();
  // elements between windows
  check_image_gradient<3, 5, 12, 23, 2, 3, Conv2dOptions{.stride = {1, 10}, .padding = {0, 1}, .dilation = {3, 1}}>();
  // borders wider than the stride
  check_image_gradient<3, 5, 12, 15, 11, 11, Conv2dOptions{.stride = {4, 3}, .padding = {5, 7}}>();
  check_image_gradient<4, 6, 16, 13, 3, 3, Conv2dOptions{.stride = 4, .dilation = 2}>();
  check_image_gradient<6, 6, 13, 13, 5, 5, Conv2dOptions{.stride = 4, .padding = 2, .groups = 6}>();
}

TEST_CASE("convolutions of few channels, whose windows nobody copies, are what their definition says") {
  // the sum over positions in several parts
  check_first_layer<9, 1, 16, 28, 28, 5, 5, Conv2dOptions{.padding = 2}>(2e-6);
  // filters that fill no register are copied
  check_first_layer<3, 1, 6, 28, 28, 5, 5, Conv2dOptions{}>(2e-6);
  check_first_layer<2, 1, 32, 7, 6, 3, 3, Conv2dOptions{.padding = 1}>(2e-6);
  check_first_layer<17, 3, 64, 16, 16, 3, 3, Conv2dOptions{.padding = 1}>(2e-6);
  check_first_layer<2, 3, 64, 32, 30, 7, 7, Conv2dOptions{.stride = 2, .padding = 3}>(2e-6);
  // windows in runs of two
  check_first_layer<2, 2, 20, 15, 17, 5, 3, Conv2dOptions{.stride = {2, 1}, .padding = 1, .dilation = {1, 2}}>(2e-6);
  // more filters than are worth transposing
  check_first_layer<2, 4, 130, 9, 8, 3, 3, Conv2dOptions{.stride = 2, .padding = 1}>(2e-6);
  // lines of three pixels, and more than fit a block
  check_first_layer<300, 2, 16, 3, 3, 3, 3, Conv2dOptions{.padding = 1}>(2e-6);
  // windows as wide as tiles are high
  check_first_layer<2, 16, 32, 14, 14, 3, 3, Conv2dOptions{.padding = 1}>(2e-6);
}

TEST_CASE("inference with weights in panels and training agree with each other, whatever the number of threads") {
  using X = Tensor<float, 2, 3, 24, 24>;
  Model<Net<2, 40>> net(Seed{3});
  const auto x = numbers<X>(4);
  auto one = inference<X>(net), two = inference<X>(net, Cpu{.threads = 2});
  const auto& y = one(x);
  CHECK(difference(two(x), y, 1) == 0);
  // In double precision, from the same parameters.
  const auto& n = *net;
  const Tensor<double, 2, 40, 12, 12> stem =
      relu(conv2d<Conv2dOptions{.stride = 2, .padding = 2}>(converted<Tensor<double, 2, 3, 24, 24>>(x),
                                                            cast<double>(n.stem.weight)) +
           reshape<40, 1, 1>(cast<double>(n.stem.bias)));
  const Tensor<double, 2, 40, 6, 6> pooled = max_pool2d<3, Pool2dOptions{.stride = 2, .padding = 1}>(stem);
  const Tensor<double, 2, 40, 6, 6> a =
      relu(conv2d<Conv2dOptions{.padding = 1}>(pooled, cast<double>(n.a.weight)) / std::sqrt(1. + 1e-5) + pooled);
  const Tensor<double, 2, 70, 6, 6> b =
      relu(conv2d(a, cast<double>(n.b.weight)) + reshape<70, 1, 1>(cast<double>(n.b.bias)));
  const Tensor<double, 2, 630> flat = flatten(avg_pool2d<2>(b));
  const Tensor<double, 2, 100> expected = matmul(flat, transpose(cast<double>(n.fc.weight))) + cast<double>(n.fc.bias);
  CHECK(difference(y, expected, largest(expected)) < 2e-5);
}

TEST_CASE("a training step of a convolutional net has the same bits on one thread and on two") {
  using X = Tensor<float, upto<4, 'B'>, 3, 24, 24>;
  using Y = Tensor<float, upto<4, 'B'>, 100>;
  Model<Net<4, 40>> a(Seed{5}), b(Seed{5});
  auto one = training<X, Y>(a, Squares{}, optim::Adam{.lr = 1e-3f});
  auto two = training<X, Y>(b, Squares{}, optim::Adam{.lr = 1e-3f}, Cpu{.threads = 2});
  auto x = numbers<X>(6);
  auto y = numbers<Y>(7);
  for (const int length : {4, 3, 1}) {
    x.template set_length<'B'>(length);
    y.template set_length<'B'>(length);
    CHECK(one(x, y).loss == two(x, y).loss);
  }
  CHECK(difference((*a).a.weight.view(), (*b).a.weight.view(), 1) == 0);
  CHECK(difference((*a).stem.weight.view(), (*b).stem.weight.view(), 1) == 0);
}

TEST_CASE("chunks of sums and tiles that threads take by themselves have the same bits, whatever their number") {
  using X = Tensor<float, 20, 1, 28, 26>;
  using Y = Tensor<float, 20, 11>;
  Model<FewChannels> a(Seed{5});
  auto one = training<X, Y>(a, Squares{}, optim::Adam{.lr = 1e-3f});
  const auto x = numbers<X>(6);
  const auto y = numbers<Y>(7);
  const float loss = one(x, y).loss;
  for (const int threads : {2, 3, 5}) {
    Model<FewChannels> b(Seed{5});
    auto several = training<X, Y>(b, Squares{}, optim::Adam{.lr = 1e-3f}, Cpu{.threads = threads});
    CHECK(several(x, y).loss == loss);
    CHECK(difference((*a).first.weight.view(), (*b).first.weight.view(), 1) == 0);
    CHECK(difference((*a).second.weight.view(), (*b).second.weight.view(), 1) == 0);
  }
}

TEST_CASE("a depthwise convolution is a dense one whose weights between channels are zero") {
  static constexpr Conv2dOptions dense{.stride = 2, .padding = 2, .dilation = 2},
      strided{.stride = 2, .padding = 2, .dilation = 2, .groups = 5};
  const auto x = numbers<Tensor<float, 2, 5, 9, 8>>(1);
  const auto w = numbers<Tensor<float, 5, 1, 3, 2>>(2);
  Tensor<float, 5, 5, 3, 2> all = 0.f * numbers<Tensor<float, 5, 5, 3, 2>>(3);
  for (int c = 0; c < 5; ++c)
    for (int i = 0; i < 6; ++i) all.data()[(c * 5 + c) * 6 + i] = w.data()[c * 6 + i];
  const auto f = [](auto image, auto k) { return sum(sin(conv2d<strided>(image, k))); };
  const auto g = [](auto image, auto k) { return sum(sin(conv2d<dense>(image, k))); };
  const Tensor<float, 2, 5, 5, 5> y = conv2d<strided>(x, w), expected = conv2d<dense>(x, all);
  CHECK(difference(y, expected, largest(expected)) < 1e-6);
  const auto [dx, dw] = grad(f, wrt<0, 1>)(x, w);
  const auto [dx_dense, dw_dense] = grad(g, wrt<0, 1>)(x, all);
  CHECK(difference(dx, dx_dense, largest(dx_dense)) < 1e-6);
  for (int c = 0; c < 5; ++c)
    for (int i = 0; i < 6; ++i)
      CHECK(dw.data()[c * 6 + i] == doctest::Approx(dw_dense.data()[(c * 5 + c) * 6 + i]).epsilon(1e-4));
}
