// Options at the ends of their range: as in PyTorch, or an Error names the owner and the option, what was expected and
// what was found. Options that are part of a type do not compile out of range (tests/must_not_compile/).
#include <doctest/doctest.h>
#include <sinter/sinter.hpp>

using namespace sinter;

namespace {

/// What a call throws.
template <class F> std::string error_of(F f) {
  try {
    f();
  } catch (const Error& e) {
    CHECK(e.code() == ErrorCode::argument);
    return e.what();
  }
  return "no error";
}
/// The text of a schedule at 0, 1, 2, …
template <class S> std::string rates(const S& schedule, int n) {
  std::string text;
  for (int t = 0; t < n; ++t) {
    char number[32];
    std::snprintf(number, sizeof number, "%s%.5g", t > 0 ? " " : "", double(schedule(t)));
    text += number;
  }
  return text;
}

struct Net {
  nn::Linear<2, 2> fc;
  constexpr auto operator()(auto x) const { return fc(x); }
};
/// What making a training step throws.
template <class Optimizer> std::string error_of_step(Optimizer o) {
  static const Model<Net> net(Seed{1});
  return error_of([&] { training<Tensor<float, 2, 2>, Tensor<float, 2, 2>>(net, nn::mse_loss, o); });
}

}  // namespace

TEST_CASE("options of activations") {
  const Tensor<float, 3> x{-1, 0, 2};
  const Tensor<float, 3> infinite = softplus(x, 0.0), one = hardtanh(x, 1, 1), negative = softplus(x, -1.0),
                         all = hardshrink(x, -1);
  for (int i = 0; i < 3; ++i) CHECK((std::isinf(infinite(i)) && one(i) == 1 && all(i) == x(i)));
  CHECK(negative(0) == doctest::Approx(-1.3132617));
  CHECK(error_of([&] { celu(x, 0); }) == "celu, alpha: expected a number other than 0, found 0");
  CHECK(error_of([&] { hardtanh(x, 1, -1); }) == "hardtanh, max_val: expected min_val or more, found -1");
  CHECK(error_of([&] { softshrink(x, -0.5); }) == "softshrink, lambd: expected 0 or more, found -0.5");
  CHECK(error_of([&] { dropout(x, -0.5); }) == "dropout, p: expected 0 … 1, found -0.5");
}

TEST_CASE("options of normalisation and attention") {
  graph::Builder g;
  g.training = true;
  nn::BatchNorm1d<2> norm{.eps = 0};
  const auto x = graph::new_input<Sym<float, 4, 2>>(g);
  CHECK(error_of([&] { norm(x); }) == "BatchNorm, eps: expected a number above 0 in training, found 0");
  const Tensor<float, 1, 2, 4> q{{{1, 0, 0, 0}, {0, 1, 0, 0}}};
  const Tensor<float, 1, 2, 4> y =
      scaled_dot_product_attention<AttentionOptions{.dropout_p = 1}>(q, q, q);  // inference drops nothing
  CHECK(y(0, 0, 0) == doctest::Approx(.6224593));
  // As many groups as channels, a kernel as large as its image, padding beyond the kernel, a stride beyond the image.
  const Tensor<float, 1, 2, 2, 2> image{{{{1, 2}, {3, 4}}, {{5, 6}, {7, 8}}}};
  Tensor<float, 2, 1, 2, 2> filters;
  filters.fill(1.f);
  const Tensor<float, 1, 2, 1, 1> whole = conv2d<Conv2dOptions{.stride = 9, .groups = 2}>(image, filters);
  CHECK((whole(0, 0, 0, 0) == 10 && whole(0, 1, 0, 0) == 26));
  const Tensor<float, 1, 2, 7, 7> bordered = conv2d<Conv2dOptions{.padding = 3, .groups = 2}>(image, filters);
  CHECK((bordered(0, 0, 0, 0) == 0 && bordered(0, 0, 2, 2) == 1 && bordered(0, 0, 3, 3) == 10));
  const Tensor<float, 1, 2, 1, 1> largest = max_pool2d<2>(image), mean_of_all = adaptive_avg_pool2d<1>(image);
  CHECK((largest(0, 1, 0, 0) == 8 && mean_of_all(0, 0, 0, 0) == 2.5f));
  const Tensor<float, 1, 2, 1, 1> padded = avg_pool2d<3, Pool2dOptions{.padding = 1}>(image);
  CHECK(padded(0, 0, 0, 0) == doctest::Approx(10. / 9));  // torch: F.avg_pool2d(x, 3, padding=1)
}

TEST_CASE("numbers of optimizers") {
  using namespace optim;
  CHECK(error_of_step(SGD{.lr = 0, .momentum = 1, .dampening = 1}) == "no error");
  CHECK(error_of_step(SGD{.lr = -1}) == "SGD, lr: expected 0 or more, found -1");
  CHECK(error_of_step(SGD{.momentum = -.5f}) == "SGD, momentum: expected 0 or more, found -0.5");
  CHECK(error_of_step(SGD{.nesterov = 1}) == "SGD, nesterov: expected a momentum and no dampening, found 1");
  CHECK(error_of_step(SGD{.momentum = .5f, .dampening = .5f, .nesterov = 1}) ==
        "SGD, nesterov: expected a momentum and no dampening, found 1");
  CHECK(error_of_step(Adam{.beta1 = 0, .beta2 = 0, .eps = 0}) == "no error");
  CHECK(error_of_step(Adam{.beta1 = 1}) == "Adam, beta1: expected 0 or more, and less than 1, found 1");
  CHECK(error_of_step(AdamW{.beta2 = 1}) == "AdamW, beta2: expected 0 or more, and less than 1, found 1");
  CHECK(error_of_step(AMSGrad{.eps = -1}) == "AMSGrad, eps: expected 0 or more, found -1");
  CHECK(error_of_step(RMSprop{.alpha = -1}) == "RMSprop, alpha: expected 0 or more, found -1");
  CHECK(error_of_step(Adagrad{.lr_decay = -1}) == "Adagrad, lr_decay: expected 0 or more, found -1");
  CHECK(error_of_step(clip_norm(Adam{.lr = -1}, 1.f)) == "Adam, lr: expected 0 or more, found -1");
  CHECK(error_of_step(clip_norm(Adam{}, -1.f)) == "clip_norm, max_norm: expected 0 or more, found -1");
  CHECK(error_of_step(clip_value(Adam{}, -1.f)) == "clip_value, clip: expected 0 or more, found -1");
}

