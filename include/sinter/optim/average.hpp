// Averages of parameters over steps.
#pragma once
#include <cstdint>

#include "../tensor/option.hpp"
#include "parts.hpp"

namespace sinter::inline SINTER_ABI::optim {

/// Which steps an average of parameters takes.
struct AverageOptions {
  std::int64_t start = 1;  ///< the first step
  std::int64_t every = 1;  ///< and each so many after it
};

/// See `ema` and `swa`.
template <class Optimizer> struct Average : Around<Optimizer> {
  Scalar decay = 0.f;  ///< 0: all steps count alike
  Scalar start = 1.f, every = 1.f;
  SINTER_AROUND(decay, start, every)

  static constexpr int moments = 1 + Optimizer::moments;  ///< the average is the first

  constexpr void check() const {
    check_option(decay.value() >= 0 && decay.value() < 1, "ema", "decay", "0 or more, and below 1",
                 double(decay.value()));
    check_option(start.value() >= 1, "swa", "start", "1 or more", double(start.value()));
    check_option(every.value() >= 1, "swa", "every", "1 or more", double(every.value()));
    this->check_inner();
  }
  constexpr auto update(auto step, const auto& parts) const {
    return std::apply([&](const auto&... p) {
      const auto moved = sinter::optim::update(this->inner(), step, std::make_tuple(without_average(p)...));
      const auto taken = (step - start) / every;  // steps that the average has, where this is one of them
      const auto is_taken = logical_and(step >= start, taken == floor(taken));
      const auto share = cast<float>(select(decay > 0.f, 1.f - decay, 1.f / (taken + 1.f)));
      const auto begins = step <= start;
      return [&]<std::size_t... Each>(std::index_sequence<Each...>) {
        return std::make_tuple(with_average(p, std::get<Each>(moved), begins, is_taken, share)...);
      }(std::make_index_sequence<sizeof...(p)>{});
    }, parts);
  }

 private:
  template <class P> static constexpr auto without_average(const P& p) {
    return std::apply([&](const auto&, const auto&... others) {
      return part<P::group>(p.value, p.gradient, std::make_tuple(others...));
    }, p.moments);
  }
  static constexpr auto with_average(const auto& p, const auto& moved, const auto& begins, const auto& is_taken,
                                     const auto& share) {
    return std::apply([&](const auto& value, const auto&... others) {
      const auto before = std::get<0>(p.moments);
      const auto average = select(begins, value, select(is_taken, before + share * (value - before), before));
      return std::tuple{value, average, others...};
    }, moved);
  }
};

namespace average_detail {
template <class Optimizer> inline constexpr bool is_average = false;
template <class Optimizer> inline constexpr bool is_average<Average<Optimizer>> = true;
template <class Optimizer> consteval int find() {
  if constexpr (is_average<Optimizer>) return 0;
  else if constexpr (requires { typename Optimizer::sinter_base; }) {
    using Inner = typename Optimizer::sinter_base;
    return find<Inner>() < 0 ? -1 : Optimizer::moments - Inner::moments + find<Inner>();
  } else return -1;
}
}  // namespace average_detail
/// Which of an optimizer's moments is an average of the parameters; −1 for none.
template <class Optimizer> inline constexpr int average_of = average_detail::find<Optimizer>();

/// The optimizer, with an exponential moving average of the parameters: `decay` of the average before and the rest of
/// the new parameters, after every step. `step.averaged()` is a model that has it:
///
///   auto step = training(net, batches, nn::cross_entropy, optim::ema(optim::Adam{}, .999f));
///   … const Model<Net> smooth = step.averaged();
///
/// PyTorch: torch.optim.swa_utils.AveragedModel with get_ema_multi_avg_fn(decay).
template <class Optimizer> constexpr Average<Optimizer> ema(Optimizer optimizer, float decay) {
  return {{optimizer}, decay, 1.f, 1.f};
}
/// The optimizer, with the mean of the parameters after the steps that the options name (stochastic weight averaging,
/// Izmailov et al., 2018): `optim::swa(optim::SGD{}, {.start = 1000, .every = 100})`. Before the first of them
/// `step.averaged()` has the parameters as they are. PyTorch: torch.optim.swa_utils.AveragedModel.
template <class Optimizer> constexpr Average<Optimizer> swa(Optimizer optimizer, AverageOptions o) {
  return {{optimizer}, 0.f, float(o.start), float(o.every)};
}

}  // namespace sinter::optim
