// Layers and losses of a user's own: what the library's are written with, a user has too.
#include <doctest/doctest.h>

#include <sinter/sinter.hpp>

using namespace sinter;

namespace {

/// x minus the mean of each channel, plus a shift; a training step moves a running mean by half, which inference
/// subtracts.
template <int Channels> struct Centered {
  Param<float, Channels> shift{nn::init::zeros()};
  Buffer<float, Channels> running_mean;
  Buffer<std::int64_t> steps;

  template <TypedSymbol X> constexpr auto operator()(const X& given) const {
    static_assert(symbol_of<X>::shape.rank == 3 && symbol_of<X>::shape[1] == Channels);
    const auto x = at_least_float32(given);
    if (!is_training(x)) return x - reshape<Channels, 1>(running_mean - shift);
    check_several<0, 2>(x, "Centered, values for each channel");
    const auto mean = sum<0, 2>(x) / numel<0, 2>(x);
    running_mean.update((running_mean + mean) * 0.5f);
    steps.update(steps + 1);
    return x - reshape<Channels, 1>(mean - shift);
  }
};

/// The sum over all classes but the label's of max(0, 1 + score − score of the label).
constexpr auto multi_margin = [](auto scores, auto labels) {
  check_range(labels, "multi_margin, labels", 0, scores.shape[1]);
  const auto chosen = one_hot<scores.shape[1]>(labels);
  const auto of_label = sum<1>(select(chosen, scores, 0.f), keepdims);
  return mean(sum<1>(select(chosen, 0.f, relu(scores - of_label + 1.f))));
};

}  // namespace

TEST_CASE("a layer of a user's own knows training from inference, counts bounded lengths and keeps buffers") {
  Model<Centered<2>> net(Seed{1});
  using Batch = Tensor<float, upto<4, 'B'>, 2, 3>;
  auto step = training<Batch, Batch>(net, nn::mse_loss, optim::SGD{.lr = 0});
  Batch x;
  x.set_length<'B'>(2);
  x.fill(100);  // beyond the length too
  x(0) = Tensor<float, 2, 3>{{1, 1, 1}, {1, 1, 1}};
  x(1) = Tensor<float, 2, 3>{{3, 3, 3}, {5, 5, 5}};
  step(x, x);
  CHECK(net->running_mean(0) == 1);  // half of the mean 2
  CHECK(net->running_mean(1) == 1.5f);
  step(x, x);
  CHECK(net->running_mean(0) == 1.5f);
  CHECK(net->steps() == 2);
  auto infer = inference<Tensor<int, 1, 2, 3>>(net);
  const auto y = infer(Tensor<int, 1, 2, 3>{{{1, 2, 3}, {4, 5, 6}}});
  static_assert(std::is_same_v<std::remove_cvref_t<decltype(y)>, Tensor<float, 1, 2, 3>>);
  CHECK(y(0, 0, 0) == -0.5f);
  CHECK(y(0, 1, 2) == 6 - 2.25f);
}

TEST_CASE("a loss of a user's own refuses labels that are no classes") {
  // torch.nn.functional.multi_margin_loss(scores, labels) * 3: PyTorch divides by the number of classes
  const Tensor<float, 2, 3> scores{{0.5f, 1, -1}, {2, 0, 1.5f}};
  const float loss = jit(multi_margin)(scores, Tensor<int, 2>{1, 0});
  CHECK(loss == doctest::Approx(0.5f));
  CHECK_THROWS_AS(jit(multi_margin)(scores, Tensor<int, 2>{1, 3}), Error);
}

TEST_CASE("shapes, dtypes and extents of operands are constants; a number may keep its type") {
  const Tensor<float, upto<4, 'B'>, 6> x;
  const auto doubled = x * 2.f;
  static_assert(symbol_of<decltype(x)>::shape == symbol_of<decltype(doubled)>::shape);
  static_assert(doubled.shape[1] == 6 && doubled.dtype == Dtype::float32 && x.dtype == Dtype::float32);
  static_assert(extent_of<decltype(doubled), 0> == upto<4, 'B'> && extent_of<decltype(x), 1> == 6);
  static_assert(std::is_same_v<symbol_of<decltype(x * number<double>(2))>, Sym<double, upto<4, 'B'>, 6>>);
  static_assert(std::is_same_v<symbol_of<decltype(x * 2.0)>, Sym<float, upto<4, 'B'>, 6>>);
  CHECK(!is_training(x));
  CHECK(!is_training(doubled));
}
