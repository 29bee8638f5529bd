// The language level. Every header that includes no other one of the library includes this one first, so that an older
// level is one error: what does not exist is a fatal one to g++, clang and nvcc, after which they print nothing more.
#pragma once

#if (defined(_MSVC_LANG) ? _MSVC_LANG : __cplusplus) < 202002L
#error "sinter needs C++20: compile with -std=c++20 or later (CMake: target_compile_features(app PRIVATE cxx_std_20))"
#include <sinter/needs/cxx20>
#endif

#include "../version.hpp"
