// The map kernel on Thrust: one call of a function object per element.
//
// Thrust chooses the processor. With THRUST_DEVICE_SYSTEM set to THRUST_DEVICE_SYSTEM_CPP or _OMP any C++20 compiler
// takes this header, and the backend runs without a GPU; the OMP system uses OpenMP's threads. nvcc compiles it for a
// device too; addresses are then such as both sides can reach (managed memory).
#pragma once
#if !defined(__CUDACC__) && !defined(THRUST_DEVICE_SYSTEM)
#error "sinter: without nvcc Thrust runs on the host; add -DTHRUST_DEVICE_SYSTEM=THRUST_DEVICE_SYSTEM_CPP (or _OMP)"
#else
#if defined(__CUDACC__)
#include <thrust/detail/config.h>
#else
#include <thrust/detail/config/device_system.h>
#if THRUST_DEVICE_SYSTEM != THRUST_DEVICE_SYSTEM_CPP && THRUST_DEVICE_SYSTEM != THRUST_DEVICE_SYSTEM_OMP
#error "sinter: without nvcc Thrust runs on the host: THRUST_DEVICE_SYSTEM_CPP or THRUST_DEVICE_SYSTEM_OMP"
#endif
#endif
#include <thrust/execution_policy.h>
#include <thrust/for_each.h>
#include <thrust/iterator/counting_iterator.h>

#include "../element.hpp"

namespace sinter::inline SINTER_ABI::on_thrust {

/// What Thrust calls: element i of the kernel K.
template <class K> struct Element {
  internals::backend::MapArgumentsOf<K> arguments;
  constexpr void operator()(std::int64_t i) const { internals::backend::run_element<K>(arguments, i); }
};

template <class K> inline void map(const std::int64_t* table, const cpu::Context& c) {
  const Element<K> element{{table, c}};
  const ::thrust::counting_iterator<std::int64_t> first(0);
  ::thrust::for_each(::thrust::device, first, first + element.arguments.elements(), element);
}

}  // namespace sinter::on_thrust
#endif
