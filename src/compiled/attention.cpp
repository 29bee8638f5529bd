// Attention, forward and backward (sinter::compiled).
#include "sinter/backend/cpu/attend_gradient.hpp"

namespace sinter::inline SINTER_ABI::cpu {

template void CustomKernel<ops::Attention>::run<float>(const CustomCall&);
template void CustomKernel<ops::Attention>::run<double>(const CustomCall&);
template void CustomKernel<ops::AttentionGradient>::run<float>(const CustomCall&);
template void CustomKernel<ops::AttentionGradient>::run<double>(const CustomCall&);

}  // namespace sinter::cpu
