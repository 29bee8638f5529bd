// How functions are compiled, where it matters for the size of programs.
#pragma once

/// Every function over registers, whatever the compiler's mood: in large translation units g++ stops inlining, and a
/// register that crosses a call goes through memory.
#define SINTER_INLINE [[gnu::always_inline]] inline

/// One copy of the function: neither inlined nor specialised for the arguments of each caller.
#if defined(__GNUC__) && !defined(__clang__) && !defined(__CUDACC__)
#define SINTER_OUTLINE [[gnu::noinline, gnu::noclone]]
#else
#define SINTER_OUTLINE [[gnu::noinline]]
#endif
/// The same for functions that run when something is wrong, or a file is read: for size, which compiles faster too.
#define SINTER_COLD SINTER_OUTLINE [[gnu::cold]]

/// 1 where the compiler takes for granted that nothing is NaN or infinite: x != x is then false, and an infinity as a
/// constant anything.
#if defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__
#define SINTER_FINITE_MATH_ONLY 1
#else
#define SINTER_FINITE_MATH_ONLY 0
#endif

/// Keeps the number in a register from being taken for the expression that made it: an empty instruction that might
/// change it. (g++ has __builtin_assoc_barrier, which its vectoriser forgets, and which splits registers.)
#if defined(__AVX512F__)
#define SINTER_OPAQUE(register_) asm("" : "+v"(register_))
#elif defined(__SSE2__)
#define SINTER_OPAQUE(register_) asm("" : "+x"(register_))
#elif defined(__aarch64__)
#define SINTER_OPAQUE(register_) asm("" : "+w"(register_))
#else
#define SINTER_OPAQUE(register_) (void)(register_)
#endif

/// A kernel's body, behind a lambda's parameters: one function with everything it calls inlined, users' primitives too.
/// A copy that g++ specialises for its caller would lose that.
#if defined(__GNUC__) && !defined(__clang__) && !defined(__CUDACC__)
#define SINTER_KERNEL __attribute__((noinline, noclone, flatten))
#else
#define SINTER_KERNEL __attribute__((noinline, flatten))
#endif

/// A pointer into an object, of which clang warns where the object is a temporary: `const float* p = infer(x).data();`.
#if defined(__clang__)
#define SINTER_LIFETIMEBOUND [[clang::lifetimebound]]
#else
#define SINTER_LIFETIMEBOUND
#endif
