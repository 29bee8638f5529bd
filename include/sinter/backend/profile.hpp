// What profiles ask of a backend: which form of a kernel runs a step, and what the hardware can do at most. A backend
// that has no `Profile` (backend.hpp) is asked neither.
#pragma once
#include <string>

#include "../compile/steps.hpp"
#include "backend.hpp"
#include "roof.hpp"
#ifndef SINTER_HOST  // else whoever profiles programs on it includes the header of its hooks
#include "cpu/profile.hpp"
#endif

namespace sinter::inline SINTER_ABI::internals::backend {

/// A policy whose backend tells profiles about its steps; `Backend::Profile` is defined.
template <class P>
concept Profiled = Policy<P> && requires(const compile::StepReport& s, const compile::RunTimeBody& body, const P& p) {
  { P::Backend::Profile::variant(s, body) } -> std::convertible_to<std::string>;
  { P::Backend::Profile::roof(p) } -> std::convertible_to<Roof>;
};

/// How the backend B runs a step, in its words; of a chain "8 tiles of 2: ", then its contractions and the operations
/// after them.
template <class B> std::string variant(const compile::StepReport& s, const compile::Steps& steps) {
  if constexpr (requires { typename B::Profile; }) {
    if (s.parts.empty()) return B::Profile::variant(s, steps.body(s.kernel));
    std::string all;
    for (const compile::StepReport& part : s.parts)
      if (!part.operations.empty()) all += (all.empty() ? "" : " · ") + variant<B>(part, steps);
    return std::to_string(s.tiles) + " tiles of " + std::to_string(s.units) + ": " + all;
  } else {
    return {};
  }
}
/// What a program with this policy can reach at most.
template <class P> Roof roof(const P& policy) {
  if constexpr (requires { typename P::Backend::Profile; }) return P::Backend::Profile::roof(policy);
  else return {};
}

}  // namespace sinter::internals::backend
