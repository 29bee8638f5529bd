// How functions are compiled, where it matters for the size of programs.
#pragma once

/// Every function over registers, whatever the compiler's mood: in large translation units g++ stops inlining, and a register
/// that crosses a call goes through memory.
#define SINTER_INLINE [[gnu::always_inline]] inline

/// One copy of the function: neither inlined nor specialised for the arguments of each caller.
#if defined(__GNUC__) && !defined(__clang__) && !defined(__CUDACC__)
#define SINTER_OUTLINE [[gnu::noinline, gnu::noclone]]
#else
#define SINTER_OUTLINE [[gnu::noinline]]
#endif
/// The same for functions that run when something is wrong, or a file is read: for size, which compiles faster too.
#define SINTER_COLD SINTER_OUTLINE [[gnu::cold]]

/// A kernel's body, behind a lambda's parameters: one function with everything it calls inlined, users' primitives too. A copy that g++
/// specialises for its caller would lose that.
#if defined(__GNUC__) && !defined(__clang__) && !defined(__CUDACC__)
#define SINTER_KERNEL __attribute__((noinline, noclone, flatten))
#else
#define SINTER_KERNEL __attribute__((noinline, flatten))
#endif