TEST_CASE("a step with numbers at the ends of their range leaves finite parameters") {
  Tensor<float, 2, 2> x{{1, 2}, {3, 4}}, y;
  const auto after = [&](auto optimizer) {
    Model<Net> net(Seed{1});
    auto step = training<Tensor<float, 2, 2>, Tensor<float, 2, 2>>(net, nn::mse_loss, optimizer);
    for (int i = 0; i < 3; ++i) step(x, y);
    return bool(all(isfinite(std::as_const(net)->fc.weight)));
  };
  CHECK(after(optim::Adam{.beta1 = 0, .beta2 = 0}));
  CHECK(after(optim::SGD{.momentum = 1, .dampening = 1}));
  CHECK(after(optim::RMSprop{.alpha = 0, .centered = 1}));
  CHECK(after(optim::clip_norm(optim::SGD{.lr = .1f}, 0.f)));
  CHECK(after(optim::clip_norm(optim::SGD{.lr = .01f}, std::numeric_limits<float>::infinity())));
  CHECK(after(optim::clip_value(optim::SGD{.lr = .1f}, 0.f)));
}

TEST_CASE("a gradient of zero has no norm to be divided by, one of infinity clips to NaN as in PyTorch") {
  Tensor<float, 2, 2> x, y;
  Model<Net> net(Seed{1});
  net->fc.weight = Tensor<float, 2, 2>{};
  net->fc.bias = Tensor<float, 2>{};
  auto step = training<Tensor<float, 2, 2>, Tensor<float, 2, 2>>(net, nn::mse_loss,
                                                                 optim::clip_norm(optim::SGD{.lr = .1f}, 1.f));
  step(x, y);
  CHECK(std::as_const(net)->fc.weight(0, 0) == 0);
  y(0, 0) = std::numeric_limits<float>::infinity();
  x(0, 0) = 1;
  step(x, y);
  CHECK(std::isnan(std::as_const(net)->fc.weight(0, 0)));
}

TEST_CASE("schedules") {  // torch.optim.lr_scheduler of lr 1
  using namespace optim;
  CHECK(rates(CosineAnnealingLR{.lr = 1, .T_max = 1}, 4) == "1 0 1 0");
  CHECK(rates(LinearLR{.lr = 1, .start_factor = 1, .end_factor = 0, .total_iters = 2}, 4) == "1 0.5 0 0");
  CHECK(rates(LinearLR{.lr = 1, .total_iters = 0}, 2) == "1 1");
  CHECK(rates(ExponentialLR{.lr = 1, .gamma = 0}, 3) == "1 0 0");
  CHECK(rates(MultiStepLR{.lr = 1, .milestones = {3, 1, 1}, .gamma = .5}, 5) == "1 0.25 0.25 0.125 0.125");
  CHECK(rates(MultiStepLR{.lr = 1}, 2) == "1 1");
  CHECK(rates(OneCycleLR{.max_lr = 1, .total_steps = 2}, 2) == "0.81175 4e-06");
  CHECK(rates(OneCycleLR{.max_lr = 1, .total_steps = 4, .pct_start = 0}, 4) == "0.85355 0.5 0.14645 4e-06");
  CHECK(rates(OneCycleLR{.max_lr = 1, .total_steps = 4, .pct_start = 1, .three_phase = true}, 4) == "0.04 0.28 0.76 1");
  CHECK(rates(OneCycleLR{.max_lr = 1, .total_steps = 4, .pct_start = .5, .three_phase = true}, 4) ==
        "0.04 1 0.04 4e-06");
  CHECK(rates(SequentialLR{std::tuple{ExponentialLR{1, .5}, ExponentialLR{1, .1}}, {0}}, 3) == "1 0.1 0.01");
  CHECK(error_of([] { StepLR{.step_size = 0}(1); }) == "StepLR, step_size: expected 1 or more, found 0");
  CHECK(error_of([] { CosineAnnealingLR{.T_max = 0}(0); }) == "CosineAnnealingLR, T_max: expected 1 or more, found 0");
  CHECK(error_of([] { LinearLR{.start_factor = 0}(0); }) ==
        "LinearLR, start_factor: expected more than 0, and 1 at most, found 0");
  CHECK(error_of([] { LinearLR{.end_factor = -1}(0); }) == "LinearLR, end_factor: expected 0 … 1, found -1");
  CHECK(error_of([] { OneCycleLR{.total_steps = 0}(0); }) == "OneCycleLR, total_steps: expected 1 or more, found 0");
  CHECK(error_of([] { OneCycleLR{.pct_start = 2}(0); }) == "OneCycleLR, pct_start: expected 0 … 1, found 2");
  CHECK(error_of([] { OneCycleLR{.div_factor = 0}(0); }) ==
        "OneCycleLR, div_factor: expected a number above 0, found 0");
}
