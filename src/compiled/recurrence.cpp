// Recurrence over time, forward and backward (sinter::compiled).
#include "sinter/backend/cpu/recur_gradient.hpp"

namespace sinter::inline SINTER_ABI::cpu {

template void CustomKernel<ops::Recurrence>::run<float>(const CustomCall&);
template void CustomKernel<ops::Recurrence>::run<double>(const CustomCall&);
template void CustomKernel<ops::RecurrenceGradient>::run<float>(const CustomCall&);
template void CustomKernel<ops::RecurrenceGradient>::run<double>(const CustomCall&);

}  // namespace sinter::cpu
