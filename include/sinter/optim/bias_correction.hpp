// What moving averages that start at zero lack in their first steps.
#pragma once
#include "../nn/linear.hpp"

namespace sinter::optim {

/// 1 − βᵗ in step t, as a number of the step. In double precision: what β close to 1 leaves would otherwise be rounding.
constexpr auto bias_correction(const Scalar& beta, auto step) { return cast<float>(1.0 - exp(step * log(cast<double>(beta)))); }

}  // namespace sinter::optim
