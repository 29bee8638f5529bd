// compile/: the results of the passes on graphs. Plans are examined as data, at run time.
#include <doctest/doctest.h>
#include <sinter/backend/generic/executor.hpp>
#include <sinter/compile/print_passes.hpp>
#include <sinter/sinter.hpp>

#include "../support/files.hpp"

using namespace sinter;
using namespace sinter::internals;

namespace {

template <class F, class... S> compile::Plan plan_of() {
  return compile::compile(graph::FunctionTrace<F, S...>{}(), 0, cpu::target).run;
}
template <class F, class... S> compile::Plan plan_of(F, S...) { return plan_of<F, S...>(); }

template <class F, class... S> using ProgramOf = compile::Program<graph::FunctionTrace<F, S...>, cpu::Backend>;

struct Block {
  nn::Linear<32, 32> up, down;
  constexpr auto operator()(auto x) const { return x + down(relu(up(x))); }
};
struct Small {
  nn::Linear<64, 32> fc1;
  nn::Linear<32, 10> fc2;
  constexpr auto operator()(auto x) const { return fc2(relu(fc1(x))); }
};
template <int N> struct Deep {
  std::array<Block, N> blocks;
  constexpr auto operator()(auto x) const {
    for (const Block& b : blocks) x = b(x);
    return x;
  }
};
template <int N> compile::Plan deep_plan() {
  using X = Tensor<float, 16, 32>;
  using Trace = train::TrainingTrace<Deep<N>, train::OfOutput<nn::MeanSquaredError<>>, optim::Adam, false, X, X>;
  return compile::compile(Trace{}(), 0, cpu::target).run;
}

}  // namespace

TEST_CASE("a chain of elementwise operations is one kernel without a buffer") {
  const auto p = plan_of([](auto a, auto b, auto c) { return tanh(a * b + c) * a - relu(b - c); }, Sym<float, 64, 64>{},
                         Sym<float, 64, 64>{}, Sym<float, 64>{});
  CHECK(p.steps == 1);
  CHECK(p.arena_bytes == 0);
}

TEST_CASE("softmax is one row kernel, also with what surrounds it") {
  CHECK(plan_of([](auto x) { return softmax(x); }, Sym<float, 64, 100>{}).steps == 1);
  const auto p =
      plan_of([](auto x, auto y) { return softmax(x * 2.f + y) * y; }, Sym<float, 64, 100>{}, Sym<float, 64, 100>{});
  CHECK(p.steps == 1);
  CHECK(p.arena_bytes == 0);
}

TEST_CASE("bias and activation are the epilogue of a contraction") {
  const auto p = plan_of([](auto x, auto w, auto b) { return relu(matmul(x, transpose(w)) + b); }, Sym<float, 32, 64>{},
                         Sym<float, 48, 64>{}, Sym<float, 48>{});
  CHECK(p.steps == 1);
  CHECK(p.arena_bytes == 0);
}

TEST_CASE("views cost nothing: they are index arithmetic of the kernel that reads them") {
  const auto p = plan_of([](auto x, auto y) { return slice<1, 0, 8, 2>(transpose(x)) + reshape<6, 4>(y); },
                         Sym<float, 9, 6>{}, Sym<float, 24>{});
  CHECK(p.steps == 1);
  CHECK(p.arena_bytes == 0);
}

TEST_CASE("operands of a concatenation are computed where they belong") {
  const auto p =
      plan_of([](auto x, auto y) { return concatenate<0>(x * 2.f, tanh(y)); }, Sym<float, 4, 8>{}, Sym<float, 3, 8>{});
  CHECK(p.steps == 2);
  CHECK(p.arena_bytes == 0);
}

TEST_CASE("a dead argument, a dead computation and stop_gradient leave no trace") {
  const auto p = plan_of([](auto x, auto y) {
    (void)exp(y);
    return stop_gradient(x) + 1.f;
  }, Sym<float, 16>{}, Sym<float, 16>{});
  CHECK(p.steps == 1);
  CHECK(p.nodes <= 3);
}

