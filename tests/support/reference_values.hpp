// Numbers that PyTorch computed: reference/*.txt, written by the scripts next to them.
#pragma once
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include <sinter/tensor/tensor.hpp>

namespace support {

struct ReferenceValue {
  std::string shape;
  std::vector<double> elements;
};

inline const std::map<std::string, ReferenceValue>& reference_values() {
  static const auto values = [] {
    std::map<std::string, ReferenceValue> all;
    for (const char* name : {"values", "optim", "nn", "attention", "cnn", "edges", "second_order", "half", "metrics",
                             "saved_by_sinter", "stored", "vision"}) {
      std::ifstream file(std::string(SINTER_TESTS "/reference/") + name + ".txt");
      for (std::string line; std::getline(file, line);) {
        std::istringstream in(line);
        std::string key;
        ReferenceValue v;
        in >> key >> v.shape;
        for (std::string x; in >> x;) v.elements.push_back(std::strtod(x.c_str(), nullptr));  // >> reads no "nan"
        REQUIRE_MESSAGE(all.emplace(key, v).second, "two reference values " << key);
      }
    }
    return all;
  }();
  return values;
}

inline std::string bracketed(const sinter::Shape& s) {
  std::string text = "[";
  for (int i = 0; i < s.rank; ++i) text += (i > 0 ? "," : "") + std::to_string(s[i]);
  return text + "]";
}

inline const ReferenceValue& reference_value(const std::string& name) {
  const auto found = reference_values().find(name);
  REQUIRE_MESSAGE(found != reference_values().end(), "no reference value " << name);
  return found->second;
}

inline bool has_reference_value(const std::string& name) { return reference_values().count(name) > 0; }

/// A tensor with the reference's elements.
template <class T> T reference_tensor(const std::string& name) {
  const ReferenceValue& v = reference_value(name);
  REQUIRE(v.shape == bracketed(T::shape));
  T t;
  for (std::size_t i = 0; i < v.elements.size(); ++i) t.data()[i] = static_cast<typename T::element>(v.elements[i]);
  return t;
}

/// The difference of two numbers relative to 1 + the size of what is expected;
/// 0 between NaN and NaN and between equal infinities.
inline double distance(double found, double expected) {
  if (found == expected || (std::isnan(found) && std::isnan(expected))) return 0;
  const double d = std::abs(found - expected) / (1 + std::abs(expected));
  return std::isnan(d) ? std::numeric_limits<double>::infinity() : d;
}
/// The largest difference.
template <class T> double distance(const T& found, const std::string& name) {
  const ReferenceValue& v = reference_value(name);
  REQUIRE(v.shape == bracketed(T::shape));
  double worst = 0;
  for (std::size_t i = 0; i < v.elements.size(); ++i) {
    worst = std::max(worst, distance(double(found.data()[i]), v.elements[i]));
  }
  return worst;
}

}  // namespace support
