// Counts heap allocations of the program; main.cpp replaces the global operators.
#pragma once
#include <atomic>
#include <cstdint>

namespace support {

inline std::atomic<std::int64_t> allocations_so_far{0};

class Allocations {
 public:
  std::int64_t count() const { return allocations_so_far - start_; }

 private:
  std::int64_t start_ = allocations_so_far;
};

}  // namespace support