TEST_CASE("buffers share the arena: a deep chain needs no more than a short one") {
  constexpr auto layers = []<int N>(std::integral_constant<int, N>) {
    return [](auto x, auto w) {
      for (int i = 0; i < N; ++i) x = relu(matmul(x, w));
      return x;
    };
  };
  const auto two = plan_of(layers(std::integral_constant<int, 3>{}), Sym<float, 32, 32>{}, Sym<float, 32, 32>{});
  const auto ten = plan_of(layers(std::integral_constant<int, 10>{}), Sym<float, 32, 32>{}, Sym<float, 32, 32>{});
  CHECK(ten.steps == 10);
  CHECK(ten.arena_bytes == two.arena_bytes);
}

TEST_CASE("kernels are instantiated once: twelve equal blocks have no more of them than two") {
  const compile::Plan two = deep_plan<2>(), twelve = deep_plan<12>();
  CHECK(twelve.steps > 5 * two.steps);
  CHECK(twelve.kernel.size() == two.kernel.size());
}

TEST_CASE("sizes are arguments, not identity: one structure at three shapes is one kernel") {
  constexpr auto f = [](auto x, auto y) { return tanh(x) * y; };
  const auto a = plan_of(f, Sym<float, 10, 20>{}, Sym<float, 10, 20>{}),
             b = plan_of(f, Sym<float, 300, 7>{}, Sym<float, 300, 7>{}),
             c = plan_of(f, Sym<float, 10, 20>{}, Sym<float, 20>{});
  const auto words = [](const compile::Plan& p) { return std::vector<std::uint64_t>(p.words.begin(), p.words.end()); };
  CHECK(words(a) == words(b));
  CHECK(words(a) != words(c));  // a stride of 0 is identity
}

TEST_CASE("small programs are straight-line code, large ones a table of steps") {
  constexpr auto f = [](auto x, auto w) { return relu(matmul(x, w)); };
  static_assert(ProgramOf<decltype(f), Sym<float, 4, 8>, Sym<float, 8, 8>>::straight_line);
  static_assert(!ProgramOf<decltype(f), Sym<float, 256, 256>, Sym<float, 256, 256>>::straight_line);
}

TEST_CASE("an output may take over an input only where nothing is read too late") {
  constexpr auto elementwise = [](auto x, auto y) { return x * y + x; };
  using E = ProgramOf<decltype(elementwise), Sym<float, 8, 8>, Sym<float, 8, 8>>;
  static_assert(E::may_share(0, 0) && E::may_share(1, 0));
  constexpr auto transposed = [](auto x, auto y) { return transpose(x) + y; };
  using T = ProgramOf<decltype(transposed), Sym<float, 8, 8>, Sym<float, 8, 8>>;
  static_assert(!T::may_share(0, 0) && T::may_share(1, 0));
  constexpr auto product = [](auto x, auto y) { return matmul(x, y); };
  using M = ProgramOf<decltype(product), Sym<float, 8, 8>, Sym<float, 8, 8>>;
  static_assert(!M::may_share(0, 0) && !M::may_share(1, 0));
  // Rows are read by several passes, of which the last stores.
  constexpr auto rows = [](auto x, auto scale) { return softmax(x) * scale; };
  using R = ProgramOf<decltype(rows), Sym<float, 8, 32>, Sym<float, 8, 1>>;
  static_assert(R::steps == 1 && R::may_share(0, 0) && !R::may_share(1, 0));
  constexpr auto early = [](auto x) {
    const auto e = exp(x);
    return std::tuple{e, x - sum<1>(e, keepdims)};  // the first is stored while x is still to be read
  };
  using P = ProgramOf<decltype(early), Sym<float, 8, 32>>;
  static_assert(P::steps == 1 && !P::may_share(0, 0) && P::may_share(0, 1));
  constexpr auto after = [](auto x, auto w, auto y) { return relu(matmul(x, w) + y); };
  using B = ProgramOf<decltype(after), Sym<float, 8, 8>, Sym<float, 8, 8>, Sym<float, 8, 8>>;
  static_assert(B::steps == 1 && !B::may_share(0, 0) && !B::may_share(1, 0) && B::may_share(2, 0));
  constexpr auto two = [](auto x, auto y) {
    const auto p = relu(x);
    return std::tuple{p, p * y};
  };
  using D = ProgramOf<decltype(two), Sym<float, 8, 8>, Sym<float, 8, 8>>;
  // y is read after the first store
  static_assert(D::steps == 1 && D::may_share(0, 0) && D::may_share(0, 1) && !D::may_share(1, 0) && D::may_share(1, 1));
  constexpr auto gathered = [](auto x, auto i) { return gather<0>(x, i) + 1; };
  using G = ProgramOf<decltype(gathered), Sym<float, 8, 8>, Sym<int, 8, 8>>;
  static_assert(!G::may_share(0, 0));
}

