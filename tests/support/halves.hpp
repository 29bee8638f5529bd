// The graph before it is split into steps: the part that depends on parameters alone, and the rest.
#pragma once
#include <sinter/backend/cpu/target.hpp>
#include <sinter/compile/compile.hpp>

#include <string>
#include <type_traits>

namespace support {

/// Without weights packed in advance, which the interpreter does not support.
inline constexpr sinter::internals::compile::Target unpacked = [] {
  sinter::internals::compile::Target t = sinter::cpu::run_time_target;
  t.weight_forms = nullptr;
  return t;
}();

inline sinter::internals::compile::Prepared halves_of(
    const sinter::graph::Builder& g, int parameters,
    const sinter::internals::compile::Target& target = unpacked) {
  namespace compile = sinter::internals::compile;
  compile::Prepared halves;
  halves.rest = g;
  const auto keep = [&](const std::string& pass, const auto& made, const auto&...) {
    if constexpr (std::is_same_v<std::remove_cvref_t<decltype(made)>, sinter::graph::Builder>) {
      if (pass == "prepare") halves.prepare = made;
      if (pass == "rest") halves.rest = made;
    }
  };
  compile::compile(g, parameters, target, keep);
  return halves;
}

}  // namespace support
