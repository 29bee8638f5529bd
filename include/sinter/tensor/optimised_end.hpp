// The end of what optimised_begin.hpp begins.
#if defined(__GNUC__) && !defined(__clang__) && !defined(__CUDACC__) && !defined(SINTER_PLAIN_DEBUG)
#pragma GCC diagnostic pop
#pragma GCC pop_options
#endif
