// The order in which samples are visited.
#pragma once
#include <algorithm>
#include <limits>
#include <numeric>
#include <span>
#include <string>
#include <vector>

#include "../tensor/error.hpp"
#include "../tensor/random.hpp"

namespace sinter::inline SINTER_ABI::data {

/// Shuffles numbers into an order that depends on seed and stream alone (Fisher-Yates).
inline void shuffle(std::span<std::size_t> numbers, Seed seed, std::uint64_t stream = 0) {
  const Philox random(seed, stream);
  for (std::size_t i = numbers.size(); i > 1; --i)
    std::swap(numbers[i - 1], numbers[random.below(i, std::uint32_t(i))]);
}
/// 0 … n − 1 in such an order. PyTorch: torch.randperm.
inline std::vector<std::size_t> shuffled(std::size_t n, Seed seed, std::uint64_t stream = 0) {
  std::vector<std::size_t> order(n);
  std::iota(order.begin(), order.end(), std::size_t{});
  shuffle(order, seed, stream);
  return order;
}

/// Draws numbers in proportion to weights, with replacement. PyTorch: torch.utils.data.WeightedRandomSampler.
class WeightedSampler {
 public:
  /// Throws `Error` when a weight is negative, or when their sum is zero or not finite.
  explicit WeightedSampler(const std::vector<double>& weights) : reach_(weights.size()) {
    double sum = 0;
    for (std::size_t i = 0; i < weights.size(); ++i) {
      if (!(weights[i] >= 0))
        throw_error(ErrorCode::argument, "weight " + std::to_string(i),
                    "expected 0 or more, found " + std::to_string(weights[i]));
      reach_[i] = sum += weights[i];
    }
    if (!(sum > 0 && sum <= std::numeric_limits<double>::max()))
      throw_error(ErrorCode::argument, "weights", "expected a sum above 0 and finite, found " + std::to_string(sum));
  }
  /// Fills `numbers` with draws that depend on seed and stream alone.
  void draw(std::span<std::size_t> numbers, Seed seed, std::uint64_t stream = 0) const {
    const Philox random(seed, stream);
    for (std::size_t k = 0; k < numbers.size(); ++k) {
      // uniform in [0, 1)
      const double share = (double(random.bits(2 * k) >> 5) * 0x1p26 + double(random.bits(2 * k + 1) >> 6)) * 0x1p-53;
      const auto at = std::upper_bound(reach_.begin(), reach_.end() - 1, share * reach_.back());
      numbers[k] = std::size_t(at - reach_.begin());
    }
  }

 private:
  std::vector<double> reach_;  ///< the inclusive prefix sums of the weights
};

}  // namespace sinter::data
