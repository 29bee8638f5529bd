// The custom kernels that graphs made at run time know. A compiled program finds a kernel by the type of its primitive;
// here it is found by the primitive's code, so it registers:
//
//   template <> struct sinter::cpu::CustomKernel<Mine> {
//     template <class T> static void run(const CustomCall& c) { … }
//   };
//   inline const sinter::internals::generic::RegisteredKernel<Mine> mine;  // for results in float32 and float64
//
// A primitive without one for its results is evaluated by its plain loops (backend/plain_kernel.hpp).
#pragma once
#include <map>

#include "../cpu/target.hpp"

namespace sinter::inline SINTER_ABI::internals::generic {

/// By code and by the dtype of the (first) result.
class KernelRegistry {
 public:
  using Run = void (*)(const cpu::CustomCall&);
  using Kernels = PerDtype<Run>;

  /// Null where there is none.
  static Run find(std::uint64_t code, Dtype result) {
    const auto at = all().find(code);
    return at == all().end() ? nullptr : at->second[result];
  }
  static void add(std::uint64_t code, const Kernels& k) { all()[code] = k; }

 private:
  static std::map<std::uint64_t, Kernels>& all() {
    static std::map<std::uint64_t, Kernels> kernels;
    return kernels;
  }
};

/// Registers the kernel of a primitive while the process starts, for results of the types T.
template <class Op, class... T> struct RegisteredKernel {
  RegisteredKernel() {
    KernelRegistry::Kernels k{};
    ((k[dtype_of<T>] = &cpu::CustomKernel<Op>::template run<T>), ...);
    KernelRegistry::add(graph::code_of<Op>, k);
  }
};
template <class Op> struct RegisteredKernel<Op> : RegisteredKernel<Op, float, double> {};

inline const RegisteredKernel<ops::Attention> attention_kernel;
inline const RegisteredKernel<ops::AttentionGradient> attention_gradient_kernel;
inline const RegisteredKernel<ops::Recurrence> recurrence_kernel;
inline const RegisteredKernel<ops::RecurrenceGradient> recurrence_gradient_kernel;

}  // namespace sinter::internals::generic
