// Attributes for how functions are compiled, where it matters for code size.
#pragma once
#include "language.hpp"

/// For every function over registers: in large translation units g++ stops inlining, and registers are passed through
/// memory.
#define SINTER_INLINE [[gnu::always_inline]] inline

/// One copy of the function: neither inlined nor specialised for the arguments of each caller.
#if defined(__GNUC__) && !defined(__clang__) && !defined(__CUDACC__)
#define SINTER_OUTLINE [[gnu::noinline, gnu::noclone]]
#else
#define SINTER_OUTLINE [[gnu::noinline]]
#endif
/// The same for error paths and file readers: optimised for size, which compiles faster too.
#if defined(__clang__)  // to which cold says where the code is, not how large
#define SINTER_COLD SINTER_OUTLINE [[gnu::cold, clang::minsize]]
#else
#define SINTER_COLD SINTER_OUTLINE [[gnu::cold]]
#endif

/// 1 where the compiler assumes that nothing is NaN or infinite: x != x is then false, and an infinite constant
/// undefined.
#if defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__
#define SINTER_FINITE_MATH_ONLY 1
#else
#define SINTER_FINITE_MATH_ONLY 0
#endif

/// Hides from the optimiser how the number in a register was computed: an empty instruction that might change it. (g++
/// has __builtin_assoc_barrier, which its vectoriser drops, and which splits registers.)
#if defined(__AVX512F__)
#define SINTER_OPAQUE(register_) asm("" : "+v"(register_))
#elif defined(__SSE2__)
#define SINTER_OPAQUE(register_) asm("" : "+x"(register_))
#elif defined(__aarch64__)
#define SINTER_OPAQUE(register_) asm("" : "+w"(register_))
#else
#define SINTER_OPAQUE(register_) (void)(register_)
#endif

/// A kernel's body, after a lambda's parameters: one function with all its calls inlined, users' primitives too. A copy
/// that g++ specialises for its caller would lose that.
#if defined(__GNUC__) && !defined(__clang__) && !defined(__CUDACC__)
#define SINTER_KERNEL __attribute__((noinline, noclone, flatten))
#else
#define SINTER_KERNEL __attribute__((noinline, flatten))
#endif

/// What large kernels call, functions and lambdas: inlined into the function that is flattened around them,
/// SINTER_KERNEL or one with [[gnu::flatten]]. With always_inline at each of them, as small kernels need it, g++
/// optimises the body of a kernel once per level of calls. clang flattens a function's own calls alone.
#if defined(__GNUC__) && !defined(__clang__) && !defined(__CUDACC__)
#define SINTER_IN_KERNEL
#else
#define SINTER_IN_KERNEL __attribute__((always_inline))
#endif

/// A pointer into an object, for which clang warns if the object is a temporary: `const float* p = infer(x).data();`.
#if defined(__clang__)
#define SINTER_LIFETIMEBOUND [[clang::lifetimebound]]
#else
#define SINTER_LIFETIMEBOUND
#endif
