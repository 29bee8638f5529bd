// Contractions of every type of sums (sinter::compiled).
#include "sinter/backend/cpu/contractions.hpp"

namespace sinter::inline SINTER_ABI::cpu {

#define SINTER_INSTANTIATE(T)                              \
  template void sum_products<T>(const Product<T>&);        \
  template void read_loops<T>(Contraction<T>&, ContractMethod); \
  template void sum_contraction<T>(const Contraction<T>&, const ContractionPoint<T>&);
SINTER_INSTANTIATE(float)
SINTER_INSTANTIATE(double)
SINTER_INSTANTIATE(std::int32_t)
SINTER_INSTANTIATE(std::int64_t)
SINTER_INSTANTIATE(std::uint32_t)
SINTER_INSTANTIATE(std::uint64_t)
#undef SINTER_INSTANTIATE

}  // namespace sinter::cpu
