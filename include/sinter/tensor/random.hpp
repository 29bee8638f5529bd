// Counter-based random numbers: the n-th number of a stream is a function of seed, stream and n alone, so it is the
// same on every backend and for every number of threads.
#pragma once
#include <array>
#include <cmath>
#include <cstdint>

#include "language.hpp"

namespace sinter::inline SINTER_ABI {

/// The seed of all random numbers of a model or loader.
struct Seed {
  std::uint64_t value = 0;
};

/// Philox-4x32 with ten rounds (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011).
class Philox {
 public:
  constexpr explicit Philox(Seed seed, std::uint64_t stream = 0) : key_(seed.value), stream_(stream) {}

  static constexpr std::array<std::uint32_t, 2> multiplier{0xD2511F53u, 0xCD9E8D57u}, weyl{0x9E3779B9u, 0xBB67AE85u};
  /// Four 32-bit numbers from a 128-bit counter and a 64-bit key.
  static constexpr std::array<std::uint32_t, 4> block(std::array<std::uint32_t, 4> c, std::array<std::uint32_t, 2> k) {
    for (int round = 0; round < 10; ++round) {
      const std::uint64_t p = std::uint64_t(multiplier[0]) * c[0], q = std::uint64_t(multiplier[1]) * c[2];
      c = {std::uint32_t(q >> 32) ^ c[1] ^ k[0], std::uint32_t(q), std::uint32_t(p >> 32) ^ c[3] ^ k[1],
           std::uint32_t(p)};
      k = {k[0] + weyl[0], k[1] + weyl[1]};
    }
    return c;
  }
  /// 32 bits as a number in [0, 1), in steps of 2⁻²⁴.
  static constexpr float to_uniform(std::uint32_t bits) { return float(std::int32_t(bits >> 8)) * 0x1p-24f; }

  /// The n-th 32-bit number of the stream.
  constexpr std::uint32_t bits(std::uint64_t n) const {
    const auto four =
        block({std::uint32_t(n >> 2), std::uint32_t(n >> 34), std::uint32_t(stream_), std::uint32_t(stream_ >> 32)},
              {std::uint32_t(key_), std::uint32_t(key_ >> 32)});
    return four[n & 3];
  }
  /// The n-th number, uniform in [0, 1), in steps of 2⁻²⁴.
  constexpr float uniform(std::uint64_t n) const { return to_uniform(bits(n)); }
  /// The n-th number, normal with mean 0 and variance 1 (Box-Muller of the uniform numbers 2n and 2n + 1).
  float normal(std::uint64_t n) const {
    return float(std::sqrt(-2 * std::log(double(uniform(2 * n)) + 0x1p-25)) *
                 std::cos(6.283185307179586 * double(uniform(2 * n + 1))));
  }
  /// The n-th number, uniform in 0 … limit − 1 (the bias is under limit · 2⁻³²).
  constexpr std::uint32_t below(std::uint64_t n, std::uint32_t limit) const {
    return std::uint32_t(std::uint64_t(bits(n)) * limit >> 32);
  }

 private:
  std::uint64_t key_, stream_;
};

}  // namespace sinter
