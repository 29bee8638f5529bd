// optim/: optimizers, clipping and schedules against PyTorch's.
#include <doctest/doctest.h>
#include <sinter/sinter.hpp>

#include "../support/reference_values.hpp"

using namespace sinter;

namespace {

using Net = nn::Linear<4, 3>;
using X = Tensor<float, 6, 4>;
using Y = Tensor<float, 6, 3>;

void load(const Tensor<float, 3, 4>& weight, const Tensor<float, 3>& bias, Model<Net>& net) {
  std::copy(weight.begin(), weight.end(), net->weight.data());
  std::copy(bias.begin(), bias.end(), net->bias.data());
}

/// Eight steps on the reference problem give the case's losses and parameters.
template <class Optimizer> void check(const std::string& name, Optimizer optimizer) {
  CAPTURE(name);
  Model<Net> net;
  load(support::reference_tensor<Tensor<float, 3, 4>>("optim.weight"),
       support::reference_tensor<Tensor<float, 3>>("optim.bias"), net);
  auto step = training<X, Y>(net, nn::mse_loss, optimizer);
  const auto x = support::reference_tensor<X>("optim.x");
  const auto y = support::reference_tensor<Y>("optim.y");
  for (const double expected : support::reference_value(name + ".losses").elements)
    CHECK(step(x, y).loss == doctest::Approx(expected).epsilon(1e-5));
  net.for_each_parameter([&](const std::string& parameter, const auto& p) {
    const auto& v = support::reference_value(name + "." + parameter);
    for (std::size_t i = 0; i < v.elements.size(); ++i)
      CHECK(p.data()[i] == doctest::Approx(v.elements[i]).epsilon(2e-5));
  });
}

template <class Schedule> void check_schedule(const std::string& name, const Schedule& schedule) {
  CAPTURE(name);
  const auto& v = support::reference_value(name);
  for (std::size_t t = 0; t < v.elements.size(); ++t)
    CHECK(schedule(std::int64_t(t)) == doctest::Approx(v.elements[t]).epsilon(1e-6));
}

}  // namespace

TEST_CASE("SGD: plain, with decay, momentum, dampening, and Nesterov's momentum") {
  check("sgd.defaults", optim::SGD{});
  check("sgd.decay", optim::SGD{.lr = .1f, .weight_decay = .1f});
  check("sgd.momentum", optim::SGD{.lr = .1f, .momentum = .9f, .dampening = .3f, .weight_decay = .02f});
  check("sgd.dampening_alone", optim::SGD{.lr = .1f, .dampening = .3f});
  check("sgd.nesterov", optim::SGD{.lr = .1f, .momentum = .8f, .nesterov = true});
}

TEST_CASE("Adam, AdamW and AMSGrad") {
  check("adam.defaults", optim::Adam{});
  check("adam.decay", optim::Adam{.lr = .3f, .beta1 = .8f, .beta2 = .5f, .eps = 1e-7f, .weight_decay = .02f});
  check("adamw.defaults", optim::AdamW{});
  check("adamw", optim::AdamW{.lr = .1f, .beta1 = .8f, .beta2 = .95f, .eps = 1e-3f, .weight_decay = .2f});
  check("amsgrad", optim::AMSGrad{.lr = .3f, .beta1 = .8f, .beta2 = .5f, .eps = 1e-7f, .weight_decay = .02f});
}

TEST_CASE("RMSprop: plain, with momentum, centered") {
  check("rmsprop.defaults", optim::RMSprop{});
  check("rmsprop.momentum",
        optim::RMSprop{.lr = .05f, .alpha = .8f, .eps = 1e-4f, .weight_decay = .02f, .momentum = .7f});
  check("rmsprop.centered", optim::RMSprop{.lr = .02f, .alpha = .8f, .eps = 1e-2f, .momentum = .5f, .centered = true});
}

TEST_CASE("Adagrad") {
  check("adagrad.defaults", optim::Adagrad{});
  check(
      "adagrad",
      optim::Adagrad{.lr = .3f, .lr_decay = .1f, .weight_decay = .02f, .initial_accumulator_value = .5f, .eps = 1e-4f});
}

