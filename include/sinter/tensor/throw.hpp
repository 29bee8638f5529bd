// How errors leave the library: the one header that throws, for programs without exceptions too.
#pragma once
#include <cstdio>
#include <cstdlib>
#include <exception>

#include "attributes.hpp"

/// What is done with an error, which is derived from std::exception. A program may define it before it includes the
/// library; should it return, std::abort follows.
#ifndef SINTER_THROW
#ifdef __cpp_exceptions
#define SINTER_THROW(error) throw error
#else
#define SINTER_THROW(error) std::fprintf(stderr, "sinter: %s\n", (error).what())
#endif
#endif

namespace sinter::inline SINTER_ABI::tensor_detail {

template <class E> [[noreturn]] SINTER_COLD void raise(E error) {
  SINTER_THROW(error);
  std::abort();
}

/// Calls f; returns the exception with which it ended, if it did.
template <class F> std::exception_ptr exception_of(F&& f) {
#ifdef __cpp_exceptions
  try {
    f();
  } catch (...) {
    return std::current_exception();
  }
#else
  f();
#endif
  return nullptr;
}

}  // namespace sinter::tensor_detail
