// What must hold between the passes, and how a violation is reported.
#pragma once
#include <string>

#include "../tensor/error.hpp"

namespace sinter::inline SINTER_ABI::internals::compile {

#ifdef SINTER_VERIFY
inline constexpr bool verifying = true;
#else
inline constexpr bool verifying = false;
#endif

/// A rule that a pass left broken, at a node or step. In constant evaluation
/// the compiler names this function and its arguments.
[[noreturn]] SINTER_COLD inline void broken(const char* pass, const char* rule, int where) {
  throw_error(ErrorCode::internal, pass,
              std::string("expected ") + rule + ", found otherwise at " + std::to_string(where),
              "this is a fault of the library; please report it");
}

}  // namespace sinter::internals::compile
