// The Thrust backend against the CPU backend: one graph, two backends, the same numbers.
#include <sinter/backend/thrust/backend.hpp>
#include <sinter/sinter.hpp>
#include <sinter/train/profile.hpp>

#include <doctest/doctest.h>

#include <array>
#include <limits>
#include <tuple>

using namespace sinter;
using namespace sinter::internals;

namespace {

template <class S> using TensorOf = graph::tensor_of<S>;

/// F's results on a backend as a tuple. Elements that the program does not write stay 77.
template <class Backend, class F, class... X> auto results_on(const X&... x) {
  using Trace = graph::FunctionTrace<F, typename X::symbol...>;
  using Program = compile::Program<Trace, Backend>;
  return [&]<class... R>(std::tuple<R...>*) {
    std::tuple<TensorOf<R>...> results;
    std::apply([&](auto&... r) {
      (r.fill(77), ...);
      std::array inputs{eager::describe(x)...};
      const auto lengths = eager::run<Program>(inputs, std::array{eager::describe(r)...});
      (eager::set_lengths<Program>(r, lengths), ...);
    }, results);
    return results;
  }(static_cast<decltype(std::tuple_cat([](auto r) {
      if constexpr (is_sym_v<decltype(r)>) return std::tuple{r};
      else return r;
    }(graph::ResultOfTrace<F, typename X::symbol...>{})))*>(nullptr));
}

/// Every element of every result, including those past a run-time length, which neither backend may write. Both round
/// identically; they may differ in the last bit only where the compiler fuses a product and a sum in one of them.
template <class F, class... X> void check_same(const X&... x) {
  const auto cpu = results_on<cpu::Backend, F>(x...);
  const auto thrust = results_on<on_thrust::Backend, F>(x...);
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    ([&](const auto& a, const auto& b) {
      using T = typename std::remove_cvref_t<decltype(a)>::element;
      for (std::ptrdiff_t i = 0; i < a.size(); ++i) {
        const T p = a.data()[i], q = b.data()[i];
        if constexpr (std::is_floating_point_v<T>)
          CHECK(q == doctest::Approx(p).epsilon(4 * double(std::numeric_limits<T>::epsilon())));
        else CHECK(p == q);
      }
    }(std::get<I>(cpu), std::get<I>(thrust)), ...);
  }(std::make_index_sequence<std::tuple_size_v<decltype(cpu)>>{});
}

/// Floats in [−2, 2), integers in [−9, 9], bytes in [0, 18].
template <class T, auto... E> Tensor<T, E...> drawn(std::uint64_t seed) {
  Tensor<T, E...> x;
  const Philox random{Seed{seed}};
  for (std::ptrdiff_t i = 0; i < x.size(); ++i) {
    const auto n = std::uint64_t(i);
    if constexpr (std::is_floating_point_v<T>) x.data()[i] = T(4) * T(random.uniform(n)) - T(2);
    else x.data()[i] = static_cast<T>(int(random.below(n, 19)) - (std::is_signed_v<T> ? 9 : 0));
  }
  return x;
}

struct Chain {
  constexpr auto operator()(auto x) const { return tanh(exp(x * 0.5f) - 1.f) / sqrt(x * x + 1.f) + log(x * x + 2.f); }
};
struct Broadcasts {
  constexpr auto operator()(auto x, auto row, auto column, auto number) const { return (x - row) * column + number; }
};
struct Transposed {
  constexpr auto operator()(auto x, auto y) const { return transpose(x) * 2.f + y; }
};
struct Chosen {
  constexpr auto operator()(auto x, auto y) const { return std::tuple{select(x > y, x, maximum(y, 0.f)), x >= y}; }
};
struct Integers {
  constexpr auto operator()(auto a, auto b, auto c) const {
    return std::tuple{a * 3 - b, cast<std::int64_t>(b) * 100000000000, cast<float>(c) + 0.5f,
                      cast<std::uint8_t>(a * a)};
  }
};
struct TwoOutputs {
  constexpr auto operator()(auto x, auto y) const {
    const auto s = sigmoid(x + y);
    return std::tuple{s * x, s - y};
  }
};
struct Counted {
  constexpr auto operator()(auto labels) const { return select(one_hot<7>(remainder(labels, 7)), 1.f, -0.25f); }
};
struct PerLength {
  template <class X> constexpr auto operator()(X x) const {
    return (exp(x) + 1) / Sym<float>(graph::cast_to(graph::length(x.graph, 'B'), Dtype::float32));
  }
};
struct Dense {
  constexpr auto operator()(auto x, auto w, auto b) const {
    const auto y = transpose(softmax(matmul(x, w) + b)) * 2.f;
    return std::tuple{y, mean(y), amax<0>(x)};
  }
};

}  // namespace

