// Custom kernels of primitives: how such a function is found and its arguments.
//
// `CustomKernel<Op>::run<T>(call)` runs primitive Op on results of type T. It is an ordinary function of run-time
// numbers, shared by all programs and by the executor of run-time graphs.
#pragma once
#include "../plain_kernel.hpp"
#include "context.hpp"

namespace sinter::inline SINTER_ABI::cpu {

/// Operands, then results, each with a stride for every loop of the primitive; a result that nobody reads has no
/// address.
struct CustomCall {
  const std::int64_t* extent;          ///< of each loop
  int loops;
  std::byte* const* address;
  const std::int64_t* strides;         ///< in elements, those of one tensor after another
  const Dtype* dtype;                  ///< of each tensor; of results without address that of the first
  int operands;
  const std::int64_t* attributes;
  const Context& context;

  template <class T> T* at(int tensor) const { return reinterpret_cast<T*>(address[tensor]); }
  const std::int64_t* stride(int tensor) const { return strides + tensor * loops; }
};

/// Specialised next to the function of a primitive, a user's too. A primitive without one is evaluated by its plain
/// loops.
template <class Op> struct CustomKernel;

/// What an identity says about a custom kernel.
template <class Micros> struct CustomBody {
  using What = compile::Micro::What;
  std::uint64_t code = 0;
  Dtype result = Dtype::float32;
  int operands = 0, attributes = 0;

  constexpr explicit CustomBody(const Micros& micros) {
    for (const compile::Micro& m : micros) {
      if (m.what == What::load) ++operands;
      if (m.what == What::attribute) ++attributes;
      if (m.what == What::apply) code = m.code, result = m.dtype;
    }
  }
  /// Attributes and dtypes in the order of the tensors.
  static constexpr void read(const Micros& micros, std::int64_t* attribute, Dtype* dtype) {
    for (const compile::Micro& m : micros) {
      if (m.what == What::attribute) *attribute++ = std::int64_t(m.bits);
      if (m.what == What::load) dtype[m.a] = m.dtype;
      if (m.what == What::store) dtype[m.b] = m.dtype;
    }
  }
};

/// Whether a primitive has a kernel here.
template <class Op, class T>
concept HasKernel = requires(const CustomCall& c) { CustomKernel<Op>::template run<T>(c); };

template <class K> inline void custom(const std::int64_t* table, const Context& c) {
  constexpr int L = K::body.loops, P = K::body.pointers;
  using Body = CustomBody<std::remove_cvref_t<decltype(K::body.micros)>>;
  static constexpr Body body(K::body.micros);
  using Op = graph::primitive_struct<body.code>;
  using T = element_type<body.result>;
  const Arguments<L, P> a(table, c);
  if constexpr (HasKernel<Op, T>) {
    static constexpr auto facts = [] {
      struct {
        std::array<std::int64_t, std::size_t(body.attributes > 0 ? body.attributes : 1)> attribute{};
        std::array<Dtype, std::size_t(P)> dtype{};
      } r;
      r.dtype.fill(body.result);
      Body::read(K::body.micros, r.attribute.data(), r.dtype.data());
      return r;
    }();
    CustomKernel<Op>::template run<T>({a.extent.data(), L, a.address.data(), a.stride[0].data(), facts.dtype.data(),
                                       body.operands, facts.attribute.data(), c});
  } else {
    internals::backend::PlainKernel(graph::primitive<Op>, K::body.micros, a.extent.data(), a.address.data(), P,
                                    [&](int p, int l) { return a.stride[p][l]; })
        .run();
  }
}

}  // namespace sinter::cpu
