// Gradients of several batches for one step of an optimizer.
#pragma once
#include "parts.hpp"

namespace sinter::inline SINTER_ABI::optim {

/// See `accumulate`.
template <int Batches, class Optimizer> struct Accumulate : Around<Optimizer> {
  static_assert(Batches > 0, "gradients are accumulated over at least one batch");
  SINTER_AROUND()

  static constexpr int moments = 1 + Optimizer::moments;  ///< the sum of gradients is the first

  constexpr auto update(auto step, const auto& parts) const {
    const auto steps = ceil(step / double(Batches));
    const auto is_last = step == steps * double(Batches);
    return std::apply([&](const auto&... p) {
      const auto moved = sinter::optim::update(this->inner(), steps, std::make_tuple(with_mean(p)...));
      return [&]<std::size_t... Each>(std::index_sequence<Each...>) {
        return std::make_tuple(chosen(is_last, p, std::get<Each>(moved))...);
      }(std::make_index_sequence<sizeof...(p)>{});
    }, parts);
  }

 private:
  static constexpr auto sum(const auto& p) { return std::get<0>(p.moments) + p.gradient * (1.f / float(Batches)); }
  template <class P> static constexpr auto with_mean(const P& p) {
    return std::apply([&](const auto&, const auto&... others) {
      return part<P::group>(p.value, sum(p), std::make_tuple(others...));
    }, p.moments);
  }
  /// After the last batch what the optimizer returns, before it what was.
  static constexpr auto chosen(const auto& is_last, const auto& p, const auto& moved) {
    return std::apply([&](const auto& value, const auto&... moments) {
      return [&]<std::size_t... Each>(std::index_sequence<Each...>) {
        const auto total = sum(p);
        return std::tuple{select(is_last, value, p.value), select(is_last, 0.f, total),
                          select(is_last, moments, std::get<1 + Each>(p.moments))...};
      }(std::make_index_sequence<sizeof...(moments)>{});
    }, moved);
  }
};

/// The optimizer, moving parameters at every `Batches`-th call of the step, by the mean of the gradients since then: as
/// if the batches were one. `step.steps()` counts calls. PyTorch: (loss / Batches).backward() several times, then
/// optimizer.step().
template <int Batches, class Optimizer> constexpr Accumulate<Batches, Optimizer> accumulate(Optimizer optimizer) {
  return {{optimizer}};
}

}  // namespace sinter::optim
