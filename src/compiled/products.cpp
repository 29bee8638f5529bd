// Products of every type of sums (sinter::compiled).
#include "sinter/backend/cpu/products.hpp"

namespace sinter::cpu {

template void sum_products<float>(const Product<float>&);
template void sum_products<double>(const Product<double>&);
template void sum_products<std::int32_t>(const Product<std::int32_t>&);
template void sum_products<std::int64_t>(const Product<std::int64_t>&);
template void sum_products<std::uint32_t>(const Product<std::uint32_t>&);
template void sum_products<std::uint64_t>(const Product<std::uint64_t>&);

}  // namespace sinter::cpu
