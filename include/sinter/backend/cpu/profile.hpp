// What profiles ask of the CPU (backend/backend.hpp); programs that are not profiled do not include it.
#pragma once
#include "backend.hpp"
#include "roof.hpp"
#include "variant.hpp"

namespace sinter::inline SINTER_ABI::cpu {

struct Backend::Profile {
  static std::string variant(const compile::StepReport& step, const compile::RunTimeBody& body) {
    return cpu::variant(step, body);
  }
  template <class Policy> static Roof roof(const Policy& policy) { return measure_roof(policy.threads); }
};

}  // namespace sinter::cpu
