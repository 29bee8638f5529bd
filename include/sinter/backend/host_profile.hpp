// What profiles ask of the host: what it can do at most, and which form of a kernel ran.
#pragma once
#include "cpu/roof.hpp"
#include "cpu/variant.hpp"

namespace sinter::internals::backend {

using Roof = cpu::Roof;
inline Roof measure_roof(int threads) { return cpu::measure_roof(threads); }
inline std::string variant(const compile::StepReport& s, const compile::Steps& steps) { return cpu::variant(s, steps); }

}  // namespace sinter::internals::backend
