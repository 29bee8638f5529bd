// LeNet (LeCun et al., 1998) with ReLU and max pooling, for images of 28 × 28 pixels.
#pragma once
#include "../tensor/optimised_begin.hpp"
#include "../nn/activation.hpp"
#include "../nn/convolution.hpp"
#include "../nn/linear.hpp"
#include "../nn/pooling.hpp"
#include "../nn/sequential.hpp"

namespace sinter::inline SINTER_ABI::models {

/// Images [B, 1, 28, 28] → [B, 10].
using LeNet = nn::Sequential<nn::Conv2d<1, 16, 5, Padding<2>>, nn::ReLU, nn::MaxPool2d<2>,
                             nn::Conv2d<16, 32, 5, Padding<2>>, nn::ReLU, nn::MaxPool2d<2>,
                             nn::Flatten, nn::Linear<1568, 128>, nn::ReLU, nn::Linear<128, 10>>;

}  // namespace sinter::models

#include "../tensor/optimised_end.hpp"
