// The one exception type of the library.
#pragma once
#include <stdexcept>
#include <string>
#include <string_view>

#include "throw.hpp"
#include "utf8.hpp"

namespace sinter::inline SINTER_ABI {

/// The kind of error; details are in its text.
enum class ErrorCode {
  argument,     ///< a value outside its documented range
  shape,        ///< extents that do not match (found at run time)
  length,       ///< a run-time length above its bound, or two inputs that disagree on one
  file,         ///< a file that cannot be opened, read, written or replaced
  format,       ///< a file that is not what it claims to be: truncated, damaged, hostile
  mismatch,     ///< a valid file that does not match the model: wrong dtype, missing or extra key
  unsupported,  ///< something this build or backend cannot do
  internal,     ///< a fault of the library itself
};

namespace tensor_detail {
/// Text that is safe in a message, whatever file it comes from: control characters (terminal escape sequences begin
/// with them) and bytes that are not UTF-8 are written in hexadecimal, as \x1b.
SINTER_COLD inline std::string printable(std::string_view text) {
  constexpr char digits[] = "0123456789abcdef";
  std::string all;
  while (!text.empty()) {
    const std::size_t n = utf8_length(text);
    const bool as_it_is = n > 0 && !is_control(text.substr(0, n));
    const auto byte = static_cast<unsigned char>(text[0]);
    if (as_it_is)
      all += text.substr(0, n);
    else
      (all += "\\x").append({digits[byte >> 4], digits[byte & 15]});
    text.remove_prefix(as_it_is ? n : 1);
  }
  return all;
}
}  // namespace tensor_detail

/// Every error the library throws. `what()` reads "context: problem; remedy".
///
/// `context` says where (a file and field, a function and argument), `problem` what was expected and what was found,
/// `remedy` what the reader can do, all of it `printable`. What was being changed is left as before the call.
class Error : public std::runtime_error {
 public:
  SINTER_COLD Error(ErrorCode code, const std::string& context, const std::string& problem,
                    const std::string& remedy = {})
      : std::runtime_error(tensor_detail::printable(context + ": " + problem + (remedy.empty() ? "" : "; " + remedy))),
        code_(code),
        context_(tensor_detail::printable(context)),
        problem_(tensor_detail::printable(problem)),
        remedy_(tensor_detail::printable(remedy)) {}

  ErrorCode code() const noexcept { return code_; }
  const std::string& context() const noexcept { return context_; }
  const std::string& problem() const noexcept { return problem_; }
  const std::string& remedy() const noexcept { return remedy_; }

 private:
  ErrorCode code_;
  std::string context_, problem_, remedy_;
};

/// Throws an `Error`, as the library does: in programs without exceptions it is printed, and the program aborts.
[[noreturn]] SINTER_COLD inline void throw_error(ErrorCode code, const std::string& context, const std::string& problem,
                                                 const std::string& remedy = {}) {
  tensor_detail::raise(Error(code, context, problem, remedy));
}

}  // namespace sinter
