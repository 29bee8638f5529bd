// A graph run by the executor of run-time graphs; what depends on its first `parameters` inputs alone is prepared.
#pragma once
#include <sinter/backend/generic/executor.hpp>
#include <sinter/backend/reference/interpreter.hpp>

namespace support {

inline std::vector<sinter::internals::reference::Array> execute(
    const sinter::graph::Builder& g, const std::vector<sinter::internals::reference::Array>& inputs,
    const sinter::internals::reference::Lengths& lengths,
    const sinter::internals::compile::Target& target = sinter::cpu::run_time_target, int* chains = nullptr,
    int parameters = 0) {
  sinter::internals::generic::Program program(g, parameters, target);
  if (chains != nullptr) *chains += program.plan().chains.empty() ? 0 : 1;
  std::vector<sinter::internals::reference::Array> outputs;
  for (const int o : g.outputs) outputs.emplace_back(g[o].dtype, g.shape(o));
  std::vector<const void*> in;
  std::vector<void*> out;
  for (const auto& a : inputs) in.push_back(a.bytes.data());
  for (auto& a : outputs) out.push_back(a.bytes.data());
  std::vector<std::int64_t> n;
  for (const int symbol : program.plan().symbols) n.push_back(lengths.at(symbol));
  program.prepare({in.begin(), in.begin() + parameters});
  program.run(in, out, n);
  return outputs;
}

}  // namespace support
