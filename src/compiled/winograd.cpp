// Convolutions by Winograd's minimal filtering, and their gradients (sinter::compiled).
#include "sinter/backend/cpu/winograd.hpp"
#include "sinter/backend/cpu/winograd_gradient.hpp"

namespace sinter::inline SINTER_ABI::cpu {

template void convolve<>(const Convolution&);
template void sum_gradient<>(const WeightGradient&);
template void CustomKernel<TransformedFilters>::run<float>(const CustomCall&);

}  // namespace sinter::cpu
