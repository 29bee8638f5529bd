// Checks of options of functions, layers, optimizers and schedules.
#pragma once
#include "decimal.hpp"
#include "error.hpp"

namespace sinter::inline SINTER_ABI {

namespace tensor_detail {
[[noreturn]] SINTER_COLD inline void an_option_is_out_of_its_range(const char* owner, const char* option,
                                                                   const char* expected, double found) {
  throw_error(ErrorCode::argument, std::string(owner) + ", " + option,
              std::string("expected ") + expected + ", found " + general_text(found, 6));
}
}  // namespace tensor_detail

/// Throws `Error` if an option is out of range; at compile time that is an error which shows this call with the names
/// of owner and option, what is expected and what was found.
constexpr void check_option(bool fine, const char* owner, const char* option, const char* expected, double found) {
  if (!fine) tensor_detail::an_option_is_out_of_its_range(owner, option, expected, found);
}

}  // namespace sinter
