// The custom kernels of the library's primitives, and the scratch memory that they take. `run` is defined beside the
// code: attend.hpp, attend_gradient.hpp, recur.hpp, recur_gradient.hpp, winograd.hpp.
#pragma once
#include "../../ops/attention.hpp"
#include "../../ops/recurrence.hpp"
#include "custom.hpp"
#include "instance.hpp"
#include "lowering/filters.hpp"

namespace sinter::inline SINTER_ABI::cpu {

/// Scratch memory of attention, forward and backward.
struct AttendScratch {
  static constexpr std::int64_t most_heads = 16;        ///< in progress at once
  static constexpr std::int64_t block_of_queries = 64;  ///< at most

  static constexpr std::int64_t padded(std::int64_t n) { return (n + 31) / 32 * 32; }
  /// How many heads are in progress at once: each has packed keys and values of its own.
  static constexpr std::int64_t heads(const graph::Signature& s) {
    const Shape& keys = s.shape(1);
    std::int64_t n = 1;
    for (int i = 0; i < keys.rank - 2; ++i) n *= keys[i];
    return std::min(n, most_heads);
  }
};

template <> struct CustomKernel<ops::Attention> {
  template <class T, class = Instance> static void run(const CustomCall& c);
  /// Packed keys and values of each head in progress.
  static constexpr std::int64_t scratch(const graph::Signature& s) {
    using A = AttendScratch;
    const Shape &k = s.shape(1), &v = s.shape(2);
    return A::heads(s) * A::padded(k[k.rank - 2]) * (A::padded(k[k.rank - 1]) + A::padded(v[v.rank - 1])) *
           bytes_of(s.dtype(0));
  }
};

template <> struct CustomKernel<ops::AttentionGradient> {
  template <class T, class = Instance> static void run(const CustomCall& c);
  /// For each head in progress: keys as they are and transposed, values transposed, and a block of queries with its
  /// data.
  static constexpr std::int64_t scratch(const graph::Signature& s) {
    using A = AttendScratch;
    const Shape &k = s.shape(1), &v = s.shape(2);
    const std::int64_t keys = A::padded(k[k.rank - 2]), d = A::padded(k[k.rank - 1]), dv = A::padded(v[v.rank - 1]);
    return A::heads(s) * ((2 * d + dv) * keys + A::block_of_queries * (3 * d + 2 * dv) + 64) * bytes_of(s.dtype(0));
  }
};

/// Units of a recurrence in whole registers of any width.
constexpr std::int64_t padded_units(std::int64_t n) { return (n + 15) / 16 * 16; }

template <> struct CustomKernel<ops::Recurrence> {
  /// The weights in panels.
  static constexpr std::int64_t scratch(const graph::Signature& s) {
    return std::int64_t(ops::gates(ops::Recurrence::cell(s))) * padded_units(s.shape(1)[1]) *
           s.shape(1)[1] * bytes_of(s.dtype(0));
  }
  template <class T, class = Instance> static void run(const CustomCall& c);
};

template <> struct CustomKernel<ops::RecurrenceGradient> {
  /// For each row the cotangents of its gates and of its state; the weights.
  static constexpr std::int64_t scratch(const graph::Signature& s) {
    const std::int64_t width = padded_units(s.shape(0)[2]), hidden = padded_units(s.shape(2)[1]);
    return (std::int64_t(s.shape(0)[1]) * (width + 2 * hidden) + s.shape(0)[2] * hidden) * bytes_of(s.dtype(0));
  }
  template <class T, class = Instance> static void run(const CustomCall& c);
};

/// Weights transformed in advance.
template <> struct CustomKernel<TransformedFilters> {
  static constexpr std::int64_t scratch(const graph::Signature&) { return 0; }
  template <class T, class = Instance> static void run(const CustomCall& c);
};

}  // namespace sinter::cpu