TEST_CASE("thrust: a fused elementwise chain, in single and double precision") {
  check_same<Chain>(drawn<float, 1000>(1));
  check_same<Chain>(drawn<double, 33>(2));
  check_same<Chain>(drawn<float, 1>(3));
  check_same<Chain>(drawn<float, 3, 0>(3));
}

TEST_CASE("thrust: operands are repeated along either side") {
  check_same<Broadcasts>(drawn<float, 5, 17>(4), drawn<float, 17>(5), drawn<float, 5, 1>(6), drawn<float>(7));
  check_same<Broadcasts>(drawn<float, 2, 3, 19>(4), drawn<float, 3, 1>(5), drawn<float, 2, 1, 1>(6),
                         drawn<float, 1, 19>(7));
}

TEST_CASE("thrust: transposed operands and strided views are read in place") {
  check_same<Transposed>(drawn<float, 13, 21>(8), drawn<float, 21, 13>(9));
  const auto square = drawn<float, 6, 6>(10);
  const TensorView<const float, 3, 6> every_second(square.data(), {12, 1});
  check_same<Transposed>(every_second, drawn<float, 6, 3>(11));
}

TEST_CASE("thrust: masks choose, and are results") {
  check_same<Chosen>(drawn<float, 9, 11>(12), drawn<float, 9, 11>(13));
}

TEST_CASE("thrust: integer types") {
  check_same<Integers>(drawn<std::int32_t, 45>(14), drawn<std::int32_t, 45>(15), drawn<std::uint8_t, 45>(16));
}

TEST_CASE("thrust: two results of one kernel") {
  check_same<TwoOutputs>(drawn<float, 40>(17), drawn<float, 3, 40>(18));
}

TEST_CASE("thrust: values that are counted, not read") { check_same<Counted>(drawn<std::int32_t, 12>(19)); }

TEST_CASE("thrust: work follows the run-time length; what lies after it is neither read nor written") {
  for (const int n : {0, 1, 3, 8}) {
    CAPTURE(n);
    auto x = drawn<float, upto<8, 'B'>, 5>(20);
    x.set_length<'B'>(n);
    for (int i = n * 5; i < 40; ++i) x.data()[i] = std::numeric_limits<float>::quiet_NaN();
    check_same<Chain>(x);
    check_same<PerLength>(x);
    const auto [y] = results_on<on_thrust::Backend, Chain>(x);
    CHECK(y.template length<'B'>() == n);
    for (int i = 0; i < 40; ++i) CHECK((y.data()[i] == 77) == (i >= n * 5));
  }
}

TEST_CASE("thrust: rows and contractions take the host's kernels, in one program with maps") {
  check_same<Dense>(drawn<float, 31, 12>(21), drawn<float, 12, 10>(22), drawn<float, 10>(23));
}

TEST_CASE("thrust: a policy of inference and training selects it") {
  using Net = nn::Sequential<nn::Linear<12, 9>, nn::Tanh, nn::Linear<9, 4>>;
  Model<Net> here(Seed{1}), there(Seed{1});
  const auto x = drawn<float, 20, 12>(24);
  const auto y = drawn<float, 20, 4>(25);
  auto step = training<Tensor<float, 20, 12>, Tensor<float, 20, 4>>(here, nn::mse_loss, optim::Adam{.lr = 1e-2f});
  auto same_step = training<Tensor<float, 20, 12>, Tensor<float, 20, 4>>(there, nn::mse_loss, optim::Adam{.lr = 1e-2f},
                                                                         Thrust{});
  for (int i = 0; i < 10; ++i) CHECK(same_step(x, y).loss == doctest::Approx(step(x, y).loss).epsilon(1e-5));
  auto infer = inference<Tensor<float, 20, 12>>(there, Thrust{});
  const Profile p = profile(ProfileOptions{.runs = 3, .roof = false}, infer, x);
  REQUIRE(!p.steps.empty());
  CHECK(p.steps[0].variant.substr(0, 8) == "20x9x12,");  // the host's products
  CHECK(infer(x)(19, 3) == doctest::Approx(inference<Tensor<float, 20, 12>>(here)(x)(19, 3)).epsilon(1e-4));
}
