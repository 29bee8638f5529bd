// Debug builds of g++: what the library's headers define is optimised, so that a network trains while its user's code
// is stepped through. Headers that users include begin with this file and end with optimised_end.hpp, also nested.
// SINTER_PLAIN_DEBUG turns it off, to debug the library itself. clang has no such thing.
#if defined(__GNUC__) && !defined(__clang__) && !defined(__CUDACC__) && !defined(SINTER_PLAIN_DEBUG)
#pragma GCC push_options
#pragma GCC diagnostic push
#if !defined(__OPTIMIZE__)
#pragma GCC optimize("O2")
#pragma GCC diagnostic ignored "-Wuninitialized"  // g++ warns of its own AVX-512 intrinsics (GCC bug 105593)
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#endif
