// The one exception type of the library.
#pragma once
#include <stdexcept>
#include <string>

#include "attributes.hpp"

namespace sinter {

/// What kind of thing went wrong; the text says the rest.
enum class ErrorCode {
  argument,     ///< a value outside its documented range
  shape,        ///< extents that do not fit together (found while the program runs)
  length,       ///< a run-time length above its bound, or two inputs that disagree on one
  file,         ///< a file that cannot be opened, read, written or replaced
  format,       ///< a file that is not what it claims to be: truncated, damaged, hostile
  mismatch,     ///< a sound file that does not fit the model: wrong dtype, missing or extra key
  unsupported,  ///< something this build or backend cannot do
};

/// Text as it may stand in a message, whatever file it comes from: control characters, escape sequences of a terminal and bytes that are no UTF-8 are
/// written as \x1b, in hexadecimal.
SINTER_COLD inline std::string printable(const std::string& text) {
  constexpr unsigned smallest[]{0, 0xa0, 0x800, 0x10000};  // with so many bytes behind the first; a character has its shortest form, U+80 … U+9F are controls
  std::string all;
  for (std::size_t i = 0; i < text.size();) {
    const auto byte = [&](std::size_t k) { return i + k < text.size() ? unsigned(static_cast<unsigned char>(text[i + k])) : 0; };
    const std::size_t more = byte(0) < 0xc0 ? 0 : byte(0) < 0xe0 ? 1 : byte(0) < 0xf0 ? 2 : 3;
    unsigned character = more == 0 ? byte(0) : byte(0) & (0x3fu >> more);
    bool sound = more == 0 ? character >= 0x20 && character < 0x7f : byte(0) < 0xf8;
    for (std::size_t k = 1; k <= more; ++k) {
      sound = sound && (byte(k) & 0xc0) == 0x80;
      character = character << 6 | (byte(k) & 0x3f);
    }
    sound = sound && character >= smallest[more] && character < 0x110000;
    constexpr char digits[] = "0123456789abcdef";
    if (sound) all.append(text, i, more + 1);
    else (all += "\\x").append({digits[byte(0) >> 4], digits[byte(0) & 15]});
    i += sound ? more + 1 : 1;
  }
  return all;
}

/// Every error the library throws. `what()` reads "context: problem; remedy".
///
/// `context` names the place (a file and field, a function and argument), `problem` what was expected and
/// what was found, `remedy` what the reader can do, all of it `printable`. Whatever was being changed is as it was before the call.
class Error : public std::runtime_error {
 public:
  SINTER_COLD Error(ErrorCode code, const std::string& context, const std::string& problem, const std::string& remedy = {})
      : std::runtime_error(printable(context + ": " + problem + (remedy.empty() ? "" : "; " + remedy))),
        code_(code), context_(printable(context)), problem_(printable(problem)), remedy_(printable(remedy)) {}

  ErrorCode code() const noexcept { return code_; }
  const std::string& context() const noexcept { return context_; }
  const std::string& problem() const noexcept { return problem_; }
  const std::string& remedy() const noexcept { return remedy_; }

 private:
  ErrorCode code_;
  std::string context_, problem_, remedy_;
};

}  // namespace sinter