TEST_CASE("clipping by norm and by value") {
  check("clip_norm", optim::clip_norm(optim::SGD{.lr = .1f, .momentum = .5f}, .7f));
  check("clip_norm.far_off", optim::clip_norm(optim::SGD{.lr = .1f, .momentum = .5f}, 1000));
  check("clip_value", optim::clip_value(optim::AdamW{.lr = .1f}, .25f));
}

TEST_CASE("numbers of a wrapped optimizer and of its wrapper are inputs of the step") {
  Model<Net> net(Seed{1});
  const auto x = support::reference_tensor<X>("optim.x");
  const auto y = support::reference_tensor<Y>("optim.y");
  auto step = training<X, Y>(net, nn::mse_loss, optim::clip_norm(optim::SGD{.lr = 1.f}, .5f));
  const auto moved = [&](auto&& change) {
    const Model<Net> before = net;
    change();
    step(x, y);
    double square = 0;
    for (std::int64_t i = 0; i < net.parameters; ++i)
      square += std::pow(double(net.data()[i]) - double(before.data()[i]), 2);
    return std::sqrt(square);
  };
  CHECK(moved([] {}) == doctest::Approx(.5).epsilon(1e-4));  // the norm of the clipped gradient
  CHECK(moved([&] { step.optimizer.max_norm = .25f; }) == doctest::Approx(.25).epsilon(1e-4));
  CHECK(moved([&] { step.optimizer.lr = .5f; }) == doctest::Approx(.125).epsilon(1e-4));
}

TEST_CASE("a gradient that is not a number stays one when clipped") {
  Model<Net> net(Seed{1});
  auto x = support::reference_tensor<X>("optim.x");
  const auto y = support::reference_tensor<Y>("optim.y");
  x(0, 0) = std::numeric_limits<float>::quiet_NaN();
  training<X, Y>(net, nn::mse_loss, optim::clip_value(optim::SGD{.lr = .1f}, .25f))(x, y);
  CHECK(std::isnan(net->weight(0, 0)));
}

TEST_CASE("schedules") {
  check_schedule("lr.step", optim::StepLR{.lr = .4, .step_size = 7, .gamma = .3});
  check_schedule("lr.multi_step", optim::MultiStepLR{.lr = .4, .milestones = {4, 9, 20}, .gamma = .5});
  check_schedule("lr.exponential", optim::ExponentialLR{.lr = .4, .gamma = .8});
  check_schedule("lr.cosine", optim::CosineAnnealingLR{.lr = .4, .T_max = 20, .eta_min = .01});
  check_schedule("lr.linear", optim::LinearLR{.lr = .4});
  check_schedule("lr.linear_down", optim::LinearLR{.lr = .4, .start_factor = 1, .end_factor = .2, .total_iters = 12});
  const optim::SequentialLR sequence{
      std::tuple{optim::LinearLR{.lr = .4, .start_factor = .1, .total_iters = 5},
                 optim::CosineAnnealingLR{.lr = .4, .T_max = 15}, optim::ExponentialLR{.lr = .4, .gamma = .5}},
      {5, 20}};
  check_schedule("lr.sequence", sequence);
}

TEST_CASE("one cycle: rates, and the momentum that goes with them") {
  const auto check_both = [](const std::string& name, const optim::OneCycleLR& cycle) {
    check_schedule("lr." + name, cycle);
    check_schedule("momentum." + name, [&](std::int64_t t) { return cycle.momentum(t); });
  };
  check_both("one_cycle", {.max_lr = .4, .total_steps = 30});
  check_both(
      "one_cycle_linear",
      {.max_lr = .4, .total_steps = 30, .pct_start = .45, .linear = true, .div_factor = 10, .final_div_factor = 50});
  check_both("one_cycle_three",
             {.max_lr = .4, .total_steps = 30, .base_momentum = .7, .max_momentum = .9, .three_phase = true});
  const optim::OneCycleLR cycle{.max_lr = .4, .total_steps = 30};
  CHECK(cycle(100) == cycle(29));
}
