// A map kernel as a function of one element: for backends with one thread, or one call, per element.
//
// The micro-operations are those of the CPU's map with one lane (body.hpp);
// here is only how an element is found from its number. All of it is constexpr,
// which is what lets nvcc compile it for the device (--expt-relaxed-constexpr).
#pragma once
#include "body.hpp"

namespace sinter::inline SINTER_ABI::internals::backend {

/// How many run-time lengths the kernel K reads.
template <class K> constexpr int lengths_of() {
  int n = 0;
  for (const compile::Micro& m : K::body.micros)
    if (m.what == compile::Micro::What::length && m.a >= n) n = m.a + 1;
  return n;
}

/// All that a map reads besides its operands, by value: a kernel on a device gets no pointer into the host's memory.
template <int Loops, int Pointers, int Lengths> struct MapArguments {
  Arguments<Loops, Pointers> at;
  std::int64_t lengths[std::size_t(Lengths > 0 ? Lengths : 1)]{};

  template <class Context> MapArguments(const std::int64_t* table, const Context& c) : at(table, c) {
    for (int i = 0; i < Lengths; ++i) lengths[i] = c.lengths[i];
  }
  std::int64_t elements() const { return points(at, 0, Loops); }
};
template <class K> using MapArgumentsOf = MapArguments<K::body.loops, K::body.pointers, lengths_of<K>()>;

/// Computes and stores element `number` of the kernel K, counted in row-major order over its loops.
template <class K, int L, int P, int Lengths>
[[gnu::flatten]] constexpr void run_element(const MapArguments<L, P, Lengths>& a, std::int64_t number) {
  constexpr auto size = element_sizes<K>();
  Cursor<P> w{a.at.address, a.at.origin};
  for (int i = L - 1; i >= 0; --i) {
    // the first loop takes what remains
    const std::int64_t extent = a.at.extent[i], index = i > 0 ? number % extent : number;
    if (i > 0) number /= extent;
    for (int p = 0; p < P; ++p) {
      const std::int64_t by = index * a.at.stride[p][i];
      w.address[p] += by * size[p];
      w.count[p] += by;
    }
  }
  const struct {
    const std::int64_t* lengths;
  } c{a.lengths};
  const auto stride = [](int) { return std::int64_t(0); };  // the cursor stands at the element already
  RegisterFile<K, 1> r;
  evaluate_each<K, 1, EveryMicro>(r, w, Span{0, 1}, c, stride);
}

}  // namespace sinter::internals::backend
