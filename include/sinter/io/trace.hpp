// Profiles as files for trace viewers: chrome://tracing, Perfetto.
#pragma once
#include "../tensor/optimised_begin.hpp"
#include <cmath>

#include "../tensor/decimal.hpp"
#include "../train/profile.hpp"
#include "atomic_file.hpp"
#include "json_string.hpp"

namespace sinter::inline SINTER_ABI {

namespace io {

/// Enough digits for nanoseconds in a run of minutes; JSON has no infinity.
inline std::string json_number(double x) { return std::isfinite(x) ? tensor_detail::general_text(x, 12) : "null"; }

/// The trace event format's "complete events", one per step, in microseconds since the run began.
inline std::string trace_of(const Profile& p) {
  std::string s = "{\"displayTimeUnit\": \"ns\", \"traceEvents\": [\n";
  for (std::size_t i = 0; i < p.steps.size(); ++i) {
    const ProfiledStep& t = p.steps[i];
    s += "{\"ph\": \"X\", \"pid\": 1, \"tid\": 1, \"cat\": " + json_string(t.kind) +
         ", \"name\": " + json_string(t.name.empty() ? t.operations : t.name + ": " + t.operations) +
         ", \"ts\": " + json_number(t.start * 1e6) + ", \"dur\": " + json_number(t.seconds * 1e6) +
         ", \"args\": {\"step\": " + std::to_string(i) + ", \"kernel\": " + std::to_string(t.kernel) +
         (t.variant.empty() ? std::string() : ", \"variant\": " + json_string(t.variant)) +
         ", \"flops\": " + json_number(t.flops) + ", \"bytes\": " + json_number(t.bytes) +
         (t.roof == 0 ? std::string() : ", \"roof\": " + json_number(t.roof)) + "}}" +
         (i + 1 < p.steps.size() ? "," : "") + "\n";
  }
  return s + "]}\n";
}

}  // namespace io

/// Writes the steps of the fastest run as Chrome trace JSON; the file is written whole or not at all. Throws `Error`
/// (file). PyTorch: prof.export_chrome_trace.
inline void save_trace(const Profile& p, const std::string& path) { io::replace_file(path, {io::trace_of(p)}); }

}  // namespace sinter

#include "../tensor/optimised_end.hpp"
