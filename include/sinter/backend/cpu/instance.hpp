// What the code of a kernel depends on beside its arguments, as a type that is part of the kernel's name: a library
// that was compiled with other flags (sinter::compiled) does not link, instead of computing something else.
#pragma once
#include "tile.hpp"

namespace sinter::inline SINTER_ABI::cpu {

/// `Lanes` and `Rows`: of a register tile of floats. `Fused`: products and sums are rounded once. `Threads`: OpenMP.
template <int Lanes, int Rows, bool Fused, bool Threads> struct CompiledFor {};

#if defined(__FMA__) || defined(__aarch64__)
inline constexpr bool is_fused = true;
#else
inline constexpr bool is_fused = false;
#endif
#if defined(_OPENMP)
inline constexpr bool has_openmp = true;
#else
inline constexpr bool has_openmp = false;
#endif

using Instance = CompiledFor<lanes, Tile<float>::rows, is_fused, has_openmp>;

}  // namespace sinter::cpu