TEST_CASE("workspace, operations and kernels of a step are constants") {
  using Step = decltype(training<Tensor<float, 16, 64>, Tensor<int, 16>>(std::declval<const Model<Small>&>(),
                                                                         nn::cross_entropy, optim::Adam{}));
  static_assert(Step::parameters == 64 * 32 + 32 + 32 * 10 + 10);
  static_assert(Step::workspace_bytes < 256 * 1024);
  // Forward and two backward products, without the first layer's input
  // gradient: 2 · 16 · (2 · 64 · 32 + 3 · 32 · 10), and a little more.
  static_assert(Step::flops > 2 * 16 * (2 * 64 * 32 + 3 * 32 * 10) &&
                Step::flops < 3 * 16 * (2 * 64 * 32 + 3 * 32 * 10));
  CHECK(Step::Program::steps < 20);
}

TEST_CASE("outputs that take over inputs which others still read") {
  using graph::Value;
  const auto check = [](auto f, const std::array<float, 8>& expected) {
    graph::Builder g;
    const Value a{&g, g.input(Dtype::float32, shape_of<4>)}, b{&g, g.input(Dtype::float32, shape_of<4>)};
    const auto [x, y] = f(a, b);
    g.outputs.push(x.id);
    g.outputs.push(y.id);
    g.overwrites.push(0);
    g.overwrites.push(1);
    generic::Program program(g);
    std::array<float, 4> p{1, 2, 3, 4}, q{10, 20, 30, 40};
    program.run({p.data(), q.data()}, {p.data(), q.data()});
    for (std::size_t i = 0; i < 4; ++i) {
      CHECK(p[i] == expected[i]);
      CHECK(q[i] == expected[4 + i]);
    }
  };
  check([](Value a, Value b) { return std::pair{b, a}; }, {10, 20, 30, 40, 1, 2, 3, 4});
  check([](Value a, Value b) { return std::pair{a + b, b - a}; }, {11, 22, 33, 44, 9, 18, 27, 36});
  check(
      [](Value a, Value b) {
        return std::pair{a + graph::flip(b, 1), b + graph::flip(a, 1)};
      },
      {41, 32, 23, 14, 14, 23, 32, 41});
  check(
      [](Value a, Value b) {
        return std::pair{a + ops::reduced<ops::Sum>(b, 1), b + ops::reduced<ops::Sum>(a, 1)};
      },
      {101, 102, 103, 104, 20, 30, 40, 50});
}
TEST_CASE("a contraction of twelve axes") {
  graph::Builder g;
  Shape s;
  for (int i = 0; i < 8; ++i) s.push(2);
  const std::array<std::int64_t, 8> order{1, 3, 5, 7, 0, 2, 4, 6};
  const graph::Value a{&g, g.input(Dtype::float32, s)}, b{&g, g.input(Dtype::float32, s)};
  const int p = g.add(graph::primitive<ops::Permute>, &a.id, 1, order.data(), 8),
            q = g.add(graph::primitive<ops::Permute>, &b.id, 1, order.data(), 8);
  g.outputs.push(ops::Contract::apply(&g, p, q, 0, 4).id);
  std::vector<float> x(256), y(256), z(256);
  for (std::size_t i = 0; i < 256; ++i) x[i] = float(i % 7), y[i] = float(i % 5);
  generic::Program(g).run({x.data(), y.data()}, {z.data()});
  const auto at = [](unsigned kept, unsigned summed) {  // kept bits at odd axes, summed ones at even axes
    std::size_t index = 0;
    for (int t = 3; t >= 0; --t) index = index * 4 + (summed >> t & 1) * 2 + (kept >> t & 1);
    return index;
  };
  for (unsigned r = 0; r < 16; ++r)
    for (unsigned c = 0; c < 16; ++c) {
      float sum = 0;
      for (unsigned k = 0; k < 16; ++k) sum += x[at(r, k)] * y[at(c, k)];
      CHECK(z[r * 16 + c] == sum);
    }
}

