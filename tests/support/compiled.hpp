// A graph as a compiled program of the CPU backend, against the interpreter in double, on one, two and three threads.
#pragma once
#include <doctest/doctest.h>
#include <sinter/backend/cpu/backend.hpp>
#include <sinter/compile/program.hpp>

#include <algorithm>

#include "random_graph.hpp"

namespace support {

/// `Trace` builds the graph in constant evaluation.
template <class Trace, class Backend = cpu::Backend>
void check_compiled(std::uint64_t seed, int variants = 6, double bound = 1e-4) {
  using P = compile::Program<Trace, Backend>;
  const Builder g = Trace{}();
  for (int variant = 0; variant < variants; ++variant) {
    CAPTURE(variant);
    const reference::Lengths lengths = random_lengths(g, 100 * seed + std::uint64_t(variant));
    const auto inputs = random_inputs(g, lengths, 100 * seed + std::uint64_t(variant));
    const auto expected = reference::Interpreter(g, true).run(inputs, lengths);
    std::vector<std::int64_t> n{0};
    n.clear();
    for (const int symbol : P::symbols) n.push_back(lengths.at(symbol));
    std::vector<std::vector<reference::Array>> results;
    for (const int threads : {1, 2, 3}) {
      auto copies = inputs;
      std::vector<reference::Array> outputs;
      for (const int o : g.outputs) {
        outputs.emplace_back(g[o].dtype, g.shape(o));
        std::fill(outputs.back().bytes.begin(), outputs.back().bytes.end(), std::byte(0xff));
      }
      constexpr std::size_t guard = 65536;
      tensor_detail::AlignedBlock<std::byte> workspace(P::workspace_bytes + guard);
      std::memset(workspace.data(), 0xff, workspace.size());  // NaN: shows reads before writes
      std::vector<std::byte*> base{workspace.data()};
      for (auto& a : copies) base.push_back(a.bytes.data());
      for (auto& a : outputs) base.push_back(a.bytes.data());
      P::run(cpu::Context{base.data(), n.data(), nullptr, threads});
      CHECK(std::all_of(workspace.data() + P::workspace_bytes, workspace.data() + workspace.size(),
                        [](std::byte b) { return b == std::byte(0xff); }));
      for (std::size_t k = 0; k < expected.size(); ++k) {
        CAPTURE(k);
        CHECK(difference(outputs[k], expected[k], lengths) < bound);
      }
      results.push_back(std::move(outputs));
    }
    for (std::size_t k = 0; k < expected.size(); ++k)
      for (const std::size_t other : {1, 2}) CHECK(difference(results[0][k], results[other][k], lengths) == 0);
  }
}

}  // namespace support
