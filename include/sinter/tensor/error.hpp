// The one exception type of the library.
#pragma once
#include <stdexcept>
#include <string>
#include <utility>

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
  internal,     ///< a fault of the library itself
};

/// Every error the library throws. `what()` reads "context: problem; remedy".
///
/// `context` names the place (a file and field, a function and argument), `problem` what was expected and
/// what was found, `remedy` what the reader can do. Whatever was being changed is as it was before the call.
class Error : public std::runtime_error {
 public:
  SINTER_COLD Error(ErrorCode code, std::string context, std::string problem, std::string remedy = {})
      : std::runtime_error(context + ": " + problem + (remedy.empty() ? "" : "; " + remedy)),
        code_(code), context_(std::move(context)), problem_(std::move(problem)), remedy_(std::move(remedy)) {}

  ErrorCode code() const noexcept { return code_; }
  const std::string& context() const noexcept { return context_; }
  const std::string& problem() const noexcept { return problem_; }
  const std::string& remedy() const noexcept { return remedy_; }

 private:
  ErrorCode code_;
  std::string context_, problem_, remedy_;
};

}  // namespace sinter
