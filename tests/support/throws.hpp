// The error that a call throws, to check its text.
#pragma once
#include <doctest/doctest.h>
#include <sinter/tensor/error.hpp>

namespace support {

template <class F> sinter::Error thrown(F&& f) {
  try {
    f();
  } catch (const sinter::Error& e) {
    return e;
  }
  FAIL("no error was thrown");
  throw 0;
}

}  // namespace support
