// The kernels that do not depend on a model: contractions and Winograd's transforms, attention, recurrence. Their
// definitions are included, unless SINTER_COMPILED says that they are linked (sinter::compiled, src/compiled/).
#pragma once
#include "contraction.hpp"
#include "custom_kernels.hpp"
#if !defined(SINTER_COMPILED)
#include "attend_gradient.hpp"
#include "contractions.hpp"
#include "recur_gradient.hpp"
#endif

namespace sinter::inline SINTER_ABI::cpu {

/// The methods of the code that is called: what is linked has all of them.
#if defined(SINTER_COMPILED)
template <SumsSet> inline constexpr SumsSet linked_methods = any_sums;
#else
template <SumsSet Methods> inline constexpr SumsSet linked_methods = Methods;
#endif

}  // namespace sinter::cpu
