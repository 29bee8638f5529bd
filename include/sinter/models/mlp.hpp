// A multilayer perceptron for images of 28 × 28 pixels.
#pragma once
#include "../tensor/optimised_begin.hpp"
#include "../nn/activation.hpp"
#include "../nn/linear.hpp"
#include "../nn/sequential.hpp"

namespace sinter::inline SINTER_ABI::models {

/// 784-256-128-10: [B, 784] → [B, 10].
using Mlp = nn::Sequential<nn::Linear<784, 256>, nn::ReLU, nn::Linear<256, 128>, nn::ReLU, nn::Linear<128, 10>>;

}  // namespace sinter::models

#include "../tensor/optimised_end.hpp"
