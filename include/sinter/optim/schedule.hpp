// Learning rate schedules: functions of the number of completed epochs or steps.
#pragma once
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <numbers>
#include <tuple>
#include <vector>

#include "../tensor/option.hpp"

namespace sinter::inline SINTER_ABI::optim {

/// A schedule is a plain struct that maps a number from 0 on to a learning rate, by
/// the closed form of PyTorch's scheduler of the same name; `lr` is the initial learning rate. Count in epochs or in
/// steps, in the unit of its members:
///
///   auto step = training(net, batches, loss, optim::SGD{.lr = optim::CosineAnnealingLR{.lr = .1, .T_max = steps}});
///
///   const optim::CosineAnnealingLR schedule{.lr = 1e-3, .T_max = epochs};    // or by hand
///   for (int epoch = 0; epoch < epochs; ++epoch) {
///     step.optimizer.lr = schedule(epoch);
///     …
///
/// lr · gammaᵏ after k · step_size. PyTorch: torch.optim.lr_scheduler.StepLR.
struct StepLR {
  double lr = 1e-3;
  std::int64_t step_size = 1;
  double gamma = 0.1;
  float operator()(std::int64_t t) const {
    check_option(step_size >= 1, "StepLR", "step_size", "1 or more", double(step_size));
    return float(lr * std::pow(gamma, double(t / step_size)));
  }
};

/// lr · gammaᵏ when k of the milestones, in any order, are reached. PyTorch: torch.optim.lr_scheduler.MultiStepLR.
struct MultiStepLR {
  double lr = 1e-3;
  std::vector<std::int64_t> milestones = {};
  double gamma = 0.1;
  float operator()(std::int64_t t) const {
    return float(lr * std::pow(gamma, double(std::count_if(milestones.begin(), milestones.end(),
                                                           [t](std::int64_t m) { return m <= t; }))));
  }
};

/// lr · gammaᵗ. PyTorch: torch.optim.lr_scheduler.ExponentialLR.
struct ExponentialLR {
  double lr = 1e-3, gamma = 0.9;
  float operator()(std::int64_t t) const { return float(lr * std::pow(gamma, double(t))); }
};

/// Half a cosine from lr at 0 to eta_min at T_max, and back. PyTorch: torch.optim.lr_scheduler.CosineAnnealingLR.
struct CosineAnnealingLR {
  double lr = 1e-3;
  std::int64_t T_max = 1;
  double eta_min = 0;
  float operator()(std::int64_t t) const {
    check_option(T_max >= 1, "CosineAnnealingLR", "T_max", "1 or more", double(T_max));
    return float(eta_min + (lr - eta_min) * (1 + std::cos(std::numbers::pi * double(t) / double(T_max))) / 2);
  }
};

/// A straight line from lr · start_factor at 0 to lr · end_factor at total_iters, and constant from there: a warm-up;
/// one of 0 iterations is over at once. PyTorch: torch.optim.lr_scheduler.LinearLR (which stays at its start if
/// total_iters is 0).
struct LinearLR {
  double lr = 1e-3, start_factor = 1.0 / 3, end_factor = 1;
  std::int64_t total_iters = 5;
  float operator()(std::int64_t t) const {
    check_option(start_factor > 0 && start_factor <= 1, "LinearLR", "start_factor", "more than 0, and 1 at most",
                 start_factor);
    check_option(end_factor >= 0 && end_factor <= 1, "LinearLR", "end_factor", "0 … 1", end_factor);
    const double share = total_iters > 0 ? double(std::min(t, total_iters)) / double(total_iters) : 1;
    return float(lr * (start_factor + (end_factor - start_factor) * share));
  }
};

/// Up from max_lr / div_factor to max_lr over the first pct_start of the steps, then down to 1 / final_div_factor of
/// the initial value (Smith and Topin, "Super-convergence", 2018). It counts steps; after the last it stays constant,
/// where PyTorch throws. `momentum(t)` goes the other way: for SGD's momentum or Adam's beta1. PyTorch:
/// torch.optim.lr_scheduler.OneCycleLR.
struct OneCycleLR {
  double max_lr = 1e-2;
  std::int64_t total_steps = 1;
  double pct_start = 0.3;
  bool linear = false;  ///< linear instead of half cosines (PyTorch: anneal_strategy="linear")
  double base_momentum = 0.85, max_momentum = 0.95, div_factor = 25, final_div_factor = 1e4;
  bool three_phase = false;  ///< down symmetrically to the rise, then down to the end

  float operator()(std::int64_t t) const {
    const double start = max_lr / div_factor, end = start / final_div_factor;
    return three_phase ? along(t, {start, max_lr, start, end}) : along(t, {start, max_lr, end, end});
  }
  float momentum(std::int64_t t) const { return along(t, {max_momentum, base_momentum, max_momentum, max_momentum}); }

 private:
  /// The value at step t of a line through four corners; with two phases the last two coincide.
  float along(std::int64_t t, std::array<double, 4> value) const {
    check_option(total_steps >= 1, "OneCycleLR", "total_steps", "1 or more", double(total_steps));
    check_option(pct_start >= 0 && pct_start <= 1, "OneCycleLR", "pct_start", "0 … 1", pct_start);
    check_option(div_factor > 0, "OneCycleLR", "div_factor", "a number above 0", div_factor);
    check_option(final_div_factor > 0, "OneCycleLR", "final_div_factor", "a number above 0", final_div_factor);
    const double last = double(total_steps) - 1, up = pct_start * double(total_steps) - 1,
                 down = three_phase ? 2 * pct_start * double(total_steps) - 2 : last;
    const std::array<double, 4> at{0, up, down, last};
    const double now = std::min(double(t), last);
    const std::size_t phase = now <= up ? 0 : now <= down ? 1 : 2;
    const double length = at[phase + 1] - at[phase], share = length > 0 ? (now - at[phase]) / length : 1;
    const double weight = linear ? share : (1 - std::cos(std::numbers::pi * share)) / 2;
    return float(value[phase] + (value[phase + 1] - value[phase]) * weight);
  }
};

/// One schedule after another: each but the first starts at its milestone, counting from 0 there.
///   const optim::SequentialLR schedule{
///       std::tuple{optim::LinearLR{.lr = 1e-3, .total_iters = 5}, optim::CosineAnnealingLR{.lr = 1e-3, .T_max = 95}},
///       {5}};
/// PyTorch: torch.optim.lr_scheduler.SequentialLR.
template <class... Schedules> struct SequentialLR {
  static_assert(sizeof...(Schedules) > 0, "a sequence has at least one schedule");
  std::tuple<Schedules...> schedules;
  std::array<std::int64_t, sizeof...(Schedules) - 1> milestones;

  float operator()(std::int64_t t) const { return from<sizeof...(Schedules) - 1>(t); }

 private:
  template <std::size_t Index> float from(std::int64_t t) const {
    if constexpr (Index == 0) return std::get<0>(schedules)(t);
    else return t >= milestones[Index - 1] ? std::get<Index>(schedules)(t - milestones[Index - 1]) : from<Index - 1>(t);
  }
};
template <class... S> SequentialLR(std::tuple<S...>, std::array<std::int64_t, sizeof...(S) - 1>) -> SequentialLR<S...>;

}  // namespace sinter::optim
