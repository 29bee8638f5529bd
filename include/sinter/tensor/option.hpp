// Options of functions, layers and optimizers outside of their range.
#pragma once
#include "error.hpp"

namespace sinter {

[[noreturn]] SINTER_COLD inline void an_option_is_out_of_its_range(const char* option, const char* expected, double found) {
  std::string number = std::to_string(found);
  while (number.find('.') != std::string::npos && (number.back() == '0' || number.back() == '.')) {
    const bool point = number.back() == '.';
    number.pop_back();
    if (point) break;
  }
  throw Error(ErrorCode::argument, option, std::string("expected ") + expected + ", found " + number);
}
/// Throws `Error` unless an option is fine; while a program is compiled that is an error which shows this call: "huber_loss, delta", and what it must be.
constexpr void check_option(bool fine, const char* option, const char* expected, double found) {
  if (!fine) an_option_is_out_of_its_range(option, expected, found);
}

}  // namespace sinter
