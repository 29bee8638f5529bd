// The memory of a CUDA device: what TensorOn<Cuda, …> needs of it. Links the CUDA runtime; needs no nvcc.
#pragma once
#include <cuda_runtime_api.h>

#include <string>

#include "../../tensor/transfer.hpp"

namespace sinter::inline SINTER_ABI {

/// The current device's. Copies wait for their end. Throws `Error` when CUDA refuses.
template <> struct MemoryOf<Cuda> {
  static std::byte* allocate(std::size_t bytes) {
    void* at = nullptr;
    check(cudaMalloc(&at, bytes), "memory");
    return static_cast<std::byte*>(at);
  }
  static void release(std::byte* at) noexcept { (void)cudaFree(at); }
  static void copy(std::byte* to, const std::byte* from, std::size_t bytes, Transfer way) {
    check(cudaMemcpy(to, from, bytes,
                     way == Transfer::in    ? cudaMemcpyHostToDevice
                     : way == Transfer::out ? cudaMemcpyDeviceToHost
                                            : cudaMemcpyDeviceToDevice),
          "copy");
  }

 private:
  static void check(cudaError_t e, const char* what) {
    if (e != cudaSuccess)
      throw_error(ErrorCode::unsupported, what, std::string("cuda: ") + cudaGetErrorString(e));
  }
};

}  // namespace sinter
