// What the programs of this folder and their PyTorch twins share: inputs by formula, weights from a file.
#pragma once
#include <sinter/io/safetensors.hpp>
#include <sinter/sinter.hpp>

#include <cmath>
#include <string>
#include <vector>

namespace programs {
using namespace sinter;

/// sin(0), sin(1.3), … times a factor: the same in data.py.
template <class T> T wave(double start, double factor = 1) {
  T t;
  for (std::ptrdiff_t i = 0; i < T::size(); ++i) t.data()[i] = float(factor * std::sin(start + 1.3 * double(i)));
  return t;
}
/// 0, 7, 14, … modulo n.
template <class T> T labels(int n, int start = 0) {
  T t;
  for (std::ptrdiff_t i = 0; i < T::size(); ++i) t.data()[i] = typename T::element((start + 7 * i) % n);
  return t;
}
inline std::string weights(const char* program) {
  return std::string(SINTER_TESTS "/programs/") + program + ".safetensors";
}
using Losses = std::vector<double>;
}  // namespace programs
