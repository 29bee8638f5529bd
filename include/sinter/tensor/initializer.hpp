// Initial values of parameters.
#pragma once
#include "language.hpp"

namespace sinter::inline SINTER_ABI {

/// How a new parameter is filled; see nn/init.hpp for the usual ones.
struct Initializer {
  enum class Kind : unsigned char { constant, uniform, normal } kind = Kind::constant;
  double a = 0, b = 0;  ///< the constant; or low and high; or mean and standard deviation
};

}  // namespace sinter
