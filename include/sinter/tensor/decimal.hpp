// Numbers as text, the same in every C locale: "0.5", never "0,5".
//
// printf, strtod and std::to_string write and read the decimal separator of LC_NUMERIC, which belongs to the host
// program. All numbers that the library writes go through here, and those that it reads through std::from_chars.
#pragma once
#include <charconv>
#include <string>

#include "language.hpp"

namespace sinter::inline SINTER_ABI::tensor_detail {

/// As printf's "%.{digits}g" in C's locale: 0.5, 1e+20, inf, nan.
inline std::string general_text(double x, int digits = 6) {
  char text[64];
  const auto [end, error] = std::to_chars(text, text + sizeof text, x, std::chars_format::general, digits);
  return {text, end};
}

/// As printf's "%{width}.{decimals}f" in C's locale.
inline std::string fixed_text(double x, int decimals, std::size_t width = 0) {
  char digits[400];  // the largest double has 309 digits before its point
  const auto [end, error] = std::to_chars(digits, digits + sizeof digits, x, std::chars_format::fixed, decimals);
  std::string text(digits, end);
  if (text.size() < width) text.insert(0, width - text.size(), ' ');
  return text;
}

}  // namespace sinter::tensor_detail
