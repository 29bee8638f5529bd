// How functions are compiled, where it matters for the size of programs.
#pragma once

/// One copy of the function: neither inlined nor specialised for the arguments of each caller.
#if defined(__GNUC__) && !defined(__clang__) && !defined(__CUDACC__)
#define SINTER_OUTLINE [[gnu::noinline, gnu::noclone]]
#else
#define SINTER_OUTLINE [[gnu::noinline]]
#endif
/// The same for functions that only run when something is wrong.
#define SINTER_COLD SINTER_OUTLINE [[gnu::cold]]
