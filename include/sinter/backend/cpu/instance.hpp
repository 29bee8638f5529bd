// What the code of a kernel depends on beside its arguments, as a type that is part of the kernel's name: a library
// that was compiled for other instructions (sinter::compiled) does not link, instead of computing something else.
#pragma once
#include "tile.hpp"

namespace sinter::inline SINTER_ABI::cpu {

/// Defining SINTER_NO_WINOGRAD, in all translation units, keeps to direct sums of products.
#if defined(SINTER_NO_WINOGRAD)
inline constexpr bool use_winograd = false;
#else
inline constexpr bool use_winograd = lanes >= 4;
#endif

/// The instruction sets for which code is written or generated, one bit each.
inline constexpr unsigned instructions = 0
#if defined(__AVX__)
                                         | 1u
#endif
#if defined(__AVX2__)
                                         | 2u
#endif
#if defined(__FMA__) || defined(__aarch64__)
                                         | 4u
#endif
#if defined(__F16C__)
                                         | 8u
#endif
#if defined(__AVX512F__)
                                         | 16u
#endif
#if defined(__AVX512VL__)
                                         | 32u
#endif
#if defined(__AVX512DQ__)
                                         | 64u
#endif
    ;
#if defined(_OPENMP)
inline constexpr bool has_openmp = true;
#else
inline constexpr bool has_openmp = false;
#endif

/// `Lanes` and `Rows`: of a register tile of floats. `Threads`: OpenMP.
template <int Lanes, int Rows, unsigned Instructions, bool Winograd, bool Threads> struct CompiledFor {};
using Instance = CompiledFor<lanes, Tile<float>::rows, instructions, use_winograd, has_openmp>;

}  // namespace sinter::cpu