TEST_CASE("a program's steps are constants") {
  constexpr auto f = [](auto x, auto w) { return softmax(matmul(x, w)); };
  using P = compile::Program<graph::FunctionTrace<decltype(f), Sym<float, 32, 20>, Sym<float, 20, 40>>, cpu::Backend>;
  static_assert(P::steps == 2 && P::step_list.size() == 2 && P::distinct_kernels == 2);
  static_assert(P::step_list[0].kind == compile::KernelKind::contract &&
                P::step_list[1].kind == compile::KernelKind::row);
  static_assert(P::flops > 2 * 32 * 20 * 40 && P::bytes_moved > 0 && P::workspace_bytes > 0);
}

TEST_CASE("a kernel is named by one number, and found again by it") {
  using First = compile::RegisteredKernel<0, 0>::Code;
  using Second = compile::RegisteredKernel<0, 1>::Code;
  static_assert(!std::is_same_v<First, Second>);
  static_assert(First::words[1] == 0 && Second::words[1] == 1 && Second::body.folded == 1);
  static_assert(graph::type_text<Second>().size() < 200);
  // The key depends on every word and on their order, also where they differ in their highest bits alone, which a
  // multiplication moves to no other.
  constexpr std::uint64_t top = std::uint64_t(1) << 63;
  constexpr std::uint64_t words[][2]{{0, 0}, {top, 0},   {0, top},           {top, top},
                                      {1, 2}, {2, 1}, {top, top | top >> 32}};
  for (const auto& a : words)
    for (const auto& b : words)
      CHECK((compile::key_of(a, 2) == compile::key_of(b, 2)) == (a[0] == b[0] && a[1] == b[1]));
}

TEST_CASE("every pass shows what it has made to an observer, in the order in which they run") {
  graph::Builder g;
  const graph::Value w{&g, g.input(Dtype::float32, shape_of<32, 64>)}, x{&g, g.input(Dtype::float32, shape_of<4, 64>)};
  g.outputs.push((ops::Contract::apply(&g, x.id, w.id, 0, 1) + 1.0).id);
  std::vector<std::string> passes;
  const auto note = [&](const char* pass, const auto&...) { passes.push_back(pass); };
  compile::compile(g, 1, cpu::target, note);
  const std::vector<std::string> steps{"simplify", "fuse", "order", "emit", "chain", "allocate"};
  std::vector<std::string> expected{"trace", "fold affine", "expand", "hoist", "join siblings", "prepare", "rest"};
  for (int half = 0; half < 2; ++half) expected.insert(expected.end(), steps.begin(), steps.end());
  CHECK(passes == expected);
  passes.clear();
  compile::compile(g, 0, cpu::target, note);
  expected = steps;
  expected.insert(expected.begin(), {"trace", "expand", "hoist"});
  CHECK(passes == expected);

  const support::TemporaryFile file;
  std::FILE* const out = std::fopen(file.path().c_str(), "w");
  compile::compile(g, 0, cpu::target, compile::PrintPasses{.only = "fuse", .out = out});
  std::fclose(out);
  CHECK(file.read() == "---- fuse\nkernel 0, contract, level 0: %2 contract, %4 add (stored)\n");
}
