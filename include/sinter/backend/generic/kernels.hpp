// The custom kernels that graphs made at run time know. A compiled program finds a kernel by the type of its primitive;
// here it is found by the primitive's code, so it registers:
//
//   template <> struct sinter::cpu::CustomKernel<Mine> {
//     static constexpr std::int64_t scratch(const graph::Signature&) { return 0; }
//     template <class T> static void run(const CustomCall& c) { … }
//   };
//   inline const sinter::internals::generic::RegisteredKernel<Mine> mine;
//
// A primitive without one is evaluated by its plain loops (backend/plain_kernel.hpp).
#pragma once
#include <map>

#include "../cpu/target.hpp"

namespace sinter::internals::generic {

/// By code: the kernel for results in float32, and in float64.
class KernelRegistry {
 public:
  using Run = void (*)(const cpu::CustomCall&);
  struct Kernel {
    Run single = nullptr, twice = nullptr;
  };

  static Run find(std::uint64_t code, Dtype result) {
    const auto at = all().find(code);
    if (at == all().end()) return nullptr;
    return result == Dtype::float64 ? at->second.twice : at->second.single;
  }
  static void add(std::uint64_t code, Kernel k) { all()[code] = k; }

 private:
  static std::map<std::uint64_t, Kernel>& all() {
    static std::map<std::uint64_t, Kernel> kernels;
    return kernels;
  }
};

/// Registers the kernel of a primitive while the process starts.
template <class Op> struct RegisteredKernel {
  RegisteredKernel() {
    KernelRegistry::add(graph::code_of<Op>,
                        {&cpu::CustomKernel<Op>::template run<float>, &cpu::CustomKernel<Op>::template run<double>});
  }
};

inline const RegisteredKernel<ops::Attention> attention_kernel;
inline const RegisteredKernel<ops::AttentionGradient> attention_gradient_kernel;
inline const RegisteredKernel<ops::Recurrence> recurrence_kernel;
inline const RegisteredKernel<ops::RecurrenceGradient> recurrence_gradient_kernel;

}  // namespace sinter::internals::generic
