// What a processor can do at most, as profiles compare steps with it.
#pragma once
#include <algorithm>
#include <vector>

#include "../tensor/language.hpp"

namespace sinter::inline SINTER_ABI::internals::backend {

/// The roofline of a program: what its steps cannot exceed (Williams, Waterman and Patterson, "Roofline", 2009). All
/// zeros and no levels: not known.
struct Roof {
  double flops = 0;                   ///< operations per second, of float
  double double_flops = 0;            ///< and of double
  struct Level {
    double bytes = 0, bandwidth = 0;  ///< working sets of up to so many bytes move at so many bytes per second
  };
  std::vector<Level> levels;          ///< caches, the smallest first, and memory

  /// The shortest time for this many operations and bytes; bytes come from the level that holds them.
  double seconds(double operations, double bytes, bool of_double = false) const {
    const double peak = of_double ? double_flops : flops;
    double rate = levels.empty() ? 0 : levels.back().bandwidth;
    for (std::size_t i = levels.size(); i-- > 0;)
      if (bytes <= levels[i].bytes) rate = levels[i].bandwidth;
    return std::max(peak > 0 ? operations / peak : 0, rate > 0 ? bytes / rate : 0);
  }
};

}  // namespace sinter::internals::backend
