// Results that must not depend on the number of threads.
#pragma once
#include <doctest/doctest.h>
#include <sinter/sinter.hpp>

#include <cmath>
#include <cstring>

namespace support {

using namespace sinter;

/// Normal numbers, from a separate stream.
template <class T> T drawn(std::uint64_t stream, float shift = 0) {
  T t(uninitialized);
  const Philox random(Seed{7}, stream);
  for (std::ptrdiff_t i = 0; i < t.size(); ++i) t.data()[i] = random.normal(std::uint64_t(i)) + shift;
  return t;
}
template <class T> bool same_bits(const T& a, const T& b) {
  return std::memcmp(a.data(), b.data(), std::size_t(a.size()) * sizeof(*a.data())) == 0;
}

/// Runs f, which writes a tensor, with several numbers of threads; the results must be the same, bit by bit.
template <class T, class F> T on_any_threads(F f) {
  T first(uninitialized);
  for (const int threads : {1, 2, 3, 7}) {
    set_num_threads(threads);
    T y(uninitialized);
    std::memset(static_cast<void*>(y.data()), 0xff, std::size_t(y.size()) * sizeof(*y.data()));
    f(y);
    if (threads == 1) first = y;
    else CHECK(same_bits(first, y));
  }
  set_num_threads(1);
  return first;
}
inline double difference(float found, double expected, double scale) {
  return std::abs(double(found) - expected) / scale;
}

}  // namespace support
